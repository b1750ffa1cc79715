package terminal

import (
	"time"
)

// Reload says that a function's new code serves the next request.
type Reload struct {
	Time     time.Time
	Function string
	// File is what changed, "" if unknown.
	File string
	// Took is the time from noticing the change to being ready.
	Took time.Duration
}

// BuildFailure says that a function's code, or the template if Function is "",
// could not be built.
type BuildFailure struct {
	Time     time.Time
	Function string
	// Diagnostic is the builder's text, several lines with file and line.
	Diagnostic string
}

// Warning is something the developer should know that belongs to no log line.
type Warning struct {
	Time time.Time
	// Function is "" if the warning is about all of them.
	Function string
	Text     string
}

// Stop says that the server is about to stop.
type Stop struct {
	Time time.Time
	// Streams is the number of responses that are still open.
	Streams int
	// Drain is how long they may run on.
	Drain time.Duration
}

// Reloaded prints a reload.
func (t *Terminal) Reloaded(r Reload) {
	if t.o.JSON {
		t.queue.put(jsonReload("reloaded", r), true)
		return
	}
	t.queue.put(t.textReload("reloaded", r), true)
}

// BuildFailed prints a failed build.
func (t *Terminal) BuildFailed(f BuildFailure) {
	if t.o.JSON {
		t.queue.put(jsonBuildFailure(f), true)
		return
	}
	lines := []string{t.paint(boldRed, "build failed") + "; the next save tries again"}
	for _, line := range cleanLines(f.Diagnostic, t.o.Colour) {
		lines = append(lines, "  "+line)
	}
	t.queue.put(t.block(f.Time, f.Function, boldRed, "", lines), true)
}

// BuildHealed prints that a build succeeded after one that had failed.
func (t *Terminal) BuildHealed(r Reload) {
	if t.o.JSON {
		t.queue.put(jsonReload("buildHealed", r), true)
		return
	}
	t.queue.put(t.textReload("build healed, reloaded", r), true)
}

// Warned prints a warning.
func (t *Terminal) Warned(w Warning) {
	if t.o.JSON {
		t.queue.put(jsonWarning(w), true)
		return
	}
	t.queue.put(t.block(w.Time, w.Function, yellow, t.paint(yellow, "warning: "), cleanLines(w.Text, false)), true)
}

// Stopping prints that the server stops and whom it waits for.
func (t *Terminal) Stopping(s Stop) {
	if t.o.JSON {
		t.queue.put(jsonStop(s), true)
		return
	}
	text := "stopping"
	if s.Streams > 0 {
		text += "; " + count(int64(s.Streams), "stream") + " open, "
		if s.Drain > 0 {
			text += "waiting up to " + duration(s.Drain)
		} else {
			text += "breaking off"
		}
	}
	t.queue.put(t.block(s.Time, "", yellow, "", []string{text}), true)
}

func (t *Terminal) textReload(what string, r Reload) []byte {
	text := t.paint(green, what) + " in " + duration(r.Took)
	if r.File != "" {
		text += t.paint(dim, " ("+inline(r.File)+")")
	}
	return t.block(r.Time, r.Function, plain, "", []string{text})
}
