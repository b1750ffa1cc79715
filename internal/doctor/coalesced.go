package doctor

import (
	"bytes"
	"fmt"
)

// groups are the pieces of a response, those together that came together.
func (t *Timeline) groups() []Arrival {
	var all []Arrival
	for i, a := range t.Arrivals {
		if i > 0 && a.At-t.Arrivals[i-1].At < apart {
			all[len(all)-1].Size += a.Size
			continue
		}
		all = append(all, a)
	}
	return all
}

// Buffers of those who pass responses on have sizes between these, in bytes. What is
// written piece by piece is mostly smaller, and what a pace lets through is larger.
const (
	smallestBuffer = 1 << 10
	largestBuffer  = 32 << 10
)

// sameSize is the size of all groups but the first, which what came before the body may
// be part of, and the last, which is the rest; 0 if they differ or are too few.
func sameSize(groups []Arrival) int {
	if len(groups) < 4 {
		return 0
	}
	size := groups[1].Size
	for _, g := range groups[2 : len(groups)-1] {
		if g.Size != size {
			return 0
		}
	}
	if size < smallestBuffer || size > largestBuffer {
		return 0
	}
	return size
}

// events counts the server-sent events in a body that comes in pieces. The zero value is
// ready.
type events struct {
	count int
	// line: there is something in the line so far; event: in the lines since the last
	// blank one; returned: the last byte was a CR.
	line, event, returned bool
}

// push takes the next piece.
func (e *events) push(p []byte) {
	for len(p) > 0 {
		at := bytes.IndexAny(p, "\r\n")
		if at != 0 {
			if !e.line {
				e.event = e.event || p[0] != ':' // which begins a comment
			}
			e.line, e.returned = true, false
			if at < 0 {
				return
			}
			p = p[at:]
		}
		// A CR and an LF behind it are one end of a line.
		if p[0] == '\n' && e.returned {
			e.returned = false
		} else {
			if !e.line && e.event {
				e.count++
				e.event = false
			}
			e.line = false
			e.returned = p[0] == '\r'
		}
		p = p[1:]
	}
}

// together says what was found of pieces that were written apart and came together.
func (r *Report) together(events int) {
	groups := r.Timeline.groups()
	if n := len(groups); events > n {
		r.find(false, "%d events came in %s: if they are written one by one, somebody on the way collects them", events, count(n, "group"))
	}
	if size := sameSize(groups); size > 0 {
		r.find(false, "pieces of exactly %s came at least %s apart: unless they are written like that, somebody on the way fills a buffer of that size before passing it on", sizeText(size), short(apart))
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
