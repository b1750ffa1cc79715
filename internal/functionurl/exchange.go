package functionurl

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// stallTimeout is how long a client may refuse to take a byte before it counts as
// gone. Less would cut slow readers off: backpressure is theirs to use for as
// long as a function may run.
const stallTimeout = sluice.MaxTimeout

// exchange is one request and its answer. It belongs to the request's goroutine.
type exchange struct {
	*Handler
	w         http.ResponseWriter
	r         *http.Request
	control   *http.ResponseController
	quotas    sluice.Quotas
	start     time.Time
	requestID string
	target    target
	url       sluice.FunctionURL
	inv       sluice.Invocation
	// caller is nil unless the URL has AuthType AWS_IAM.
	caller *Caller

	access sluice.Access
	// begun tells that the head of the answer was handed to the server.
	begun bool
	// broken tells that the connection has to be broken off.
	broken bool
	// deadline is when the client counts as gone if it takes no byte.
	deadline time.Time
}

// methods are what a Function URL takes (docs/contract/function-url.md §1).
var methods = []string{"GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE"}

// serve runs the checks in AWS's order (docs/contract/function-url.md §7.3) and
// then the function.
func (x *exchange) serve() {
	var known bool
	if x.target.id != "" {
		x.url, known = x.URLs.ByID(x.target.id)
	} else {
		x.url, known = x.URLs.ByFunction(x.target.function, x.target.qualifier)
	}
	if !known {
		x.refuseUnknown()
		return
	}
	x.access.Function = x.url.Function
	if x.target.bare && x.r.Header.Get("Sec-Fetch-Mode") == "navigate" {
		// A page's relative links need the slash. Programs do without.
		x.redirect()
		return
	}
	if x.isPreflight() {
		x.answerPreflight()
		return
	}
	if refused := x.authorize(); refused != nil {
		x.refuse(refused)
		return
	}
	if !x.invocation() {
		return
	}
	resp, err := x.Invoker.Invoke(x.r.Context(), &x.inv)
	switch {
	case x.r.Context().Err() != nil:
		if err == nil {
			resp.Body.Close(sluice.ErrClientGone)
		}
		x.lost()
	case err != nil:
		x.refuse(sluice.AsError(err))
	default:
		x.respond(resp)
	}
}

// respond maps the response. Its body is given up when the client goes, whatever
// this goroutine waits for at that time.
func (x *exchange) respond(resp *sluice.Response) {
	stop := context.AfterFunc(x.r.Context(), func() { resp.Body.Close(sluice.ErrClientGone) })
	defer stop()
	defer resp.Body.Close(nil)
	switch {
	case resp.FunctionError != "":
		x.functionFailed(resp)
	case x.url.Mode == sluice.ResponseStream:
		x.stream(resp)
	default:
		x.buffer(resp)
	}
}

// invocation builds the event. It reports false if it has answered instead.
func (x *exchange) invocation() bool {
	body, err := x.readBody()
	if err == nil && x.url.AuthType == sluice.AuthIAM {
		var refused *sluice.Error
		if x.caller, refused = x.Authorize(x.r, body, x.url); refused != nil {
			err = refused
		}
	}
	if err == nil {
		if x.Decide != nil {
			x.Decide(&x.inv.Trace)
		}
		x.inv = sluice.Invocation{
			RequestID: x.requestID, Function: x.url.Function, Qualifier: x.url.Qualifier, Mode: x.url.Mode,
			Trace: x.inv.Trace, FunctionURL: true,
			Payload: x.event(body).appendTo(nil),
		}
		if limit := x.quotas.RequestPayload; limit > 0 && int64(len(x.inv.Payload)) > limit {
			err = sluice.ErrPayloadTooLarge(limit)
		}
	}
	if err == nil {
		return true
	}
	if x.r.Context().Err() != nil {
		x.lost()
		return false
	}
	var refused *sluice.Error
	if !errors.As(err, &refused) {
		refused = &sluice.Error{Code: "InvalidRequestContentException", Status: http.StatusBadRequest, Message: "The request body could not be read: " + err.Error()}
	}
	if refused.Status == http.StatusRequestEntityTooLarge {
		x.hint("the event of this request (headers, and the body in base64 unless it is text) is larger than requestPayload allows, as on AWS; " +
			"send less, or raise requestPayload (now " + sluice.FormatSize(x.quotas.RequestPayload) + ")")
	}
	x.refuse(refused)
	return false
}

