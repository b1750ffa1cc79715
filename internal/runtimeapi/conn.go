package runtimeapi

import (
	"bufio"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	sluice "github.com/sluice-run/sluice"
)

const (
	// readBuffer is a connection's input buffer. Larger chunks bypass it.
	readBuffer = 16 << 10
	// copyPayload is the event size up to which head and event leave in one
	// buffer; a larger event is written from where it lies.
	copyPayload = 64 << 10

	// maxErrorDocument bounds an error document when no quota does.
	maxErrorDocument = int64(6*sluice.MB + sluice.PayloadSlack)

	prefix = "/2018-06-01"
)

// conn is one connection from the sandbox. Its goroutine reads requests in
// order; while the connection is parked in /next it waits for the following
// request already, which also tells it when the runtime hangs up.
type conn struct {
	s       *Server
	nc      net.Conn
	br      *bufio.Reader
	trusted bool
	out     []byte
	// parked tells that a /next of this connection has not been followed up:
	// the next request has to wait for delivered. It belongs to the goroutine
	// of the connection.
	parked bool
	// delivered has room for one token: the event of the parked /next is out.
	delivered chan struct{}
}

func newConn(s *Server, nc net.Conn) *conn {
	return &conn{
		s: s, nc: nc, br: bufio.NewReaderSize(nc, readBuffer),
		trusted: nc.LocalAddr().Network() == "unix", delivered: make(chan struct{}, 1),
	}
}

func (c *conn) serve() {
	defer c.nc.Close()
	defer c.s.unpark(c)
	var req request
	for {
		err := readRequest(c.br, &req)
		if err != nil {
			if errors.Is(err, errBadRequest) {
				c.nc.Write(badRequest.wire)
			}
			return
		}
		if c.parked {
			select {
			case <-c.delivered:
			case <-c.s.quit:
				return
			}
			c.parked = false
		}
		if !c.handle(&req) {
			return
		}
	}
}

// handle serves one request and reports whether the connection goes on.
func (c *conn) handle(req *request) bool {
	body := newWireBody(c.br, req)
	var rep *reply
	// entered tells that this request moved the call into a response state,
	// which ends when the runtime has its reply, or can't get one.
	entered := false
	route, id := c.route(req)
	switch route {
	case routeNext:
		if !c.drain(&body) {
			return false
		}
		if rep = c.s.next(c); rep == nil {
			return true
		}
	case routeResponse:
		if !c.sendContinue(req) {
			return false
		}
		rep, entered = c.response(id, req, &body)
	case routeError:
		if !c.sendContinue(req) {
			return false
		}
		rep, entered = c.invocationError(id, req, &body)
	case routeInitError:
		if !c.sendContinue(req) {
			return false
		}
		rep = c.initError(req, &body)
	case routePing:
		rep = pong
	case routeRegister:
		rep = c.register(req, &body)
	case routeEventNext:
		if !c.drain(&body) {
			return false
		}
		if rep = c.s.eventNext(c, req); rep == nil {
			return true
		}
	case routeExtensionInitError:
		rep = c.extensionError(req, &body, "Extension.InitError")
	case routeExtensionExitError:
		rep = c.extensionError(req, &body, "Extension.ExitError")
	case routeTelemetry:
		rep = c.telemetry(req, &body)
	case routeForbidden:
		rep = fromBrowser
	case routeMethod:
		rep = methodNotAllowed
	default:
		rep = notFound
	}
	alive := c.drain(&body) && c.write(rep.wire)
	if entered {
		c.s.sent()
	}
	return alive && !req.close
}

type route uint8

const (
	routeNone route = iota
	routeNext
	routeResponse
	routeError
	routeInitError
	routePing
	routeRegister
	routeEventNext
	routeExtensionInitError
	routeExtensionExitError
	routeTelemetry
	routeMethod
	routeForbidden
)

