package sluice

import (
	"encoding/json"
	"math"
	"sync"
	"time"
)

// maxPoints bounds a timeline; the newest point comes on top.
const maxPoints = 64

// Point is a moment of a response: At after the invocation's start, Bytes had been
// delivered. Its JSON is [milliseconds, bytes].
type Point struct {
	At    time.Duration
	Bytes int64
}

// MarshalJSON writes the point as two numbers.
func (p Point) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]float64{math.Round(float64(p.At)/1e3) / 1e3, float64(p.Bytes)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Point) UnmarshalJSON(text []byte) error {
	var numbers [2]float64
	if err := json.Unmarshal(text, &numbers); err != nil {
		return err
	}
	p.At, p.Bytes = time.Duration(numbers[0]*float64(time.Millisecond)), int64(numbers[1])
	return nil
}

// Timeline is how the bytes of a response came, in so few points that every invocation
// can have one. The longer a response takes the further its points are apart; the first
// and the newest are always among them. The zero value is empty; it may be used by
// several goroutines.
type Timeline struct {
	mu sync.Mutex
	// begin is the time of the first point, to which the others are relative.
	begin  time.Time
	points []Point
	// apart is the least time between two points.
	apart time.Duration
	last  Point
}

// Add notes that bytes had been delivered by now, all told.
func (t *Timeline) Add(now time.Time, bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.points == nil {
		t.begin, t.points = now, make([]Point, 0, maxPoints)
	}
	t.last = Point{now.Sub(t.begin), bytes}
	if n := len(t.points); n > 0 && t.last.At-t.points[n-1].At < t.apart {
		return
	}
	if len(t.points) == maxPoints {
		t.thin()
	}
	t.points = append(t.points, t.last)
}

// thin drops points until at most half of them are left.
func (t *Timeline) thin() {
	t.apart = max(t.last.At/(maxPoints/2), 1)
	kept := t.points[:1]
	for _, p := range t.points[1:] {
		if p.At-kept[len(kept)-1].At >= t.apart {
			kept = append(kept, p)
		}
	}
	t.points = kept
}

// Points returns the timeline from start on, nil if it is empty.
func (t *Timeline) Points(start time.Time) []Point {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.points == nil {
		return nil
	}
	offset := t.begin.Sub(start)
	all := make([]Point, 0, len(t.points)+1)
	for _, p := range t.points {
		all = append(all, Point{offset + p.At, p.Bytes})
	}
	if t.last != t.points[len(t.points)-1] {
		all = append(all, Point{offset + t.last.At, t.last.Bytes})
	}
	return all
}
