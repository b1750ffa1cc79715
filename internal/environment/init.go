package environment

import (
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/runtimeapi"
)

// initResult is how one attempt at the INIT phase went.
type initResult struct {
	// status is statusSuccess, statusError or statusTimeout.
	status    string
	errorType string
	// document is what the runtime posted to /init/error, or nil.
	document []byte
	// message is the platform's own explanation if there is no document.
	message string
	took    time.Duration
}

// ensureInit makes sure that a runtime process is ready. An INIT that fails is
// repeated inside the invocation, under the function's timeout
// (docs/contract/execution-environment.md §1, suppressed init); if that fails
// too, the invocation is over and its response is returned.
func (e *Environment) ensureInit(act *activation) *sluice.Response {
	e.mu.Lock()
	warm := e.life != nil
	e.mu.Unlock()
	if warm {
		return nil
	}
	if !e.suppressed {
		r := e.attemptInit(initTimeout, phaseInit)
		if r.status == statusSuccess {
			act.init = r.took
			return nil
		}
		e.cached = r.document
		e.log.initReport(r.took, phaseInit, r.status, r.errorType)
		e.suppressed = true
	}
	return e.initInInvocation(act)
}

func (e *Environment) initInInvocation(act *activation) *sluice.Response {
	id := act.inv.RequestID
	act.start = time.Now()
	e.logStart(id)
	r := e.attemptInit(e.pool.fn.Timeout, phaseInvoke)
	if r.status == statusSuccess {
		e.suppressed = false
		e.mu.Lock()
		act.life = e.life
		e.mu.Unlock()
		return nil
	}
	e.log.initReport(r.took, phaseInvoke, r.status, r.errorType)
	if r.status == statusTimeout {
		resp, _ := timeoutAnswer(id, e.pool.fn.Timeout)
		e.logTimeout(id)
		e.conclude(act, statusTimeout, errTimeout)
		return resp
	}
	document := r.document
	if document == nil && r.errorType != errFailure {
		document = e.cached
	}
	if document == nil {
		document = runtimeapi.ErrorDocument(r.errorType, "RequestId: "+id+" Error: "+r.message)
		e.log.line(id, "RequestId: "+id+" Error: "+r.message+"\n"+r.errorType)
	}
	e.conclude(act, statusError, r.errorType)
	return runtimeapi.FunctionError(r.errorType, document)
}

// attemptInit starts the runtime and waits until it asks for its first event.
// After a failure nothing of the attempt is left.
func (e *Environment) attemptInit(limit time.Duration, phase string) initResult {
	begin := time.Now()
	l, err := e.startLife(phase)
	if err != nil {
		errorType, message := startFailure(err)
		return initResult{status: statusError, errorType: errorType, message: message, took: time.Since(begin)}
	}
	e.mu.Lock()
	e.starting = l
	e.mu.Unlock()
	if e.pool.closing() {
		l.box.Kill()
	}
	r := l.awaitInit(limit)
	r.took = time.Since(begin)
	e.mu.Lock()
	e.starting = nil
	if r.status == statusSuccess {
		e.life = l
	}
	e.mu.Unlock()
	if r.status != statusSuccess {
		l.shutdown(reasonOf(r.status))
		if e.pool.closing() {
			r.errorType, r.message, r.document = errFailure, shutdownMessage, nil
		}
		return r
	}
	e.log.initDone(r.took, phase, r.status, "")
	l.drainLogs() // what INIT wrote comes before START
	return r
}

// reasonOf is the reason of a shutdown after a phase that ended so.
func reasonOf(status string) string {
	if status == statusTimeout {
		return "timeout"
	}
	return "failure"
}

func (l *life) awaitInit(limit time.Duration) initResult {
	clock := time.NewTimer(limit)
	defer clock.Stop()
	registered := l.api.Registered()
	if l.proc != nil {
		registered = nil
	}
	var exited <-chan struct{}
	if l.proc != nil {
		exited = l.proc.Done()
	}
	for {
		select {
		case <-registered:
			// Every extension is there: the runtime may start.
			registered = nil
			if err := l.startRuntime(); err != nil {
				errorType, message := startFailure(err)
				return initResult{status: statusError, errorType: errorType, message: message}
			}
			exited = l.proc.Done()
		case failure := <-l.initialized:
			return l.initEnded(failure)
		case <-l.failed:
			return initResult{status: statusError, errorType: l.exitType(), message: l.exitMessage()}
		case <-exited:
			// A runtime posts its init error right before it exits.
			select {
			case failure := <-l.initialized:
				return l.initEnded(failure)
			default:
			}
			return initResult{status: statusError, errorType: l.exitType(), message: l.exitMessage()}
		case <-clock.C:
			if paused := l.env.pool.runtime.Paused; paused != nil && paused() {
				clock.Reset(limit)
				continue
			}
			return initResult{status: statusTimeout, message: "the INIT phase took too long"}
		}
	}
}

func (l *life) initEnded(failure *initFailure) initResult {
	if failure == nil {
		return initResult{status: statusSuccess}
	}
	return initResult{status: statusError, errorType: failure.errorType, document: failure.document}
}
