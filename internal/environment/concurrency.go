package environment

import (
	"sync"

	"golang.org/x/time/rate"

	sluice "github.com/sluice-run/sluice"
)

// ratePerConcurrency is how many invocations a second each unit of concurrency
// allows (docs/contract/invoke-api.md §2.3).
const ratePerConcurrency = 10

// Concurrency is a limit on invocations that run at the same time, and with it on
// those that begin within a second. It is safe for concurrent use.
type Concurrency struct {
	tooMany, tooFast string

	mu sync.Mutex
	// limit is negative when there is none.
	limit, busy int
	// pace is nil without a limit.
	pace *rate.Limiter
}

// NewReservation returns the reserved concurrency of a function, which its versions
// share: limit invocations at a time. Nil limits nothing, zero refuses every
// invocation.
func NewReservation(limit *int) *Concurrency {
	c := &Concurrency{tooMany: sluice.ThrottleReserved, tooFast: sluice.ThrottleReservedRate, limit: -1}
	c.Set(limit)
	return c
}

// newAccount returns the account's concurrency; zero limits nothing.
func newAccount(limit int) *Concurrency {
	c := &Concurrency{tooMany: sluice.ThrottleAccount, tooFast: sluice.ThrottleAccountRate, limit: -1}
	if limit > 0 {
		c.Set(&limit)
	}
	return c
}

// Set changes the limit for invocations that begin from now on.
func (c *Concurrency) Set(limit *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case limit == nil:
		c.limit, c.pace = -1, nil
	case *limit != c.limit:
		c.limit = *limit
		perSecond := *limit * ratePerConcurrency
		// AWS does not say how even the invocations of a second have to be.
		c.pace = rate.NewLimiter(rate.Limit(perSecond), perSecond)
	}
}

// take takes a place, or refuses.
func (c *Concurrency) take() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit >= 0 && c.busy >= c.limit {
		return sluice.ErrThrottled(c.tooMany)
	}
	if c.pace != nil && !c.pace.Allow() {
		return sluice.ErrThrottled(c.tooFast)
	}
	c.busy++
	return nil
}

// leave gives a place back.
func (c *Concurrency) leave() {
	c.mu.Lock()
	c.busy--
	c.mu.Unlock()
}