// route finds what a request asks for, and the invocation id in its path.
func (c *conn) route(req *request) (route, string) {
	if !c.trusted && req.fromWebPage() {
		return routeForbidden, ""
	}
	path, ok := strings.CutPrefix(req.path, prefix)
	if !ok {
		if c.s.info == nil {
			return routeNone, ""
		}
		return extensionRoute(req), ""
	}
	found, id := routeNone, ""
	method := "POST"
	switch path {
	case "/runtime/invocation/next":
		found, method = routeNext, "GET"
	case "/ping":
		found, method = routePing, "GET"
	case "/runtime/init/error":
		found = routeInitError
	default:
		rest, ok := strings.CutPrefix(path, "/runtime/invocation/")
		if !ok {
			break
		}
		if id, ok = strings.CutSuffix(rest, "/response"); ok {
			found = routeResponse
		} else if id, ok = strings.CutSuffix(rest, "/error"); ok {
			found = routeError
		}
		if strings.Contains(id, "/") {
			found = routeNone
		}
	}
	if found != routeNone && req.method != method {
		return routeMethod, ""
	}
	return found, id
}

// extensionRoute is route for what extensions ask for.
func extensionRoute(req *request) route {
	found, method := routeNone, "POST"
	switch req.path {
	case extensionPrefix + "/register":
		found = routeRegister
	case extensionPrefix + "/event/next":
		found, method = routeEventNext, "GET"
	case extensionPrefix + "/init/error":
		found = routeExtensionInitError
	case extensionPrefix + "/exit/error":
		found = routeExtensionExitError
	case "/2022-07-01/telemetry", "/2020-08-15/logs":
		found, method = routeTelemetry, "PUT"
	}
	if found != routeNone && req.method != method {
		return routeMethod
	}
	return found
}

// response serves POST /response: it hands the body up and waits until whoever
// delivers it lets go.
func (c *conn) response(id string, req *request, body *wireBody) (rep *reply, entered bool) {
	call, refusal := c.s.enter(id, responding)
	if refusal != nil {
		return refusal, false
	}
	streaming := req.chunked || req.mode == "streaming"
	limit := call.Event.BufferedLimit
	if streaming && call.Event.Mode == sluice.ResponseStream {
		limit = 0
	}
	switch {
	case req.mode != "" && req.mode != "streaming":
		const errorType = "Runtime.InvalidResponseModeHeader"
		call.finish(sluice.EndingFunctionError, errorType)
		call.answer(FunctionError(errorType, nil), nil)
		return invalidMode, true
	case limit > 0 && req.length > limit:
		call.finish(sluice.EndingOversized, errPayloadTooLarge)
		call.answer(FunctionError(errPayloadTooLarge, ErrorDocument(errPayloadTooLarge, tooLarge(limit))), nil)
		return tooLargeReply(limit), true
	}
	rb := &responseBody{
		call: call, wire: *body, conn: c.nc, limit: limit,
		handler: c.s.handler, done: make(chan struct{}),
	}
	resp := &sluice.Response{
		ContentType: orDefault(req.contentType, "application/octet-stream"),
		Streaming:   streaming, Body: rb,
	}
	if !call.answer(resp, rb) {
		return invalidRequestID, true
	}
	select {
	case <-rb.done:
	case <-c.s.quit:
		rb.interrupt(&sluice.StreamError{Ending: sluice.EndingShutdown, Type: "Sandbox.Failure", Message: "the execution environment was shut down"})
		<-rb.done
	}
	c.nc.SetReadDeadline(time.Time{})
	*body = rb.wire
	return rb.reply(), true
}

// reply is what the runtime gets to hear about its response.
func (b *responseBody) reply() *reply {
	var broken *sluice.StreamError
	if !errors.As(b.err, &broken) {
		return accepted // complete, or nobody wanted the rest
	}
	switch broken.Ending {
	case sluice.EndingFunctionError:
		return accepted
	case sluice.EndingOversized:
		return tooLargeReply(b.limit)
	}
	return truncated
}

