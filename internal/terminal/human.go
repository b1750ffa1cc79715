package terminal

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// duration writes d with three significant digits, or whole seconds and minutes:
// 850µs, 12.3ms, 1.25s, 2m05s, 15m.
func duration(d time.Duration) string {
	switch {
	case d <= 0:
		return "0ms"
	case d < time.Millisecond:
		return strconv.FormatInt(max(d.Microseconds(), 1), 10) + "µs"
	case d < 999500*time.Microsecond:
		return digits(float64(d)/float64(time.Millisecond)) + "ms"
	case d < 59950*time.Millisecond:
		return digits(d.Seconds()) + "s"
	}
	unit, part, names := time.Minute, time.Second, "ms"
	if d >= time.Hour {
		unit, part, names = time.Hour, time.Minute, "hm"
	}
	d = d.Round(part)
	s := strconv.FormatInt(int64(d/unit), 10) + names[:1]
	if rest := d % unit / part; rest > 0 {
		s += fmt.Sprintf("%02d", rest) + names[1:]
	}
	return s
}

// size writes n with three significant digits in units of 1024: 512B, 1.2KB, 20MB.
func size(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + "B"
	}
	v := float64(n)
	for _, unit := range []string{"KB", "MB", "GB"} {
		v /= 1024
		if v < 999.5 {
			return digits(v) + unit
		}
	}
	return digits(v/1024) + "TB"
}

// digits writes v with three significant digits and no trailing zeros.
func digits(v float64) string {
	decimals := 2
	switch {
	case v >= 99.95:
		decimals = 0
	case v >= 9.995:
		decimals = 1
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if decimals > 0 {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// count writes n and its noun: 1 chunk, 2 chunks.
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatInt(n, 10) + " " + noun + "s"
}

// shorten takes out the middle of s so that it is at most width columns wide.
func shorten(s string, width int) string {
	if ansi.StringWidth(s) <= width {
		return s
	}
	if width < 2 {
		return "…"
	}
	head, tail := width/2, (width-1)/2
	return ansi.Truncate(s, head, "") + "…" + ansi.TruncateLeft(s, ansi.StringWidth(s)-tail, "")
}

// pad fills s with spaces to width columns.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
}
