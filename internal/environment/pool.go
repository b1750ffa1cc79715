package environment

import (
	"os"
	"slices"
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// Pool holds the execution environments of one version of a function. It grows
// on demand, one environment for each concurrent invocation, and hands out the
// most recently used one first, so that the others can be retired.
type Pool struct {
	host        *Host
	fn          sluice.Function
	runtime     Runtime
	reservation *Concurrency

	mu sync.Mutex
	// idle environments, most recently used last.
	idle []*Environment
	// busy counts acquired environments.
	busy int
	// almost counts those of them that are finishing, and waiters are the
	// callers that wait for one of these, oldest first.
	almost  int
	waiters []chan *Environment
	// provisioned is how many environments stay initialised, warming how many of
	// them are not yet, and provisionFailed why one could not be.
	provisioned, warming int
	provisionFailed      string
	// closed pools hand out nothing and destroy what comes back.
	closed bool
	// killed tells that invocations in progress were cut off.
	killed bool
	all    map[*Environment]struct{}
	// gone is closed when a closed pool has no environment left.
	gone chan struct{}

	// overlay is the folder of the layers laid over each other, once it was asked for.
	overlayOnce sync.Once
	overlay     string
	overlayErr  error
	// merged tells that the folder was made for it.
	merged bool
}

// NewPool returns an empty pool for fn, with a reservation of its own.
func NewPool(host *Host, fn sluice.Function, rt Runtime) *Pool {
	return NewSharedPool(host, fn, rt, NewReservation(fn.ReservedConcurrency))
}

// NewSharedPool returns an empty pool for a version whose function has other
// versions: they share the reservation, whatever fn says.
func NewSharedPool(host *Host, fn sluice.Function, rt Runtime, reservation *Concurrency) *Pool {
	return &Pool{host: host, fn: fn, runtime: rt, reservation: reservation, all: map[*Environment]struct{}{}, gone: make(chan struct{})}
}

// Function returns what the pool runs.
func (p *Pool) Function() sluice.Function { return p.fn }

// finishGrace is how long a caller waits for an environment whose response is
// over. The runtime asks for its next event within microseconds, unless its
// handler goes on after its response: then a cold start is the better deal.
const finishGrace = 20 * time.Millisecond

// Acquire returns an environment for one invocation. It fails with a throttle
// at the function's reserved concurrency or the account's, and with ErrRetired
// on a closed pool.
func (p *Pool) Acquire() (*Environment, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.admit(); err != nil {
		return nil, err
	}
	p.busy++
	e := p.reuse()
	if e == nil {
		var err error
		if e, err = newEnvironment(p); err != nil {
			p.busy--
			p.depart()
			return nil, err
		}
		p.all[e] = struct{}{}
	}
	return e, nil
}

// admit takes a place under the concurrency limits; p.mu is held.
func (p *Pool) admit() error {
	if p.closed {
		return ErrRetired
	}
	if err := p.reservation.take(); err != nil {
		return err
	}
	if err := p.host.concurrency().take(); err != nil {
		p.reservation.leave()
		return err
	}
	return nil
}

// depart gives a place under the concurrency limits back.
func (p *Pool) depart() {
	p.host.concurrency().leave()
	p.reservation.leave()
}

// reuse returns an idle environment, or one that becomes idle any moment, or
// nil. p.mu is held, and released while waiting.
func (p *Pool) reuse() *Environment {
	if n := len(p.idle); n > 0 {
		e := p.idle[n-1]
		p.idle = p.idle[:n-1]
		if e.idle != nil {
			e.idle.Stop()
		}
		return e
	}
	if p.almost <= len(p.waiters) {
		return nil
	}
	turn := make(chan *Environment, 1)
	p.waiters = append(p.waiters, turn)
	p.mu.Unlock()
	grace := time.NewTimer(finishGrace)
	defer grace.Stop()
	select {
	case e := <-turn:
		p.mu.Lock()
		return e
	case <-grace.C:
	}
	p.mu.Lock()
	if i := slices.Index(p.waiters, turn); i >= 0 {
		p.waiters = slices.Delete(p.waiters, i, i+1)
		return nil
	}
	return <-turn // handed over just now
}

// finishing notes that the response of e is over.
func (p *Pool) finishing(e *Environment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !e.finishing {
		e.finishing = true
		p.almost++
		p.depart()
	}
}

// release takes an environment back after its invocation.
func (p *Pool) release(e *Environment) {
	p.mu.Lock()
	p.busy--
	if e.finishing {
		e.finishing = false
		p.almost--
	} else {
		p.depart()
	}
	if len(p.waiters) > 0 {
		turn := p.waiters[0]
		p.waiters = p.waiters[1:]
		turn <- e
		p.mu.Unlock()
		return
	}
	if !p.closed {
		p.idle = append(p.idle, e)
		p.startIdle(e)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	// The caller may be a goroutine of this environment, which its end waits for.
	go p.destroy(e)
}

// startIdle starts the clock that retires e; p.mu is held.
func (p *Pool) startIdle(e *Environment) {
	switch {
	case p.host.Idle <= 0:
	case e.idle == nil:
		e.idle = time.AfterFunc(p.host.Idle, func() { p.retire(e) })
	default:
		e.idle.Reset(p.host.Idle)
	}
}

// retire destroys e if it is still idle.
func (p *Pool) retire(e *Environment) {
	p.mu.Lock()
	i := slices.Index(p.idle, e)
	if len(p.all) <= p.provisioned {
		i = -1
	}
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		p.destroy(e)
	}
}

func (p *Pool) destroy(e *Environment) {
	e.destroy()
	p.mu.Lock()
	delete(p.all, e)
	p.checkGone()
	p.mu.Unlock()
}

// opt is the folder that is /opt, "" without layers. It is made when it is first asked
// for.
func (p *Pool) opt() (string, error) {
	p.overlayOnce.Do(func() {
		switch len(p.fn.Layers) {
		case 0:
		case 1:
			p.overlay = p.fn.Layers[0]
		default:
			p.merged = true
			if p.overlay, p.overlayErr = os.MkdirTemp(p.host.Dir, "opt"); p.overlayErr == nil {
				p.overlayErr = overlay(p.overlay, p.fn.Layers)
			}
		}
	})
	return p.overlay, p.overlayErr
}

// checkGone closes gone once nothing is left; p.mu is held.
func (p *Pool) checkGone() {
	if p.closed && len(p.all) == 0 {
		select {
		case <-p.gone:
		default:
			if p.merged {
				os.RemoveAll(p.overlay)
			}
			close(p.gone)
		}
	}
}

// Retire lets invocations in progress finish and ends everything else. It does
// not wait; Gone tells when nothing is left.
func (p *Pool) Retire() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.closed = true
	p.checkGone()
	p.mu.Unlock()
	for _, e := range idle {
		if e.idle != nil {
			e.idle.Stop()
		}
		go p.destroy(e)
	}
}

// Gone is closed when a retired pool has no environment left.
func (p *Pool) Gone() <-chan struct{} { return p.gone }

// Kill retires the pool and cuts off the invocations in progress. It waits.
func (p *Pool) Kill() {
	p.mu.Lock()
	p.killed = true
	p.mu.Unlock()
	p.Retire()
	p.mu.Lock()
	var busy []*Environment
	for e := range p.all {
		busy = append(busy, e)
	}
	p.mu.Unlock()
	for _, e := range busy {
		e.cutOff()
	}
	<-p.gone
}

// closing reports whether invocations are being cut off.
func (p *Pool) closing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

// Size returns the number of execution environments.
func (p *Pool) Size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all)
}

// Busy returns the number of invocations in progress.
func (p *Pool) Busy() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.busy
}
