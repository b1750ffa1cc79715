package environment

import (
	"sync/atomic"

	sluice "github.com/sluice-run/sluice"
)

// Reservation is a function's reserved concurrency, which its versions share.
type Reservation struct {
	// limit is negative when none is reserved.
	limit, busy atomic.Int64
}

// NewReservation returns a reservation of limit invocations at a time; nil limits
// nothing, zero refuses every invocation.
func NewReservation(limit *int) *Reservation {
	r := &Reservation{}
	r.Set(limit)
	return r
}

// Set changes the limit for invocations that begin from now on.
func (r *Reservation) Set(limit *int) {
	n := int64(-1)
	if limit != nil {
		n = int64(*limit)
	}
	r.limit.Store(n)
}

// take takes a place, or refuses.
func (r *Reservation) take() error {
	busy := r.busy.Add(1)
	if limit := r.limit.Load(); limit >= 0 && busy > limit {
		r.busy.Add(-1)
		return sluice.ErrThrottled(sluice.ThrottleReserved)
	}
	return nil
}

func (r *Reservation) leave() { r.busy.Add(-1) }
