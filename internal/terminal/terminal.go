package terminal

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"

	"github.com/charmbracelet/x/ansi"

	sluice "github.com/sluice-run/sluice"
)

// Options choose the form of the output. The zero value is plain text.
type Options struct {
	// JSON selects JSON; the other fields but Now don't matter then.
	JSON bool
	// Colour allows colours.
	Colour bool
	// Verbose shows every platform line and every invocation.
	Verbose bool
	// Width returns the columns of the terminal, 0 if there is no limit. It is
	// called for each request line and must be safe for concurrent use. Nil is 0.
	Width func() int
	// Zone is where the times of the text form are. Nil is the local zone.
	Zone *time.Location
	// Now is the clock for events of the terminal's own. Nil is time.Now.
	Now func() time.Time
}

// Terminal prints events. It is safe for concurrent use: lines of different
// events never mix, and no method blocks for longer than the package comment says.
type Terminal struct {
	o     Options
	queue *queue
	// nameWidth is the width of the name column. It only grows.
	nameWidth atomic.Int32
}

var _ sluice.Observer = (*Terminal)(nil)

// New returns a Terminal that prints to w and starts the goroutine that writes;
// Close ends it. W must not be used by anyone else in the meantime.
func New(w io.Writer, o Options) *Terminal {
	if o.Width == nil {
		o.Width = func() int { return 0 }
	}
	if o.Zone == nil {
		o.Zone = time.Local
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	t := &Terminal{o: o}
	t.queue = newQueue(w, t.dropped)
	return t
}

// Close prints what is queued and returns the first error of the writer. It waits
// two seconds at most; events that come later are discarded. It is called once.
func (t *Terminal) Close() error { return t.queue.close() }

// Write prints p, one or more whole lines, as it is: Sluice's own log goes through
// here, so that it does not mix with events. Its handler has to write JSON if
// Options.JSON is set. Write never fails.
func (t *Terminal) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !bytes.HasSuffix(p, []byte("\n")) {
		p = append(bytes.Clone(p), '\n')
		t.queue.put(p, false)
		return len(p) - 1, nil
	}
	t.queue.put(p, false)
	return len(p), nil
}

// Log prints a line of a function's log, or nothing if it is a platform line that
// only Verbose shows.
func (t *Terminal) Log(l sluice.LogLine) {
	if t.o.JSON {
		t.queue.put(jsonLog(l), false)
	} else if text := t.textLog(l); text != nil {
		t.queue.put(text, false)
	}
}

// Invoked prints the record of an invocation; as text only if Verbose, because
// REPORT and the request's line say the same.
func (t *Terminal) Invoked(r sluice.Record) {
	if t.o.JSON {
		t.queue.put(jsonRecord(r), false)
	} else if t.o.Verbose {
		t.queue.put(t.textRecord(r), false)
	}
}

// Answered prints the line of a Function URL request.
func (t *Terminal) Answered(a sluice.Access) {
	if t.o.JSON {
		t.queue.put(jsonAccess(a), false)
	} else {
		t.queue.put(t.textAccess(a), false)
	}
}

// dropped is the event that stands for n dropped ones.
func (t *Terminal) dropped(n int) []byte {
	now := t.o.Now()
	if t.o.JSON {
		return jsonDropped(now, n)
	}
	return t.block(now, "", yellow, "", []string{t.paint(yellow, count(int64(n), "event")+" dropped: the terminal reads too slowly")})
}

// maxNameWidth bounds the name column; a longer name pushes its own line only.
const maxNameWidth = 24

// column widens the name column for name and returns its width.
func (t *Terminal) column(name string) int {
	width := int32(min(ansi.StringWidth(name), maxNameWidth))
	for {
		now := t.nameWidth.Load()
		if width <= now {
			return int(now)
		}
		if t.nameWidth.CompareAndSwap(now, width) {
			return int(width)
		}
	}
}
