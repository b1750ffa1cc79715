package invoke

import (
	"context"
	"errors"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/environment"
)

// stub is a target that fails on request: real ones do not.
type stub struct {
	pools   []*environment.Pool
	err     error
	asked   int
	stuck   bool
	retired bool
	killed  bool
}

func (s *stub) Pool(context.Context, string) (*environment.Pool, error) {
	s.asked++
	if s.err != nil {
		return nil, s.err
	}
	return s.pools[min(s.asked, len(s.pools))-1], nil
}
func (s *stub) Retire() { s.retired = true }
func (s *stub) Kill()   { s.killed = true }
func (s *stub) Wait(ctx context.Context) error {
	if s.stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// pool returns a pool that refuses every invocation: no concurrency is reserved.
func pool() *environment.Pool {
	host := &environment.Host{Quotas: sluice.DefaultQuotas}
	return environment.NewPool(host, sluice.Function{Name: "f", ReservedConcurrency: new(int)}, environment.Runtime{})
}

// code is the code of the refusal of an invocation of "f".
func code(t *testing.T, s *Service) string {
	t.Helper()
	_, err := s.Invoke(t.Context(), &sluice.Invocation{Function: "f"})
	var refused *sluice.Error
	if !errors.As(err, &refused) {
		t.Fatalf("%v is not an *sluice.Error", err)
	}
	return refused.Code
}

func TestInvokeRefusesWithTheRightCode(t *testing.T) {
	s := New(sluice.DefaultIdentity())
	if got := code(t, s); got != "ResourceNotFoundException" {
		t.Errorf("an unknown function: %s", got)
	}
	s.Set("f", &stub{pools: []*environment.Pool{pool()}})
	if got := code(t, s); got != "TooManyRequestsException" {
		t.Errorf("a throttled function: %s", got)
	}
	s.Set("f", &stub{err: sluice.ErrBuildFailed("no")})
	if got := code(t, s); got != "BuildFailedException" {
		t.Errorf("a broken function: %s", got)
	}
	s.Set("f", &stub{err: errors.New("disk on fire")})
	if got := code(t, s); got != "ServiceException" {
		t.Errorf("an internal error: %s", got)
	}
	if s.Remove("f") == nil || s.Remove("f") != nil {
		t.Error("Remove does not return what it removed")
	}
	s.Close(t.Context())
	if got := code(t, s); got != "ServiceUnavailableException" {
		t.Errorf("after Close: %s", got)
	}
}

func TestAPoolThatWasReplacedIsAskedForAgain(t *testing.T) {
	old := pool()
	old.Retire()
	target := &stub{pools: []*environment.Pool{old, pool()}}
	s := New(sluice.DefaultIdentity())
	s.Set("f", target)
	if got := code(t, s); got != "TooManyRequestsException" || target.asked != 2 {
		t.Errorf("%s after %d questions", got, target.asked)
	}
}

func TestCloseKillsWhatDoesNotEnd(t *testing.T) {
	good, stuck := &stub{}, &stub{stuck: true}
	s := New(sluice.DefaultIdentity())
	s.Set("good", good)
	s.Set("stuck", stuck)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	s.Close(ctx)
	if !good.retired || good.killed || !stuck.retired || !stuck.killed {
		t.Errorf("%+v %+v", good, stuck)
	}
}
