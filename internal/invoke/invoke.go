// Package invoke is the one way into a function: it finds the target of an
// invocation, an execution environment for it, and runs it.
package invoke

import (
	"context"
	"errors"
	"sync"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/environment"
)

// Target is a function that can be invoked. Its code may change between two
// invocations, which is why it is asked for a pool each time.
type Target interface {
	// Pool returns the pool that serves the next invocation of a qualifier, which
	// is "", "$LATEST", an alias or a version number. It may wait for the code to
	// be built. An error is an *sluice.Error for the caller.
	Pool(ctx context.Context, qualifier string) (*environment.Pool, error)
	// Retire lets invocations in progress finish and ends everything else.
	Retire()
	// Wait returns when nothing of the retired target is left, or with the
	// context's error.
	Wait(ctx context.Context) error
	// Kill cuts off what is still in progress and waits for its end.
	Kill()
}

// Service invokes functions by name.
type Service struct {
	identity sluice.Identity

	// find returns targets that nobody has set, nil for none.
	find  func(name string) Target
	found func() []Target

	mu      sync.RWMutex
	closed  bool
	targets map[string]Target
}

var _ sluice.Invoker = (*Service)(nil)

// New returns a service without functions.
func New(identity sluice.Identity) *Service {
	return &Service{identity: identity, targets: map[string]Target{}}
}

// FindWith makes find the source of targets that were not Set. It is called before
// the service is used, and find is called for each invocation; it returns nil for an
// unknown function. all returns every target that find has returned.
func (s *Service) FindWith(find func(name string) Target, all func() []Target) {
	s.find, s.found = find, all
}

// Set makes t the function of that name. The target it replaces is returned,
// nil if there was none; the caller retires it.
func (s *Service) Set(name string, t Target) Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.targets[name]
	s.targets[name] = t
	return old
}

// Remove forgets a function and returns its target, nil if there was none.
func (s *Service) Remove(name string) Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.targets[name]
	delete(s.targets, name)
	return old
}

// Invoke runs the function; see sluice.Invoker.
func (s *Service) Invoke(ctx context.Context, inv *sluice.Invocation) (*sluice.Response, error) {
	arn := s.identity.FunctionARN(inv.Function, inv.Qualifier)
	for {
		s.mu.RLock()
		target, closed := s.targets[inv.Function], s.closed
		s.mu.RUnlock()
		if target == nil && s.find != nil && !closed {
			target = s.find(inv.Function)
		}
		switch {
		case closed:
			return nil, sluice.ErrShuttingDown()
		case target == nil:
			return nil, sluice.ErrNotFound(arn)
		}
		pool, err := target.Pool(ctx, inv.Qualifier)
		if err != nil {
			return nil, sluice.AsError(err)
		}
		env, err := pool.Acquire()
		if errors.Is(err, environment.ErrRetired) {
			continue // replaced since we asked
		}
		if err != nil {
			return nil, sluice.AsError(err)
		}
		resp := env.Invoke(inv, arn)
		resp.ExecutedVersion = pool.Function().Version
		return resp, nil
	}
}

// Close refuses new invocations, waits for those in progress until ctx ends,
// then cuts them off. Nothing is left when it returns.
func (s *Service) Close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	var targets []Target
	for _, t := range s.targets {
		targets = append(targets, t)
	}
	s.mu.Unlock()
	if s.found != nil {
		targets = append(targets, s.found()...)
	}
	for _, t := range targets {
		t.Retire()
	}
	var wg sync.WaitGroup
	for _, t := range targets {
		wg.Go(func() {
			if t.Wait(ctx) != nil {
				t.Kill()
			}
		})
	}
	wg.Wait()
}
