package runtimeapi

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	sluice "github.com/sluice-run/sluice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testID = "11111111-2222-4333-8444-555555555555"

// fixture is a server on a Unix socket and what its handler was told.
type fixture struct {
	t        *testing.T
	s        *Server
	socket   string
	ready    chan struct{}
	finished chan *Call
	initErr  chan string
	// said is what extensions did.
	said chan string
}

func (f *fixture) Registered(name string, events []string) {
	f.said <- fmt.Sprint("registered ", name, events)
}
func (f *fixture) ExtensionFailed(name, failed, errorType string) {
	f.said <- name + " " + failed + " " + errorType
}
func (f *fixture) Subscribe(name string, body []byte) error {
	if len(body) == 0 {
		return errors.New("nothing to subscribe to")
	}
	f.said <- name + " subscribes " + string(body)
	return nil
}

func (f *fixture) Initialized()                          { close(f.ready) }
func (f *fixture) InitFailed(errorType string, d []byte) { f.initErr <- errorType + " " + string(d) }
func (f *fixture) Responded(*Call)                       {}
func (f *fixture) Finished(c *Call)                      { f.finished <- c }
func (f *fixture) Truncated(*Call) *sluice.StreamError {
	return &sluice.StreamError{Ending: sluice.EndingTruncated, Type: "Runtime.TruncatedResponse"}
}

func newFixture(t *testing.T) *fixture { return newExtended(t, nil) }

// newExtended is newFixture with an Extensions API unless external is nil.
func newExtended(t *testing.T, external []string) *fixture {
	f := &fixture{t: t, ready: make(chan struct{}), finished: make(chan *Call, 8), initErr: make(chan string, 8), said: make(chan string, 32)}
	f.s = NewServer(f)
	if external != nil {
		f.s.UseExtensions(Info{"fn", "$LATEST", "index.handler", "123456789012"}, external)
	}
	f.socket = filepath.Join(t.TempDir(), "rt")
	l, err := net.Listen("unix", f.socket)
	if err != nil {
		t.Fatal(err)
	}
	f.s.Serve(l)
	t.Cleanup(f.s.Close)
	return f
}

// client is a runtime's connection, byte by byte.
type client struct {
	t  *testing.T
	nc net.Conn
	br *bufio.Reader
}

