package terminal

import (
	"bytes"
	"encoding/json"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// object encodes v, a struct, as one line.
func object(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // fails on values that JSON can't hold only, and ours are all plain
	return escapeC1(b.Bytes())
}

// escapeC1 escapes U+0080 to U+009F, which JSON allows in strings but which some
// terminals obey.
func escapeC1(line []byte) []byte {
	if bytes.IndexByte(line, 0xc2) < 0 {
		return line
	}
	const hex = "0123456789abcdef"
	out := make([]byte, 0, len(line)+16)
	for i := 0; i < len(line); i++ {
		if line[i] == 0xc2 && i+1 < len(line) && line[i+1] < 0xa0 {
			i++
			out = append(out, '\\', 'u', '0', '0', hex[line[i]>>4], hex[line[i]&0xf])
			continue
		}
		out = append(out, line[i])
	}
	return out
}

// header begins every object.
type header struct {
	Type string `json:"type"`
	Time string `json:"time"`
}

func head(kind string, at time.Time) header {
	return header{Type: kind, Time: timestamp(at)}
}

func timestamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// ms is a duration in milliseconds, exact to a microsecond.
func jsonLog(l sluice.LogLine) []byte {
	text, missing := cut(l.Text)
	if missing > 0 {
		text += "… " + size(int64(missing)) + " more not shown"
	}
	return object(struct {
		header
		Function  string           `json:"function"`
		Stream    string           `json:"stream"`
		RequestID string           `json:"requestId"`
		Source    sluice.LogSource `json:"source"`
		Level     string           `json:"level"`
		Text      string           `json:"text"`
	}{head("log", l.Time), l.Function, l.Stream, l.RequestID, l.Source, l.Level, text})
}

func jsonRecord(r sluice.Record) []byte {
	return object(struct {
		header
		sluice.Summary
	}{head("invocation", r.Time), r.Summary()})
}

func jsonAccess(a sluice.Access) []byte {
	return object(struct {
		header
		RequestID   string        `json:"requestId"`
		Function    string        `json:"function"`
		Method      string        `json:"method"`
		Path        string        `json:"path"`
		Status      int           `json:"status"`
		FirstByteMs float64       `json:"firstByteMs"`
		TotalMs     float64       `json:"totalMs"`
		Bytes       int64         `json:"bytes"`
		PastBurst   int64         `json:"pastBurst"`
		ThrottledMs float64       `json:"throttledMs"`
		Chunks      int64         `json:"chunks"`
		Ending      sluice.Ending `json:"ending"`
		Reason      string        `json:"reason"`
	}{
		head("request", a.Time), a.RequestID, a.Function, a.Method, a.Path, a.Status, sluice.Millis(a.FirstByte), sluice.Millis(a.Total),
		a.Bytes, a.PastBurst, sluice.Millis(a.Throttled), a.Chunks, a.Ending, a.Reason,
	})
}

func jsonReload(kind string, r Reload) []byte {
	return object(struct {
		header
		Function string  `json:"function"`
		File     string  `json:"file"`
		TookMs   float64 `json:"tookMs"`
	}{head(kind, r.Time), r.Function, r.File, sluice.Millis(r.Took)})
}

func jsonBuildFailure(f BuildFailure) []byte {
	return object(struct {
		header
		Function   string `json:"function"`
		Diagnostic string `json:"diagnostic"`
	}{head("buildFailed", f.Time), f.Function, f.Diagnostic})
}

func jsonWarning(w Warning) []byte {
	return object(struct {
		header
		Function string `json:"function"`
		Text     string `json:"text"`
	}{head("warning", w.Time), w.Function, w.Text})
}

func jsonStop(s Stop) []byte {
	return object(struct {
		header
		Streams int     `json:"streams"`
		DrainMs float64 `json:"drainMs"`
	}{head("stopping", s.Time), s.Streams, sluice.Millis(s.Drain)})
}

func jsonDropped(at time.Time, n int) []byte {
	return object(struct {
		header
		Events int `json:"events"`
	}{head("dropped", at), n})
}
