package stream

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// ErrorTypeTooLarge is the error type of a response over its size quota
// (docs/contract/execution-environment.md §4.3).
const ErrorTypeTooLarge = "Function.ResponseSizeTooLarge"

// piece is how long a paced piece takes at the rate. Lambda refills its bucket
// every 125 ms; shorter pieces let a client see the bytes flow.
const piece = 50 * time.Millisecond

// Limits bound one streamed response; a zero Payload or Rate lifts that bound
// (docs/contract/runtime-api.md §4.4).
type Limits struct {
	// Payload is the size quota in bytes.
	Payload int64
	// Burst is the number of bytes that flow unpaced; zero paces from the first
	// byte.
	Burst int64
	// Rate is the bytes per second after the burst; zero never paces.
	Rate int64
}

// LimitsOf returns the part of the quotas that bounds a streamed response.
func LimitsOf(q sluice.Quotas) Limits {
	return Limits{Payload: q.StreamedPayload, Burst: q.StreamBurst, Rate: q.StreamRate}
}

// Limiter is a body held to its limits and counted: Payload bytes and no more,
// Burst bytes at once and then Rate bytes per second. A body of exactly Payload
// bytes is complete; one that goes on ends with a *sluice.StreamError of
// EndingOversized and type ErrorTypeTooLarge, and the body below is closed with
// sluice.ErrOversized.
//
// The pace is a token bucket: Burst bytes are in it at first, Rate bytes per
// second flow in, so that a function that pauses may burst again. What has to
// wait is at most a piece of 50 ms; everything else waits in the runtime's
// socket, which is how the function feels it.
type Limiter struct {
	ctx    context.Context
	body   sluice.Body
	limits Limits
	meter  *sluice.Meter

	// count is what was delivered, the last of it at last.
	count int64
	last  time.Time
	paced bool
	// quantum is the largest piece that may wait.
	quantum int64
	// capacity is what the bucket holds; tokens were in it at refilled.
	capacity, tokens float64
	refilled         time.Time
	timer            *time.Timer
	probe            [1]byte
	// err ends all further reads.
	err error

	mu sync.Mutex
	// cause is what Close was given; set once before closed is closed.
	cause  error
	closed chan struct{}
}

var _ sluice.Body = (*Limiter)(nil)

// NewLimiter wraps body. The end of ctx ends a wait for bandwidth, and with it
// the body, with the context's cause.
func NewLimiter(ctx context.Context, body sluice.Body, limits Limits, meter *sluice.Meter) *Limiter {
	l := &Limiter{ctx: ctx, body: body, limits: limits, meter: meter, closed: make(chan struct{})}
	if limits.Rate > 0 {
		l.paced = true
		l.quantum = max(1, int64(float64(limits.Rate)*piece.Seconds()))
		l.tokens = float64(limits.Burst)
		// A burst below one piece would waste what flows in during a wait.
		l.capacity = max(l.tokens, float64(2*l.quantum))
		l.refilled = time.Now()
	}
	return l
}

// Read returns what has arrived, as soon as there is bandwidth for it.
func (l *Limiter) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	size := int64(len(p))
	if l.limits.Payload > 0 {
		left := l.limits.Payload - l.count
		if left == 0 {
			return l.atQuota()
		}
		size = min(size, left)
	}
	if l.paced {
		size = min(size, max(l.quantum, int64(l.tokens)))
	}
	n, err := l.body.Read(p[:size])
	if n > 0 {
		// Counted before the wait: the invocation's record is made when the
		// runtime is done, and that may be now.
		l.measure(int64(n))
		if l.paced {
			if stop := l.wait(n); stop != nil {
				l.err = stop
				return 0, stop
			}
		}
	}
	if err != nil {
		l.err = err
		if n > 0 {
			err = nil // the next Read says it
		}
	}
	return n, err
}

// atQuota finds out whether the body ends where its quota does.
func (l *Limiter) atQuota() (int, error) {
	n, err := l.body.Read(l.probe[:])
	if n > 0 {
		l.body.Close(sluice.ErrOversized)
		err = &sluice.StreamError{
			Ending: sluice.EndingOversized, Type: ErrorTypeTooLarge,
			Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", l.limits.Payload),
		}
	}
	l.err = err
	return 0, err
}

func (l *Limiter) measure(n int64) {
	before := l.count
	l.count += n
	l.meter.Bytes.Add(n)
	l.meter.Chunks.Add(1)
	now := time.Now()
	if gap := int64(now.Sub(l.last)); !l.last.IsZero() && gap > l.meter.LargestGap.Load() {
		l.meter.LargestGap.Store(gap)
	}
	l.last = now
	l.meter.Timeline.Add(now, l.count)
	if l.count > sluice.UnbilledStream {
		l.meter.PastBurst.Add(l.count - max(before, sluice.UnbilledStream))
	}
}

// wait takes n bytes out of the bucket and waits until they are in it. A wait
// that was cut short returns the error that ends the body.
func (l *Limiter) wait(n int) error {
	now := time.Now()
	l.tokens = min(l.capacity, l.tokens+now.Sub(l.refilled).Seconds()*float64(l.limits.Rate)) - float64(n)
	l.refilled = now
	if l.tokens >= 0 {
		return nil
	}
	delay := time.Duration(-l.tokens / float64(l.limits.Rate) * float64(time.Second))
	if l.timer == nil {
		l.timer = time.NewTimer(delay)
		l.meter.ThrottledAt.Store(now.UnixNano())
	} else {
		l.timer.Reset(delay)
	}
	var stop error
	select {
	case <-l.timer.C:
	case <-l.closed:
		stop = l.closeCause()
	case <-l.ctx.Done():
		stop = context.Cause(l.ctx)
	}
	l.timer.Stop()
	l.meter.Throttled.Add(int64(time.Since(now)))
	return stop
}

// Pending reports whether the next Read returns without waiting, for the
// function or for bandwidth.
func (l *Limiter) Pending() bool {
	if l.err != nil {
		return true
	}
	return l.body.Pending() && (!l.paced || l.tokens >= float64(l.quantum))
}

// Close gives up on the rest and ends a wait for bandwidth; see sluice.Body.
func (l *Limiter) Close(cause error) {
	l.mu.Lock()
	select {
	case <-l.closed:
	default:
		l.cause = cause
		close(l.closed)
	}
	l.mu.Unlock()
	l.body.Close(cause)
}

func (l *Limiter) closeCause() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil {
		return io.ErrClosedPipe
	}
	return l.cause
}
