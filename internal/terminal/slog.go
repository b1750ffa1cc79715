package terminal

import (
	"log/slog"
	"time"
)

// LogType is the type of the objects that are Sluice's own log.
const LogType = "sluice"

// LogAttr is the ReplaceAttr of a slog.JSONHandler that writes such objects: their time
// is like that of all others.
func LogAttr(groups []string, a slog.Attr) slog.Attr {
	if at, ok := a.Value.Any().(time.Time); ok && len(groups) == 0 && a.Key == slog.TimeKey {
		a.Value = slog.StringValue(timestamp(at))
	}
	return a
}
