package sandboxtest

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/sluice-run/sluice/internal/sandbox"
)

// ErrInjected is the failure that Faulty injects.
var ErrInjected = errors.New("injected by the test")

// Faulty is a driver that fails when it is told to, and else is the driver within.
type Faulty struct {
	sandbox.Driver

	mu sync.Mutex
	// opens and starts are how many of the next ones fail.
	opens, starts int
	// dying commands are killed as soon as they run.
	dying int
	open  map[*faultyBox]bool
}

// NewFaulty returns a driver around d that works until something is injected.
func NewFaulty(d sandbox.Driver) *Faulty { return &Faulty{Driver: d, open: map[*faultyBox]bool{}} }

// FailOpens makes the next n sandboxes fail to open.
func (f *Faulty) FailOpens(n int) { f.set(&f.opens, n) }

// FailStarts makes the next n commands fail to start.
func (f *Faulty) FailStarts(n int) { f.set(&f.starts, n) }

// KillStarted makes the next n commands die at once.
func (f *Faulty) KillStarted(n int) { f.set(&f.dying, n) }

func (f *Faulty) set(to *int, n int) {
	f.mu.Lock()
	*to = n
	f.mu.Unlock()
}

// take uses one of the failures that are left.
func (f *Faulty) take(from *int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if *from == 0 {
		return false
	}
	*from--
	return true
}

// Sandboxes counts those that are open: whoever opened one has to close it.
func (f *Faulty) Sandboxes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.open)
}

// CutAll kills every process in every sandbox, as an OOM killer or an operator may.
func (f *Faulty) CutAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for b := range f.open {
		b.Sandbox.Kill()
	}
}

// Open opens a sandbox, or fails.
func (f *Faulty) Open(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	if f.take(&f.opens) {
		return nil, ErrInjected
	}
	box, err := f.Driver.Open(ctx, spec)
	if err != nil {
		return nil, err
	}
	b := &faultyBox{box, f}
	f.mu.Lock()
	f.open[b] = true
	f.mu.Unlock()
	return b, nil
}

type faultyBox struct {
	sandbox.Sandbox
	driver *Faulty
}

func (b *faultyBox) Start(ctx context.Context, c sandbox.Command) (sandbox.Process, error) {
	if b.driver.take(&b.driver.starts) {
		return nil, ErrInjected
	}
	p, err := b.Sandbox.Start(ctx, c)
	if err == nil && b.driver.take(&b.driver.dying) {
		p.Signal(os.Kill)
	}
	return p, err
}

func (b *faultyBox) Close() {
	b.Sandbox.Close()
	b.driver.mu.Lock()
	delete(b.driver.open, b)
	b.driver.mu.Unlock()
}