// begin hands the head of the answer to the server.
func (x *exchange) begin(status int) {
	header := x.w.Header()
	// The names as AWS writes them; clients of HTTP/1.1 print them.
	header["x-amzn-RequestId"] = []string{x.requestID}
	header["X-Amzn-Trace-Id"] = []string{x.inv.Trace.Answer()}
	x.addCORS(header)
	x.confine(header)
	x.begun = true
	x.access.Status = status
	x.access.FirstByte = time.Since(x.start)
	x.renewDeadline()
	x.w.WriteHeader(status)
}

// confine keeps a function that is reached by path from what it shares its origin with:
// by host every function has an origin of its own.
func (x *exchange) confine(header http.Header) {
	if x.target.id != "" {
		return
	}
	// Or it could answer for other paths.
	header.Del("Service-Worker-Allowed")
	if x.Isolate {
		header.Add("Content-Security-Policy", "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts")
	}
}

// write sends body bytes; its error means that the client is gone.
func (x *exchange) write(p []byte) error {
	x.renewDeadline()
	n, err := x.w.Write(p)
	x.access.Bytes += int64(n)
	return err
}

// flush sends what was written; its error means that the client is gone.
func (x *exchange) flush() error {
	x.renewDeadline()
	return x.control.Flush()
}

// renewDeadline gives the client stallTimeout for the next write. A minute more
// or less does not matter, and setting a deadline is not free.
func (x *exchange) renewDeadline() {
	now := time.Now()
	if x.deadline.Sub(now) < stallTimeout-time.Minute {
		x.deadline = now.Add(stallTimeout)
		x.control.SetWriteDeadline(x.deadline)
	}
}

// redirect sends a browser to the path with a slash at its end.
func (x *exchange) redirect() {
	path, query := requestTarget(x.r.RequestURI)
	if query != "" {
		query = "?" + query
	}
	x.w.Header().Set("Location", path+"/"+query)
	x.answer(http.StatusPermanentRedirect, nil)
}

// answer sends a complete answer.
func (x *exchange) answer(status int, body []byte) {
	bodyless := x.bodyless(status)
	if status != http.StatusNoContent && status != http.StatusNotModified {
		x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	x.begin(status)
	if bodyless || len(body) == 0 {
		return
	}
	if err := x.write(body); err != nil {
		x.lost()
	}
}

// bodyless tells that an answer has no body on the wire
// (docs/contract/function-url.md §4.3).
func (x *exchange) bodyless(status int) bool {
	return x.r.Method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified
}

// ended records how the exchange ended, if it was not complete.
func (x *exchange) ended(ending sluice.Ending, reason string) {
	x.access.Ending, x.access.Reason = ending, oneLine(reason)
}

// lost records that the client went away. There is nobody left to answer.
func (x *exchange) lost() {
	x.ended(sluice.EndingClientGone, "the client closed the connection; the function runs on")
	x.broken = true
}

// hint advises the developer, in one line.
func (x *exchange) hint(text string) {
	x.Observer.Log(sluice.LogLine{
		Time: time.Now(), Function: x.url.Function, RequestID: x.requestID, Source: sluice.SourceHint, Text: oneLine(text),
	})
}

// finish reports the exchange, and breaks the connection off if that is how it
// ended. It is deferred, so that a panic is a recorded fault.
func (x *exchange) finish() {
	if v := recover(); v != nil {
		x.Observer.Log(sluice.LogLine{
			Time: time.Now(), Function: x.url.Function, RequestID: x.requestID, Source: sluice.SourceHint, Level: "ERROR",
			Text: fmt.Sprintf("Sluice failed, which is its own mistake; please report it: %v\n%s", v, debug.Stack()),
		})
		x.fault(fmt.Sprintf("internal failure: %v", v))
	}
	x.access.Total = time.Since(x.start)
	x.access.PastBurst = x.inv.Meter.PastBurst.Load()
	x.access.Throttled = time.Duration(x.inv.Meter.Throttled.Load())
	x.access.Chunks = x.inv.Meter.Chunks.Load()
	x.Observer.Answered(x.access)
	if x.broken {
		panic(http.ErrAbortHandler)
	}
}

// fault answers for a failure of our own.
func (x *exchange) fault(reason string) {
	if x.begun {
		x.broken = true
		x.ended(sluice.EndingFault, reason)
		return
	}
	clear(x.w.Header())
	x.refuse(sluice.AsError(errors.New(reason)))
}

// oneLine makes text fit into one line of a log.
func oneLine(text string) string {
	const room = 500
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > room {
		text = strings.ToValidUTF8(text[:room], "") + "…"
	}
	return text
}