// invocationError serves POST /error.
func (c *conn) invocationError(id string, req *request, body *wireBody) (rep *reply, entered bool) {
	call, refusal := c.s.enter(id, errorResponding)
	if refusal != nil {
		return refusal, false
	}
	limit := orDefault(call.Event.BufferedLimit, maxErrorDocument)
	document, over, err := body.readAll(limit)
	errorType := normalErrorType(req.errorType)
	rep = accepted
	switch {
	case err != nil:
		errorType, document, rep = "Runtime.TruncatedResponse", nil, truncated
	case over:
		errorType, rep = errPayloadTooLarge, tooLargeReply(limit)
		document = ErrorDocument(errorType, tooLarge(limit))
	}
	if call.Begun() {
		return c.cutResponse(call, errorType, document), false
	}
	call.finish(sluice.EndingFunctionError, errorType)
	c.s.handler.Responded(call)
	if !call.answer(FunctionError(errorType, document), nil) {
		rep = invalidRequestID
	}
	return rep, true
}

// initError serves POST /init/error.
func (c *conn) initError(req *request, body *wireBody) *reply {
	document, over, err := body.readAll(maxErrorDocument)
	switch {
	case err != nil:
		return truncated
	case over:
		return tooLargeReply(maxErrorDocument)
	}
	return c.s.initFailed(normalErrorType(req.errorType), document)
}

// cutResponse breaks a response in flight with the error the runtime reported
// beside it (docs/contract/runtime-api.md §3.1).
func (c *conn) cutResponse(call *Call, errorType string, document []byte) *reply {
	call.mu.Lock()
	rb := call.body
	call.mu.Unlock()
	if rb == nil {
		return stateReply(responseSent, errorResponding.String())
	}
	rb.interrupt(&sluice.StreamError{Ending: sluice.EndingFunctionError, Type: errorType, Document: document})
	rb.conn.Close()
	return accepted
}

func (c *conn) sendContinue(req *request) bool {
	return !req.expect || c.write(continueReply)
}

// drain reads what is left of a request body.
func (c *conn) drain(body *wireBody) bool {
	if body.phase == atEnd {
		return true
	}
	buf := make([]byte, 32<<10)
	return body.discard(buf) == nil
}

func (c *conn) write(b []byte) bool {
	_, err := c.nc.Write(b)
	return err == nil
}

// writeEvent answers a /next. It is called by one goroutine at a time: the
// connection's own, or the one that invokes while the connection is parked.
func (c *conn) writeEvent(ev *Event) error {
	b := append(c.out[:0], "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: "...)
	b = append(b, ev.RequestID...)
	b = append(b, "\r\nLambda-Runtime-Deadline-Ms: "...)
	b = strconv.AppendInt(b, ev.Deadline.UnixMilli(), 10)
	b = append(b, "\r\nLambda-Runtime-Invoked-Function-Arn: "...)
	b = append(b, ev.InvokedFunctionARN...)
	b = appendHeader(b, "Lambda-Runtime-Trace-Id", ev.TraceID)
	b = appendHeader(b, "Lambda-Runtime-Client-Context", string(ev.ClientContext))
	b = appendHeader(b, "Lambda-Runtime-Cognito-Identity", string(ev.CognitoIdentity))
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(ev.Payload)), 10)
	b = append(b, "\r\n\r\n"...)
	if len(ev.Payload) <= copyPayload {
		b = append(b, ev.Payload...)
		c.out = b
		_, err := c.nc.Write(b)
		return err
	}
	c.out = b
	bufs := net.Buffers{b, ev.Payload}
	_, err := bufs.WriteTo(c.nc)
	return err
}

func appendHeader(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, "\r\n"...)
	b = append(b, name...)
	b = append(b, ": "...)
	return append(b, value...)
}
