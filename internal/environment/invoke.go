package environment

import (
	"fmt"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/runtimeapi"
)

// Invoke runs one invocation in an environment the caller has acquired, and
// returns when the response begins. The environment returns to its pool when
// the invocation is over, which may be later.
func (e *Environment) Invoke(inv *sluice.Invocation, arn string) *sluice.Response {
	e.requestID.Store(nil)
	for range maxDispatches {
		act := &activation{inv: inv, arn: arn, start: time.Now()}
		if failed := e.ensureInit(act); failed != nil {
			return failed
		}
		if resp, ok := e.dispatch(act); ok {
			return resp
		}
		// The process died between two invocations: a fresh one takes over.
	}
	act := &activation{inv: inv, arn: arn, start: time.Now()}
	e.logStart(inv.RequestID)
	document := runtimeapi.ErrorDocument(errExit, "RequestId: "+inv.RequestID+" Error: the runtime exits whenever it has started")
	e.conclude(act, statusError, errExit)
	return runtimeapi.FunctionError(errExit, document)
}

const shutdownMessage = "the server was shut down"

// maxDispatches bounds how often a process may die after its INIT before the
// invocation gives up.
const maxDispatches = 3

// dispatch hands the event to the runtime and waits for the response to begin.
// It reports false if the process was gone before it could.
func (e *Environment) dispatch(act *activation) (*sluice.Response, bool) {
	inv, fn := act.inv, e.pool.fn
	e.mu.Lock()
	l := e.life
	if l == nil || l.exited() {
		e.life = nil
		e.mu.Unlock()
		if l != nil {
			l.close()
		}
		return nil, false
	}
	if act.life == nil { // warm, or initialised before its clock
		act.life = l
		act.start = time.Now()
		e.logStart(inv.RequestID)
	}
	remaining := fn.Timeout - time.Since(act.start)
	act.timer = time.AfterFunc(remaining, func() { e.timedOut(act) })
	e.current = act
	act.call = l.api.Begin(runtimeapi.Event{
		RequestID: inv.RequestID, Deadline: act.start.Add(fn.Timeout), InvokedFunctionARN: act.arn,
		TraceID: inv.Trace.Header(), ClientContext: inv.ClientContext, CognitoIdentity: inv.CognitoIdentity,
		Payload: inv.Payload, Mode: inv.Mode, BufferedLimit: e.bufferedLimit(),
	})
	call := act.call
	e.mu.Unlock()
	return <-call.Response(), true
}

func (e *Environment) logStart(requestID string) {
	e.requestID.Store(&requestID)
	e.log.start(requestID)
}

func (e *Environment) bufferedLimit() int64 {
	if limit := e.pool.host.Quotas().BufferedPayload; limit > 0 {
		return limit + sluice.PayloadSlack
	}
	return 0
}

// finished is called when the runtime has answered and asked for the next event.
func (e *Environment) finished(l *life, call *runtimeapi.Call) {
	e.mu.Lock()
	act := e.current
	mine := act != nil && act.call == call && act.life == l && act.claim()
	e.mu.Unlock()
	if !mine {
		return
	}
	ending, errorType, _ := call.Outcome()
	status := statusSuccess
	switch ending {
	case sluice.EndingFunctionError, sluice.EndingOversized, sluice.EndingTruncated, sluice.EndingExit:
		status = statusError
	}
	e.conclude(act, status, errorType)
}

// timedOut ends an invocation whose clock ran out: the caller is answered, then
// the environment is reset.
func (e *Environment) timedOut(act *activation) {
	e.mu.Lock()
	if act.claimed {
		e.mu.Unlock()
		return
	}
	if paused := e.pool.runtime.Paused; paused != nil && paused() {
		act.timer.Reset(e.pool.fn.Timeout)
		e.mu.Unlock()
		return
	}
	act.claimed = true
	e.life = nil
	e.mu.Unlock()

	resp, broken := timeoutAnswer(act.inv.RequestID, e.pool.fn.Timeout)
	act.call.Abort(resp, broken)
	act.life.shutdown("timeout")
	e.logTimeout(act.inv.RequestID)
	e.conclude(act, statusTimeout, errTimeout)
}

func timeoutAnswer(requestID string, timeout time.Duration) (*sluice.Response, *sluice.StreamError) {
	message := fmt.Sprintf("Task timed out after %.2f seconds", timeout.Seconds())
	document := runtimeapi.ErrorDocument(errTimeout, "RequestId: "+requestID+" Error: "+message)
	return runtimeapi.FunctionError(errTimeout, document),
		&sluice.StreamError{Ending: sluice.EndingTimeout, Type: errTimeout, Message: message}
}

