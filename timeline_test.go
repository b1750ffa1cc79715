package sluice_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
)

func TestATimelineKeepsItsEnds(t *testing.T) {
	start := time.Now()
	for name, gap := range map[string]func(i int) time.Duration{
		"even":           func(int) time.Duration { return time.Millisecond },
		"all at once":    func(int) time.Duration { return 0 },
		"slow, then not": func(i int) time.Duration { return time.Second / time.Duration(i+1) },
		"bursts":         func(i int) time.Duration { return time.Duration(i%100/99) * time.Second },
	} {
		for _, n := range []int{1, 2, 64, 65, 100, 10_000} {
			var line sluice.Timeline
			if line.Points(start) != nil {
				t.Fatal("an empty timeline has points")
			}
			at := start.Add(70 * time.Millisecond)
			for i := range n {
				line.Add(at, int64(i+1)*10)
				if i+1 < n {
					at = at.Add(gap(i))
				}
			}
			points := line.Points(start)
			first, last := points[0], points[len(points)-1]
			if len(points) > 65 || first != (sluice.Point{At: 70 * time.Millisecond, Bytes: 10}) || last != (sluice.Point{At: at.Sub(start), Bytes: int64(n) * 10}) {
				t.Errorf("%s, %d: %d points from %v to %v", name, n, len(points), first, last)
			}
			if name == "even" && len(points) < min(n, 32) {
				t.Errorf("%d: only %d points", n, len(points))
			}
			if !slices.IsSortedFunc(points, func(a, b sluice.Point) int { return int(a.Bytes - b.Bytes) }) {
				t.Errorf("%s, %d: %v", name, n, points)
			}
		}
	}
}

func TestAPointIsTwoNumbers(t *testing.T) {
	p := sluice.Point{At: 1234567 * time.Microsecond, Bytes: 8}
	text, err := json.Marshal(p)
	if err != nil || string(text) != "[1234.567,8]" {
		t.Errorf("%s %v", text, err)
	}
	var back sluice.Point
	if err := json.Unmarshal(text, &back); err != nil || back != p {
		t.Errorf("%v %v", back, err)
	}
}

func BenchmarkTimeline(b *testing.B) {
	var line sluice.Timeline
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Microsecond)
		line.Add(now, 1)
	}
}
