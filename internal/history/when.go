package history

import (
	"fmt"
	"time"
)

// When reads a moment that somebody asks for: a time (RFC 3339), or a duration, such as
// 5m, that it is ago.
func When(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil {
		if ago < 0 {
			return time.Time{}, fmt.Errorf("%q is in the future; write 5m for five minutes ago", text)
		}
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a duration, such as 5m, nor a time, such as %s", text, now.UTC().Format(time.RFC3339))
	}
	return at, nil
}
