package environment

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/runtimeapi"
	"github.com/sluice-run/sluice/internal/telemetry"
)

// Error types that the platform makes (docs/contract/execution-environment.md §4.3).
const (
	errExit    = "Runtime.ExitError"
	errTimeout = "Sandbox.Timedout"
	errFailure = "Sandbox.Failure"
)

// Environment is one execution environment. Whoever acquired it from its pool
// owns it until the invocation is over; then it goes back by itself.
type Environment struct {
	pool   *Pool
	dir    string
	stream string
	// created is when.
	created time.Time
	log     platformLog
	// finishing belongs to the pool: the response is over, the invocation is not.
	finishing bool
	// requestID of the current invocation, for log lines.
	requestID atomic.Pointer[string]

	mu sync.Mutex
	// life is the runtime process, nil before INIT and after a reset.
	life *life
	// starting is a process in its INIT phase, else nil.
	starting *life
	// current is the invocation in progress, nil while idle.
	current *activation
	// suppressed tells that INIT failed: it is repeated within each invocation.
	suppressed bool
	// lives counts the processes started so far.
	lives int
	// cached is the document of the INIT that failed.
	cached []byte
	// served counts the invocations that are over; since is when the last one was, or
	// when the environment was made, or began to stop.
	served   int64
	since    time.Time
	stopping bool
	// idle retires the environment; it runs while nothing else does.
	idle *time.Timer
	// memory is the last sample of the process's peak, taken at sampled.
	memory  int64
	sampled time.Time
}

// activation is one invocation in an environment.
type activation struct {
	inv  *sluice.Invocation
	arn  string
	life *life
	call *runtimeapi.Call
	// start is when the function's clock began.
	start time.Time
	init  time.Duration
	timer *time.Timer
	// claimed tells that somebody is ending the invocation: the runtime's next
	// request, the timeout or the exit, whichever came first.
	claimed bool
}

// claim reports whether the caller is the one to end the invocation. The
// environment's mu is held.
func (a *activation) claim() bool {
	if a.claimed {
		return false
	}
	a.claimed = true
	return true
}

func newEnvironment(p *Pool) (*Environment, error) {
	dir, err := os.MkdirTemp(p.host.Dir, "e")
	if err != nil {
		return nil, fmt.Errorf("folder of an execution environment: %w", err)
	}
	e := &Environment{pool: p, dir: dir, created: time.Now()}
	e.since = e.created
	e.stream = newLogStreamName(e.created, p.fn.Version)
	e.log.fn, e.log.stream, e.log.out = p.fn, e.stream, p.host.Observer.Log
	if err := os.Mkdir(e.tmp(), 0o777); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("private /tmp: %w", err)
	}
	return e, nil
}

func (e *Environment) tmp() string { return filepath.Join(e.dir, "tmp") }

// newLogStreamName is YYYY/MM/DD/[<version>]<32 hex>.
func newLogStreamName(now time.Time, version string) string {
	var b [16]byte
	rand.Read(b[:])
	return now.UTC().Format("2006/01/02/") + "[" + version + "]" + hex.EncodeToString(b[:])
}

// emit completes a log line of the function and passes it on.
func (e *Environment) emit(line sluice.LogLine) {
	line.Function, line.Stream = e.pool.fn.Name, e.stream
	if hub := e.log.hub.Load(); hub.Active() && line.Source != sluice.SourceHint {
		hub.Publish(telemetry.Event{Time: line.Time, Type: string(line.Source), Record: line.Text})
	}
	if id := e.requestID.Load(); id != nil {
		line.RequestID = *id
	}
	e.pool.host.Observer.Log(line)
}

func (e *Environment) hint(requestID, text string) {
	e.pool.host.Observer.Log(sluice.LogLine{
		Time: time.Now(), Function: e.pool.fn.Name, Stream: e.stream,
		RequestID: requestID, Source: sluice.SourceHint, Text: text,
	})
}

// maxMemoryMB samples the process's peak memory, at most once a second.
func (e *Environment) maxMemoryMB(l *life) int {
	if now := time.Now(); l != nil && (now.Sub(e.sampled) > time.Second || l.exited()) {
		e.memory, e.sampled = max(e.memory, l.box.PeakMemory()), now
	}
	return int((e.memory + sluice.MB - 1) / sluice.MB)
}

// watch waits for the process of l to exit, whoever caused it.
func (e *Environment) watch(l *life) {
	defer close(l.watched)
	<-l.proc.Done()
	e.mu.Lock()
	act := e.current
	if e.life == l {
		e.life = nil
	}
	mine := act != nil && act.life == l && act.claim()
	e.mu.Unlock()
	if mine {
		e.exited(act)
	}
	if !l.ending.Load() { // else whoever ends it sees to the rest
		l.shutdown("failure")
	}
}

// destroy ends the environment and removes what it left. It waits.
func (e *Environment) destroy() {
	e.mu.Lock()
	l := e.life
	e.life = nil
	e.stopping, e.since = true, time.Now()
	e.mu.Unlock()
	if l != nil {
		l.shutdown("spindown")
		<-l.watched
	}
	os.RemoveAll(e.dir)
}

// cutOff ends the runtime process in the middle of whatever it does; the rest
// follows from its exit.
func (e *Environment) cutOff() {
	e.mu.Lock()
	l := e.life
	if l == nil {
		l = e.starting
	}
	e.mu.Unlock()
	if l != nil {
		l.box.Kill()
	}
}