func (f *fixture) dial() *client {
	f.t.Helper()
	nc, err := net.Dial("unix", f.socket)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{f.t, nc, bufio.NewReader(nc)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.nc, text); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

func (c *client) reply() (*http.Response, string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil {
		c.t.Fatalf("reply: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("reply body: %v", err)
	}
	return resp, string(body)
}

func (c *client) wantReply(status int, contains string) {
	c.t.Helper()
	resp, body := c.reply()
	if resp.StatusCode != status || !strings.Contains(body, contains) {
		c.t.Fatalf("reply %d %q, want %d with %q", resp.StatusCode, body, status, contains)
	}
}

const getNext = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"

func post(path, headers, body string) string {
	return fmt.Sprintf("POST /2018-06-01/runtime/%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", path, headers, len(body), body)
}

func respond(headers, body string) string {
	return post("invocation/"+testID+"/response", headers, body)
}

func stream(headers string) string {
	return "POST /2018-06-01/runtime/invocation/" + testID + "/response HTTP/1.1\r\nHost: x\r\n" + headers + "Transfer-Encoding: chunked\r\n\r\n"
}

func (f *fixture) begin() *Call {
	return f.s.Begin(Event{
		RequestID: testID, Deadline: time.UnixMilli(1700000000000), InvokedFunctionARN: "arn:f", TraceID: "Root=1",
		Payload: []byte(`{"k":1}`), Mode: sluice.ResponseStream, BufferedLimit: 64,
	})
}

// started returns a client that has fetched the event of a fresh call.
func (f *fixture) started() (*client, *Call) {
	f.t.Helper()
	c := f.dial()
	c.send(getNext)
	<-f.ready
	call := f.begin()
	if _, body := c.reply(); body != `{"k":1}` {
		f.t.Fatalf("event %q", body)
	}
	return c, call
}

func readAll(t *testing.T, call *Call) (string, error) {
	t.Helper()
	resp := <-call.Response()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestNextCarriesTheEventAndItsHeaders(t *testing.T) {
	f := newFixture(t)
	c := f.dial()
	c.send(getNext)
	<-f.ready
	f.begin()
	resp, body := c.reply()
	want := map[string]string{
		"Content-Type": "application/json", "Lambda-Runtime-Aws-Request-Id": testID,
		"Lambda-Runtime-Deadline-Ms": "1700000000000", "Lambda-Runtime-Invoked-Function-Arn": "arn:f", "Lambda-Runtime-Trace-Id": "Root=1",
	}
	for name, value := range want {
		if got := resp.Header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	for _, name := range []string{"Lambda-Runtime-Client-Context", "Lambda-Runtime-Cognito-Identity", "Lambda-Runtime-Aws-Tenant-Id"} {
		if _, ok := resp.Header[name]; ok {
			t.Errorf("%s is sent although it has no value", name)
		}
	}
	if body != `{"k":1}` {
		t.Errorf("body %q", body)
	}
}

func TestNextWhileRunningRepeatsTheEvent(t *testing.T) {
	f := newFixture(t)
	c, call := f.started()
	c.send(getNext)
	c.wantReply(200, `{"k":1}`)
	c.send(respond("", "ok"))
	if got, err := readAll(t, call); got != "ok" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	c.wantReply(202, `{"status":"OK"}`)
}

func TestEventGoesToTheNextPollWhenTheParkedConnectionIsGone(t *testing.T) {
	f := newFixture(t)
	gone := f.dial()
	gone.send(getNext)
	<-f.ready
	gone.nc.Close()
	call := f.begin()
	c := f.dial()
	c.send(getNext)
	c.wantReply(200, `{"k":1}`)
	c.send(respond("", "ok"))
	if got, _ := readAll(t, call); got != "ok" {
		t.Errorf("response %q", got)
	}
}

func TestResponse(t *testing.T) {
	const mode = "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
	document := `{"errorType":"TypeError","errorMessage":"x"}`
	encoded := base64.StdEncoding.EncodeToString([]byte(document))
	for _, tt := range []struct {
		name, request string
		contentType   string
		body          string
		ending        sluice.Ending
		errorType     string
		document      string
		status        int
	}{
		{"buffered with a length", respond("Content-Type: application/json\r\n", `{"a":1}`), "application/json", `{"a":1}`, sluice.EndingComplete, "", "", 202},
		{"no content type means octet-stream", respond("", "x"), "application/octet-stream", "x", sluice.EndingComplete, "", "", 202},
		{"empty", respond("", ""), "application/octet-stream", "", sluice.EndingComplete, "", "", 202},
		{"streaming mode", stream(mode) + "1\r\na\r\n2;ext=1\r\nbc\r\n0\r\n\r\n", "application/octet-stream", "abc", sluice.EndingComplete, "", "", 202},
		{"chunked without the mode header (Go)", stream("Content-Type: text/x\r\n") + "3\r\nabc\r\n0\r\n\r\n", "text/x", "abc", sluice.EndingComplete, "", "", 202},
		{"upper-case chunk sizes (.NET)", stream(mode) + "A\r\n0123456789\r\n0\r\n\r\n", "application/octet-stream", "0123456789", sluice.EndingComplete, "", "", 202},
		{"streamed past the buffered limit", stream(mode) + "50\r\n" + strings.Repeat("x", 80) + "\r\n0\r\n\r\n", "application/octet-stream", strings.Repeat("x", 80), sluice.EndingComplete, "", "", 202},
		{"error trailers", stream(mode) + "1\r\na\r\n0\r\nLambda-Runtime-Function-Error-Type: TypeError\r\nLambda-Runtime-Function-Error-Body: " + encoded + "\r\n\r\n", "application/octet-stream", "a", sluice.EndingFunctionError, "TypeError", document, 202},
		{"undeclared trailers in any case", stream("") + "0\r\nlambda-runtime-function-error-type: E\r\n\r\n", "application/octet-stream", "", sluice.EndingFunctionError, "E", "", 202},
		{"a trailer body that is not base64 (Swift)", stream(mode) + "0\r\nLambda-Runtime-Function-Error-Type: Unhandled\r\nLambda-Runtime-Function-Error-Body: Requires base64\r\n\r\n", "application/octet-stream", "", sluice.EndingFunctionError, "Unhandled", "Requires base64", 202},
		{"broken chunk framing", stream(mode) + "1\r\na\r\nzz\r\n", "application/octet-stream", "a", sluice.EndingTruncated, "Runtime.TruncatedResponse", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			c, call := f.started()
			c.send(tt.request)
			resp := <-call.Response()
			if resp.ContentType != tt.contentType || resp.FunctionError != "" {
				t.Errorf("content type %q, function error %q", resp.ContentType, resp.FunctionError)
			}
			body, err := io.ReadAll(resp.Body)
			if string(body) != tt.body {
				t.Errorf("body %q, want %q", body, tt.body)
			}
			if tt.status != 0 {
				c.wantReply(tt.status, "OK")
			}
			ending, errorType, begun := call.Outcome()
			if ending != tt.ending || errorType != tt.errorType || begun.IsZero() {
				t.Errorf("outcome %s %q begun %v, want %s %q", ending, errorType, begun, tt.ending, tt.errorType)
			}
			var broken *sluice.StreamError
			if errors.As(err, &broken) != (tt.ending != sluice.EndingComplete) {
				t.Errorf("error %v", err)
			}
			if broken != nil && string(broken.Document) != tt.document {
				t.Errorf("document %q, want %q", broken.Document, tt.document)
			}
		})
	}
}

func TestChunksArriveWhileTheRuntimeWaits(t *testing.T) {
	f := newFixture(t)
	c, call := f.started()
	c.send(stream(""))
	resp := <-call.Response()
	if resp.Body.Pending() {
		t.Error("pending before a byte was sent")
	}
	buf := make([]byte, 100)
	for _, chunk := range []string{"one", "two"} {
		c.send(fmt.Sprintf("%x\r\n%s\r\n", len(chunk), chunk))
		n, err := resp.Body.Read(buf)
		if string(buf[:n]) != chunk || err != nil {
			t.Fatalf("read %q %v, want %q", buf[:n], err, chunk)
		}
	}
	c.send("0\r\n\r\n")
	if n, err := resp.Body.Read(buf); n != 0 || err != io.EOF {
		t.Errorf("end: %d %v", n, err)
	}
	c.wantReply(202, "OK")
}

// The framing may arrive in any pieces; .NET sends size, data and CRLF apart.
func TestBodyAtEverySplit(t *testing.T) {
	wire := stream("") + "3\r\nabc\r\n1\r\nd\r\n0\r\nLambda-Runtime-Function-Error-Type: E\r\n\r\n"
	f := newFixture(t)
	c := f.dial()
	c.send(getNext)
	<-f.ready
	for i := 1; i < len(wire); i++ {
		call := f.begin()
		c.wantReply(200, "k")
		c.send(wire[:i])
		done := make(chan error, 1)
		var got []byte
		go func() {
			resp := <-call.Response()
			var err error
			got, err = io.ReadAll(resp.Body)
			done <- err
		}()
		c.send(wire[i:])
		err := <-done
		var broken *sluice.StreamError
		if string(got) != "abcd" || !errors.As(err, &broken) || broken.Type != "E" {
			t.Fatalf("split at %d: %q %v", i, got, err)
		}
		c.wantReply(202, "OK")
		c.send(getNext)
		<-f.finished
	}
}

func TestErrorReply(t *testing.T) {
	for _, tt := range []struct{ header, want string }{
		{"", "Runtime.Unknown"},
		{"Lambda-Runtime-Function-Error-Type: unhandled\r\n", "Runtime.Unknown"},
		{"Lambda-Runtime-Function-Error-Type: Function.nope\r\n", "Function.Unknown"},
		{"Lambda-Runtime-Function-Error-Type: Runtime.NodeJsExit\r\n", "Runtime.NodeJsExit"},
		{"Lambda-Runtime-Function-Error-Type: my Function.Oops!\r\n", "my Function.Oops!"},
	} {
		f := newFixture(t)
		c, call := f.started()
		c.send(post("invocation/"+testID+"/error", tt.header, `{"errorMessage":"m"}`))
		resp := <-call.Response()
		body, _ := io.ReadAll(resp.Body)
		if resp.FunctionError != tt.want || string(body) != `{"errorMessage":"m"}` {
			t.Errorf("%q: %q %q, want %q", tt.header, resp.FunctionError, body, tt.want)
		}
		c.wantReply(202, "OK")
	}
}

func TestRefusals(t *testing.T) {
	answered := func(f *fixture) (*client, *Call) {
		c, call := f.started()
		c.send(respond("", "ok"))
		readAll(f.t, call)
		c.wantReply(202, "OK")
		return c, call
	}
	for _, tt := range []struct {
		name    string
		prepare func(*fixture) (*client, *Call)
		request string
		status  int
		want    string
	}{
		{"unknown id", (*fixture).started, post("invocation/other/response", "", ""), 400, `"errorType":"InvalidRequestID"`},
		{"empty id", (*fixture).started, post("invocation//response", "", ""), 400, "InvalidRequestID"},
		{"bad mode", (*fixture).started, respond("Lambda-Runtime-Function-Response-Mode: Streaming\r\n", "x"), 400, `"errorType":"InvalidFunctionResponseMode"`},
		{"buffered over the limit", (*fixture).started, respond("", strings.Repeat("x", 65)), 413, `Exceeded maximum allowed payload size (64 bytes).`},
		{"second response", answered, respond("", "again"), 403, `State transition from RuntimeResponseSentState to InvocationResponse failed for runtime. Error: State transition is not allowed`},
		{"error after the response", answered, post("invocation/"+testID+"/error", "", "{}"), 403, `State transition from RuntimeResponseSentState to InvocationErrorResponse failed for runtime.`},
		{"init error after init", (*fixture).started, post("init/error", "", "{}"), 403, "State transition from Running to InitError"},
		{"unknown path", (*fixture).started, "GET /2018-06-01/nope HTTP/1.1\r\n\r\n", 404, "404 page not found"},
		{"restore without SnapStart", (*fixture).started, "GET /2018-06-01/runtime/restore/next HTTP/1.1\r\n\r\n", 404, "404 page not found"},
		{"wrong method", (*fixture).started, "PUT /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n", 405, ""},
		{"ping", (*fixture).started, "GET /2018-06-01/ping HTTP/1.1\r\n\r\n", 200, "pong"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			c, _ := tt.prepare(f)
			c.send(tt.request)
			c.wantReply(tt.status, tt.want)
		})
	}
}

func TestOversizeBufferedResponseIsAFunctionError(t *testing.T) {
	f := newFixture(t)
	c, call := f.started()
	c.send(respond("", strings.Repeat("x", 65)))
	resp := <-call.Response()
	body, _ := io.ReadAll(resp.Body)
	want := `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (64 bytes)."}`
	if resp.FunctionError != "Function.ResponseSizeTooLarge" || string(body) != want {
		t.Errorf("%q %s", resp.FunctionError, body)
	}
	c.wantReply(413, "RequestEntityTooLarge")
	c.send(getNext)
	if got := <-f.finished; got != call {
		t.Error("the invocation did not end")
	}
}

func TestNextBetweenFinishedAndNewCallIsAnUnknownID(t *testing.T) {
	f := newFixture(t)
	c, call := f.started()
	c.send(respond("", "ok"))
	readAll(t, call)
	c.wantReply(202, "OK")
	c.send(getNext)
	<-f.finished
	other := f.dial()
	other.send(respond("", "late"))
	other.wantReply(400, "InvalidRequestID")
}

func TestNextDuringTheResponseWaitsForItsEnd(t *testing.T) {
	f := newFixture(t)
	c, call := f.started()
	c.send(stream("") + "1\r\na\r\n")
	resp := <-call.Response()
	early := f.dial()
	early.send(getNext)
	c.send("0\r\n\r\n")
	if b, err := io.ReadAll(resp.Body); string(b) != "a" || err != nil {
		t.Fatalf("%q %v", b, err)
	}
	c.wantReply(202, "OK")
	<-f.finished
	f.begin()
	early.wantReply(200, "k")
}

func TestErrorDuringTheResponseCutsIt(t *testing.T) {
	f := newFixture(t)
	c, call := f.started()
	c.send(stream("") + "1\r\na\r\n")
	resp := <-call.Response()
	buf := make([]byte, 8)
	resp.Body.Read(buf)
	other := f.dial()
	other.send(post("invocation/"+testID+"/error", "Lambda-Runtime-Function-Error-Type: Runtime.UnhandledPromiseRejection\r\n", `{"a":1}`))
	_, err := resp.Body.Read(buf)
	var broken *sluice.StreamError
	if !errors.As(err, &broken) || broken.Type != "Runtime.UnhandledPromiseRejection" || string(broken.Document) != `{"a":1}` {
		t.Errorf("error %v", err)
	}
	other.wantReply(202, "OK")
	other.send(getNext)
	<-f.finished
}

func TestAbortBeforeTheResponse(t *testing.T) {
	f := newFixture(t)
	c, call := f.started()
	call.Abort(FunctionError("Sandbox.Timedout", []byte("{}")), &sluice.StreamError{Ending: sluice.EndingTimeout, Type: "Sandbox.Timedout"})
	if resp := <-call.Response(); resp.FunctionError != "Sandbox.Timedout" {
		t.Errorf("function error %q", resp.FunctionError)
	}
	c.send(respond("", "late"))
	c.wantReply(400, "InvalidRequestID")
}

func TestAbortBreaksABlockedRead(t *testing.T) {
	f := newFixture(t)
	c, call := f.started()
	c.send(stream(""))
	resp := <-call.Response()
	result := make(chan error, 1)
	go func() {
		_, err := resp.Body.Read(make([]byte, 8))
		result <- err
	}()
	call.Abort(nil, &sluice.StreamError{Ending: sluice.EndingTimeout, Type: "Sandbox.Timedout"})
	var broken *sluice.StreamError
	if err := <-result; !errors.As(err, &broken) || broken.Ending != sluice.EndingTimeout {
		t.Errorf("error %v", err)
	}
}

func TestClosedBodyIsDiscardedAndTheRuntimeGoesOn(t *testing.T) {
	for _, blocked := range []bool{false, true} {
		f := newFixture(t)
		c, call := f.started()
		c.send(stream("") + "1\r\na\r\n")
		resp := <-call.Response()
		buf := make([]byte, 8)
		resp.Body.Read(buf)
		result := make(chan error, 1)
		if blocked {
			go func() {
				_, err := resp.Body.Read(buf)
				result <- err
			}()
		}
		resp.Body.Close(sluice.ErrClientGone)
		if blocked {
			if err := <-result; !errors.Is(err, sluice.ErrClientGone) {
				t.Errorf("blocked read: %v", err)
			}
		}
		c.send("100000\r\n" + strings.Repeat("x", 1<<20) + "\r\n0\r\n\r\n")
		c.wantReply(202, "OK")
		c.send(getNext)
		<-f.finished
		if ending, _, _ := call.Outcome(); ending != sluice.EndingClientGone {
			t.Errorf("ending %s", ending)
		}
	}
}

func TestTruncatedConnection(t *testing.T) {
	f := newFixture(t)
	c, call := f.started()
	c.send(stream("") + "5\r\nab")
	resp := <-call.Response()
	c.nc.Close()
	b, err := io.ReadAll(resp.Body)
	var broken *sluice.StreamError
	if string(b) != "ab" || !errors.As(err, &broken) || broken.Type != "Runtime.TruncatedResponse" {
		t.Errorf("%q %v", b, err)
	}
}

func TestPipelinedNextBehindTheResponse(t *testing.T) {
	f := newFixture(t)
	c, call := f.started()
	for range 3 {
		c.send(respond("", "ok") + getNext)
		if got, _ := readAll(t, call); got != "ok" {
			t.Fatalf("response %q", got)
		}
		c.wantReply(202, "OK")
		<-f.finished
		call = f.begin()
		c.wantReply(200, "k")
	}
}

func TestBackpressureReachesTheRuntime(t *testing.T) {
	f := newFixture(t)
	c, call := f.started()
	c.send(stream(""))
	resp := <-call.Response()
	c.nc.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	chunk := "10000\r\n" + strings.Repeat("x", 1<<16) + "\r\n"
	var sent int
	for sent < 64<<20 {
		n, err := io.WriteString(c.nc, chunk)
		sent += n
		if err != nil {
			break
		}
	}
	if sent > 8<<20 {
		t.Errorf("the runtime could send %d bytes that nobody read", sent)
	}
	resp.Body.Close(nil)
}

func TestInitError(t *testing.T) {
	f := newFixture(t)
	c := f.dial()
	c.send(post("init/error", "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError\r\n", `{"errorType":"x"}`))
	c.wantReply(202, "OK")
	if got := <-f.initErr; got != `Runtime.ImportModuleError {"errorType":"x"}` {
		t.Errorf("init error %q", got)
	}
	c.send(getNext)
	c.wantReply(403, "State transition from InitError to Ready")
}

func TestExpectContinue(t *testing.T) {
	f := newFixture(t)
	c, call := f.started()
	c.send("POST /2018-06-01/runtime/invocation/" + testID + "/response HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	line, _ := c.br.ReadString('\n')
	if line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("interim reply %q", line)
	}
	c.br.ReadString('\n')
	c.send("ok")
	if got, _ := readAll(t, call); got != "ok" {
		t.Errorf("response %q", got)
	}
	c.wantReply(202, "OK")
}

func TestHugeHeadersAreTolerated(t *testing.T) {
	f := newFixture(t)
	c, call := f.started()
	c.send(post("invocation/"+testID+"/error", "Lambda-Runtime-Function-Xray-Error-Cause: "+strings.Repeat("x", 1<<20)+"\r\n", "{}"))
	if resp := <-call.Response(); resp.FunctionError != "Runtime.Unknown" {
		t.Errorf("function error %q", resp.FunctionError)
	}
	c.wantReply(202, "OK")
}

func TestWebPagesAreRefusedOverTCP(t *testing.T) {
	f := newFixture(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.s.Serve(l)
	for header, status := range map[string]int{
		"Host: " + l.Addr().String(): 200, "Host: localhost:1": 200, "Host: [::1]:1": 200, "Host: rebound.example": 403,
		"Host: localhost\r\nOrigin: http://evil.example": 403, "Host: localhost\r\nSec-Fetch-Site: cross-site": 403,
	} {
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c := &client{t, nc, bufio.NewReader(nc)}
		c.send("GET /2018-06-01/ping HTTP/1.1\r\n" + header + "\r\n\r\n")
		if resp, _ := c.reply(); resp.StatusCode != status {
			t.Errorf("%q: status %d, want %d", header, resp.StatusCode, status)
		}
		nc.Close()
	}
}

func TestGarbageEndsTheConnectionOnly(t *testing.T) {
	f := newFixture(t)
	for _, garbage := range []string{"\x16\x03\x01\x00\r\n\r\n", "GET\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"} {
		c := f.dial()
		c.send(garbage)
		c.wantReply(400, "BadRequest")
	}
	c, _ := f.started()
	c.send("GET /2018-06-01/ping HTTP/1.1\r\n\r\n")
	c.wantReply(200, "pong")
}

func FuzzRequests(f *testing.F) {
	f.Add([]byte(getNext))
	f.Add([]byte(respond("", "ok") + getNext))
	f.Add([]byte(stream("") + "1\r\na\r\n0\r\nLambda-Runtime-Function-Error-Type: E\r\n\r\n"))
	f.Add([]byte(post("init/error", "", "{}")))
	f.Fuzz(func(t *testing.T, data []byte) {
		br := bufio.NewReaderSize(strings.NewReader(string(data)), 64)
		var req request
		for readRequest(br, &req) == nil {
			body := newWireBody(br, &req)
			body.pending()
			if _, _, err := body.readAll(100); err != nil {
				return
			}
		}
	})
}

// FuzzChunked checks the decoder against net/http's on what both accept.
func FuzzChunked(f *testing.F) {
	f.Add([]byte("3\r\nabc\r\n0\r\n\r\n"))
	f.Add([]byte("3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		head := "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		theirs, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + string(data))))
		if err != nil {
			return
		}
		want, err := io.ReadAll(theirs.Body)
		if err != nil {
			return
		}
		body := newWireBody(bufio.NewReaderSize(strings.NewReader(string(data)), 16<<10), &request{chunked: true, length: -1})
		got, _, err := body.readAll(1 << 30)
		if err != nil && len(theirs.Trailer) == 0 {
			t.Fatalf("%q: %v, net/http reads %q", data, err, want)
		}
		if err == nil && string(got) != string(want) {
			t.Fatalf("%q: %q, net/http reads %q", data, got, want)
		}
	})
}
