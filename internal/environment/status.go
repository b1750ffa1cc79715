package environment

import (
	"slices"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// State is what an execution environment does.
type State string

const (
	// Starting: its INIT phase runs, or has yet to.
	Starting State = "starting"
	// Busy: it serves an invocation.
	Busy State = "busy"
	// Idle: it waits for the next one.
	Idle State = "idle"
	// Stopping: it shuts down.
	Stopping State = "stopping"
)

// Status is one execution environment as it is now.
type Status struct {
	// Stream is the name of its log stream, which is its own.
	Stream   string    `json:"stream"`
	Function string    `json:"function"`
	Version  string    `json:"version"`
	State    State     `json:"state"`
	Created  time.Time `json:"created"`
	// Since is when the state began.
	Since time.Time `json:"since"`
	// Invocations counts those that are over.
	Invocations int64 `json:"invocations"`
	MemoryMB    int   `json:"memoryMB"`
	// MaxMemoryMB is the peak so far; a sample may be a second old.
	MaxMemoryMB int `json:"maxMemoryMB"`
	// RequestID, Mode, Bytes and Chunks are of the invocation in progress.
	RequestID string            `json:"requestId,omitempty"`
	Mode      sluice.InvokeMode `json:"mode,omitempty"`
	Bytes     int64             `json:"bytes,omitempty"`
	Chunks    int64             `json:"chunks,omitempty"`
}

// Status tells of every environment of the pool, in no order.
func (p *Pool) Status() []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Status, 0, len(p.all))
	for e := range p.all {
		all = append(all, e.status(slices.Contains(p.idle, e)))
	}
	return all
}

// status is told whether e waits in its pool.
func (e *Environment) status(idle bool) Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Status{Stream: e.stream, Function: e.pool.fn.Name, Version: e.pool.fn.Version, Invocations: e.served, MemoryMB: e.pool.fn.MemoryMB, Created: e.created, Since: e.since}
	switch {
	case e.stopping:
		s.State = Stopping
	case idle:
		s.State = Idle
	case e.life == nil && e.current == nil:
		s.State = Starting
	default:
		s.State = Busy
		if act := e.current; act != nil {
			s.Since, s.RequestID, s.Mode = act.start, act.inv.RequestID, act.inv.Mode
			s.Bytes, s.Chunks = act.inv.Meter.Bytes.Load(), act.inv.Meter.Chunks.Load()
		}
	}
	s.MaxMemoryMB = e.maxMemoryMB(e.life)
	return s
}