// logTimeout writes the line that people search their logs for; the REPORT
// follows (docs/contract/execution-environment.md §3).
func (e *Environment) logTimeout(requestID string) {
	timeout := e.pool.fn.Timeout
	e.log.line(requestID, fmt.Sprintf("%s %s Task timed out after %.2f seconds",
		time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), requestID, timeout.Seconds()))
	if timeout < sluice.MaxTimeout {
		e.hint(requestID, fmt.Sprintf("the function's Timeout is %g s and covers the whole stream; raise Timeout (up to %g s) if it should run longer",
			timeout.Seconds(), sluice.MaxTimeout.Seconds()))
	}
}

// exited ends an invocation whose runtime process is gone.
func (e *Environment) exited(act *activation) {
	message := act.life.exitMessage()
	ending, errorType := sluice.EndingExit, act.life.exitType()
	shutdown := e.pool.closing()
	if shutdown {
		ending, errorType, message = sluice.EndingShutdown, errFailure, shutdownMessage
	}
	if act.call.Begun() && !shutdown {
		// What the process wrote before it went still reaches the client.
		act.call.WaitBody()
		e.pool.finishing(e)
	} else {
		// First, for the caller may come again at once: it then gets this environment,
		// with its /tmp, rather than a second one.
		e.pool.finishing(e)
		document := runtimeapi.ErrorDocument(errorType, "RequestId: "+act.inv.RequestID+" Error: "+message)
		act.call.Abort(runtimeapi.FunctionError(errorType, document),
			&sluice.StreamError{Ending: ending, Type: errorType, Message: message})
	}
	act.life.drainLogs()
	// A runtime that reported its error before it exited has said it all.
	if _, posted, _ := act.call.Outcome(); posted != "" {
		errorType = posted
	}
	if errorType == act.life.exitType() {
		e.log.line(act.inv.RequestID, "RequestId: "+act.inv.RequestID+" Error: "+message+"\n"+errorType)
	}
	e.conclude(act, statusError, errorType)
}

// conclude reports an invocation and gives the environment back.
func (e *Environment) conclude(act *activation, status, errorType string) {
	e.mu.Lock()
	if act.timer != nil {
		act.timer.Stop()
	}
	e.current = nil
	e.served++
	e.since = time.Now()
	duration := e.since.Sub(act.start)
	maxMemory := e.maxMemoryMB(act.life)
	e.mu.Unlock()

	if status == statusTimeout {
		duration = e.pool.fn.Timeout
	}
	if act.life != nil && status != statusTimeout {
		act.life.drainLogs()
	}
	record := e.record(act, duration, maxMemory)
	record.ErrorType = errorType
	if record.Ending == "" {
		record.Ending = endingOf(status)
	}
	if record.Ending == sluice.EndingFunctionError && errorType == errFailure {
		record.Ending = sluice.EndingFault
		if e.pool.closing() {
			record.Ending = sluice.EndingShutdown
		}
	}
	e.log.report(&record, status)
	e.pool.host.Observer.Invoked(record)
	e.pool.release(e)
}

func endingOf(status string) sluice.Ending {
	switch status {
	case statusTimeout:
		return sluice.EndingTimeout
	case statusError:
		return sluice.EndingFunctionError
	}
	return sluice.EndingComplete
}

func (e *Environment) record(act *activation, duration time.Duration, maxMemory int) sluice.Record {
	inv, fn := act.inv, e.pool.fn
	r := sluice.Record{
		Time: act.start, RequestID: inv.RequestID, Function: fn.Name, Version: fn.Version, ARN: act.arn,
		Trace: inv.Trace, FunctionURL: inv.FunctionURL, Stream: e.stream,
		Mode: inv.Mode, Init: act.init, Duration: duration, Billed: billed(duration + act.init),
		MemoryMB: fn.MemoryMB, MaxMemoryMB: maxMemory,
		Bytes: inv.Meter.Bytes.Load(), PastBurst: inv.Meter.PastBurst.Load(),
		Throttled: time.Duration(inv.Meter.Throttled.Load()), Chunks: inv.Meter.Chunks.Load(),
		LargestGap: time.Duration(inv.Meter.LargestGap.Load()), Timeline: inv.Meter.Timeline.Points(act.start), Architecture: fn.Architecture, EphemeralStorageMB: fn.EphemeralStorageMB,
	}
	if at := inv.Meter.ThrottledAt.Load(); at != 0 {
		r.ThrottledAt = time.Unix(0, at)
	}
	if act.call != nil {
		ending, _, begun := act.call.Outcome()
		r.Ending = ending
		if !begun.IsZero() {
			r.FirstByte = begun.Sub(act.start)
		}
	}
	return r
}
