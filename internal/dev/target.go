package dev

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/bundle"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/invoke"
	"github.com/sluice-run/sluice/internal/runtimes"
	"github.com/sluice-run/sluice/internal/terminal"
)

// target serves one function of the project and follows its files. A change
// makes the pool stale at once; the next invocation waits for the new one, while
// those in flight finish on the old code.
type target struct {
	name   string
	report *terminal.Terminal
	// build makes a pool of what the files hold now. Its error text is for the
	// developer.
	build func(context.Context) (*environment.Pool, error)
	// leads tells whether a qualifier leads to the function; nil for all.
	leads func(qualifier string) bool
	// arn is the function's, for a qualifier.
	arn func(qualifier string) string

	// building tracks the goroutines that build; reporting keeps what they report in
	// order.
	building  sync.WaitGroup
	reporting sync.Mutex

	mu sync.Mutex
	// pool serves invocations, nil before the first build and after a failed one.
	pool    *environment.Pool
	failure *sluice.Error
	// fresh tells that pool and failure are what the files hold.
	fresh bool
	// passing tells that the failure may go away without a change of the files.
	passing bool
	// change counts invalidations; a build that a change overtook starts over.
	change int
	// changed is when and by which file the code became stale.
	changed     time.Time
	changedFile string
	// ready is closed when the build in progress is done; nil if there is none.
	ready chan struct{}
	// draining pools finish what they had begun.
	draining []*environment.Pool
	retired  bool
}

var _ invoke.Target = (*target)(nil)

// Pool returns the pool for the next invocation, and waits while the code is
// being built. Every qualifier that there is leads to the current code.
func (t *target) Pool(ctx context.Context, qualifier string) (*environment.Pool, error) {
	if qualifier != "" && t.leads != nil && !t.leads(qualifier) {
		return nil, sluice.ErrNotFound(t.arn(qualifier))
	}
	for waited := false; ; waited = true {
		t.mu.Lock()
		switch {
		case t.retired:
			t.mu.Unlock()
			return nil, sluice.ErrShuttingDown()
		case t.fresh && t.failure == nil:
			defer t.mu.Unlock()
			return t.pool, nil
		case t.fresh && (waited || !t.passing):
			defer t.mu.Unlock()
			return nil, t.failure
		}
		t.fresh = false
		ready := t.startBuild()
		t.mu.Unlock()
		select {
		case <-ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// invalidate marks the code as stale; file is what changed.
func (t *target) invalidate(file string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fresh || t.changed.IsZero() {
		t.changed, t.changedFile = time.Now(), file
	}
	t.fresh = false
	t.change++
}

// refresh builds stale code without waiting for a request, so that a mistake
// shows as soon as it is saved.
func (t *target) refresh() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.fresh && !t.retired {
		t.startBuild()
	}
}

// startBuild starts a build unless one runs; t.mu is held.
func (t *target) startBuild() <-chan struct{} {
	if t.ready == nil {
		t.ready = make(chan struct{})
		t.building.Go(t.rebuild)
	}
	return t.ready
}

// rebuild builds until the result is what the files hold.
func (t *target) rebuild() {
	for {
		t.mu.Lock()
		change := t.change
		t.mu.Unlock()
		begin := time.Now()
		pool, err := t.build(context.Background())
		t.reporting.Lock()
		t.mu.Lock()
		if change != t.change && !t.retired {
			t.mu.Unlock()
			t.reporting.Unlock()
			if pool != nil {
				pool.Retire()
			}
			continue
		}
		event := t.swap(pool, err, begin)
		close(t.ready)
		t.ready = nil
		t.mu.Unlock()
		event()
		t.reporting.Unlock()
		return
	}
}

// swap puts the outcome of a build that began at some time into service and returns how
// to report it. t.mu is held.
func (t *target) swap(pool *environment.Pool, err error, begin time.Time) func() {
	healed := t.failure != nil
	first := t.changed.IsZero()
	if !first {
		begin = t.changed
	}
	reload := terminal.Reload{Time: time.Now(), Function: t.name, File: t.changedFile, Took: time.Since(begin)}
	t.drain(t.pool)
	t.pool, t.failure, t.fresh = pool, nil, true
	switch {
	case t.retired:
		t.drain(pool)
		t.pool = nil
		return func() {}
	case err != nil:
		t.failure = sluice.ErrBuildFailed(err.Error())
		// Runtimes and packages are installed without a file changing that is watched.
		var missing *runtimes.MissingError
		var broken *bundle.Failure
		t.passing = errors.As(err, &missing) || errors.As(err, &broken) && broken.Uninstalled
		return func() {
			t.report.BuildFailed(terminal.BuildFailure{Time: time.Now(), Function: t.name, Diagnostic: err.Error()})
		}
	case healed:
		return func() { t.report.BuildHealed(reload) }
	case first:
		return func() {}
	}
	return func() { t.report.Reloaded(reload) }
}

// drain retires a pool and remembers it until it is gone; t.mu is held.
func (t *target) drain(pool *environment.Pool) {
	if pool == nil {
		return
	}
	pool.Retire()
	t.draining = slices.DeleteFunc(t.draining, func(p *environment.Pool) bool {
		select {
		case <-p.Gone():
			return true
		default:
			return false
		}
	})
	t.draining = append(t.draining, pool)
}

// Retire lets invocations in progress finish and ends everything else.
func (t *target) Retire() {
	t.mu.Lock()
	t.retired = true
	t.drain(t.pool)
	t.pool = nil
	t.mu.Unlock()
}

// Wait returns when nothing is left.
func (t *target) Wait(ctx context.Context) error {
	t.building.Wait()
	for _, p := range t.left() {
		select {
		case <-p.Gone():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Kill cuts off what is still in progress.
func (t *target) Kill() {
	t.building.Wait()
	for _, p := range t.left() {
		p.Kill()
	}
}

// busy counts the invocations in progress.
func (t *target) busy() int {
	n := 0
	for _, p := range t.pools() {
		n += p.Busy()
	}
	return n
}

// environments tells of every execution environment, in no order.
func (t *target) environments() []environment.Status {
	var all []environment.Status
	for _, p := range t.pools() {
		all = append(all, p.Status()...)
	}
	return all
}

// pools are the current one and those that are draining.
func (t *target) pools() []*environment.Pool {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.Clone(t.draining)
	if t.pool != nil {
		all = append(all, t.pool)
	}
	return all
}

func (t *target) left() []*environment.Pool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.draining)
}
