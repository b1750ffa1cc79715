package doctor

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Arrival is a piece of a response.
type Arrival struct {
	// At is the time since the request was sent.
	At   time.Duration
	Size int
}

// Timeline is how a response came.
type Timeline struct {
	Arrivals []Arrival
	// Total is the time until the end of the response.
	Total time.Duration
}

// Add notes a piece that came at.
func (t *Timeline) Add(at time.Duration, size int) {
	t.Arrivals = append(t.Arrivals, Arrival{at, size})
}

// Bytes is the size of the response.
func (t *Timeline) Bytes() int {
	n := 0
	for _, a := range t.Arrivals {
		n += a.Size
	}
	return n
}

// FirstByte is when the first piece came, zero if none did.
func (t *Timeline) FirstByte() time.Duration {
	if len(t.Arrivals) == 0 {
		return 0
	}
	return t.Arrivals[0].At
}

// LargestGap is the longest time between two pieces.
func (t *Timeline) LargestGap() time.Duration {
	gap := time.Duration(0)
	for i := 1; i < len(t.Arrivals); i++ {
		gap = max(gap, t.Arrivals[i].At-t.Arrivals[i-1].At)
	}
	return gap
}

// maxRows is how many pieces are drawn on lines of their own; of more, those of the same
// fortieth of the time are drawn together, so that a line's size tells how fast they came.
const maxRows = 40

// width is the length of the longest bar.
const width = 40

// Draw writes a line for each piece: when it came, how large it was, and where that is
// between the request and the end.
func (t *Timeline) Draw(w io.Writer) {
	rows, span := t.Arrivals, time.Duration(0)
	if len(rows) > maxRows {
		span = t.Total/maxRows + 1
	}
	for i, end := 0, 0; i < len(rows); i = end {
		size, slot := 0, rows[i].At/max(span, 1)
		for end = i; end < len(rows) && (end == i || span > 0 && rows[end].At/span == slot); end++ {
			size += rows[end].Size
		}
		position := 0
		if t.Total > 0 {
			position = int(float64(width-1) * float64(rows[i].At) / float64(t.Total))
		}
		position = min(max(position, 0), width-1)
		note := ""
		if end-i > 1 {
			note = fmt.Sprintf("  %d pieces", end-i)
		}
		fmt.Fprintf(w, "%10s  %10s  %s█%s%s\n", short(rows[i].At), sizeText(size), strings.Repeat("·", position), strings.Repeat(" ", width-1-position), note)
	}
}

// Summary is the timeline in one line.
func (t *Timeline) Summary() string {
	if len(t.Arrivals) == 0 {
		return "nothing came in " + short(t.Total)
	}
	return fmt.Sprintf("first byte after %s, %s, %s, largest gap %s, total %s", short(t.FirstByte()), count(len(t.Arrivals), "piece"), sizeText(t.Bytes()), short(t.LargestGap()), short(t.Total))
}

func short(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

func sizeText(n int) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}
