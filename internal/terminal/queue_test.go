package terminal

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// gate is a writer that blocks until it is opened.
type gate struct {
	mu   sync.Mutex
	open chan struct{}
	got  strings.Builder
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.got.Write(p)
}

func (g *gate) text() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.got.String()
}

func TestAStoppedTerminalCostsOneWaitAndLosesNothingSilently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		term := New(g, options(Options{}))
		line := []byte(strings.Repeat("x", 1023) + "\n")
		begin, sent := time.Now(), 0
		for ; sent < 3*queueSize/len(line); sent++ {
			term.Write(line)
		}
		if waited := time.Since(begin); waited != patience {
			t.Errorf("%d events waited %v, want one wait of %v", sent, waited, patience)
		}
		term.Warned(Warning{Time: noon, Text: "kept"})
		close(g.open)
		if err := term.Close(); err != nil {
			t.Fatal(err)
		}
		got := g.text()
		var dropped int
		_, notice, found := strings.Cut(got, "14:00:00.123 sluice | ")
		if strings.HasPrefix(notice, "warning") {
			_, notice, found = strings.Cut(notice, "14:00:00.123 sluice | ")
		}
		if _, err := fmt.Sscanf(notice, "%d events dropped: the terminal reads too slowly\n", &dropped); err != nil || !found {
			t.Fatalf("no notice in the last lines: %v: %q", err, got[max(0, len(got)-200):])
		}
		if shown := strings.Count(got, string(line)); shown+dropped != sent || dropped == 0 {
			t.Errorf("%d shown + %d dropped of %d", shown, dropped, sent)
		}
		if !strings.Contains(got, "warning: kept\n") {
			t.Error("the warning was dropped")
		}
	})
}

func TestAnEventWaitsForASlowTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		term := New(g, options(Options{}))
		line := []byte(strings.Repeat("x", queueSize/4-1) + "\n")
		time.AfterFunc(patience/2, func() { close(g.open) })
		for range 40 {
			term.Write(line)
		}
		if err := term.Close(); err != nil {
			t.Fatal(err)
		}
		if got := g.text(); got != strings.Repeat(string(line), 40) {
			t.Errorf("%d bytes of %d came through", len(got), 40*len(line))
		}
	})
}

func TestDroppedEventsAreCountedInJSON(t *testing.T) {
	if got, want := string(jsonDropped(noon, 3)), `{"type":"dropped","time":"2025-06-01T12:00:00.123Z","events":3}`+"\n"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

func TestCloseGivesUpOnAStuckWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		term := New(g, options(Options{}))
		term.Write([]byte("x\n"))
		begin := time.Now()
		if err := term.Close(); err == nil {
			t.Error("no error")
		}
		if waited := time.Since(begin); waited != closeWait {
			t.Errorf("Close took %v, want %v", waited, closeWait)
		}
		close(g.open)
	})
}

func TestAFailedWriterEndsOutputAndBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		r.CloseWithError(errors.New("reader left"))
		term := New(w, options(Options{}))
		begin := time.Now()
		for range 5000 {
			term.Write([]byte(strings.Repeat("x", 1023) + "\n"))
		}
		if waited := time.Since(begin); waited > patience {
			t.Errorf("events waited %v", waited)
		}
		if err := term.Close(); err == nil || !strings.Contains(err.Error(), "reader left") {
			t.Errorf("Close() = %v, want the writer's error", err)
		}
	})
}

func TestEventsAfterCloseAreDiscarded(t *testing.T) {
	var b strings.Builder
	term := New(&b, options(Options{}))
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	session(term)
	if b.Len() != 0 {
		t.Errorf("printed %q", b.String())
	}
}

func TestLinesOfConcurrentEventsDoNotMix(t *testing.T) {
	const functions, events = 8, 200
	got := printed(t, Options{}, func(term *Terminal) {
		var all sync.WaitGroup
		for i := range functions {
			all.Go(func() {
				name := fmt.Sprintf("f%d", i)
				for n := range events {
					term.Log(sluice.LogLine{Time: noon, Function: name, Text: fmt.Sprintf("%s-%d-a\n%s-%d-b", name, n, name, n)})
					term.Answered(sluice.Access{Time: noon, Function: name, Path: fmt.Sprintf("/%s-%d", name, n), Ending: sluice.EndingComplete})
				}
			})
		}
		all.Wait()
	})
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if len(lines) != functions*events*3 {
		t.Fatalf("%d lines, want %d", len(lines), functions*events*3)
	}
	next := map[string]int{}
	for i := 0; i < len(lines); i++ {
		var name string
		if strings.Contains(lines[i], "/f") {
			continue
		}
		name = lines[i][len("14:00:00.123 "):][:2]
		want := fmt.Sprintf("%s-%d-", name, next[name])
		if !strings.HasSuffix(lines[i], " | "+want+"a") || !strings.HasSuffix(lines[i+1], " | "+want+"b") {
			t.Fatalf("lines %q and %q, want %s", lines[i], lines[i+1], want)
		}
		next[name]++
		i++
	}
}

func BenchmarkRequestLine(b *testing.B) {
	term := New(io.Discard, options(Options{Colour: true, Width: func() int { return 120 }}))
	defer term.Close()
	a := sluice.Access{Time: noon, Function: "hello", Method: "GET", Path: "/?n=3", Status: 200, FirstByte: time.Millisecond, Total: time.Second, Bytes: 1 << 20, Chunks: 12, Ending: sluice.EndingComplete}
	b.ReportAllocs()
	for b.Loop() {
		term.Answered(a)
	}
}
