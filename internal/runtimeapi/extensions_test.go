package runtimeapi

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func call(method, path, headers, body string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", method, path, headers, len(body), body)
}

// register registers an extension on a connection of its own, and returns that and the
// identifier.
func (f *fixture) register(name, body string) (*client, string) {
	f.t.Helper()
	c := f.dial()
	c.send(call("POST", "/2020-01-01/extension/register", "Lambda-Extension-Name: "+name+"\r\n", body))
	resp, answer := c.reply()
	if resp.StatusCode != 200 {
		f.t.Fatalf("%d %s", resp.StatusCode, answer)
	}
	id := resp.Header.Get("Lambda-Extension-Identifier")
	if len(id) != 36 || answer != `{"functionName":"fn","functionVersion":"$LATEST","handler":"index.handler"}` {
		f.t.Errorf("%q %s", id, answer)
	}
	return c, "Lambda-Extension-Identifier: " + id + "\r\n"
}

func eventNext(id string) string {
	return call("GET", "/2020-01-01/extension/event/next", id, "")
}

func (c *client) event() map[string]any {
	c.t.Helper()
	resp, body := c.reply()
	var event map[string]any
	if err := json.Unmarshal([]byte(body), &event); err != nil || resp.StatusCode != 200 || len(resp.Header.Get("Lambda-Extension-Event-Identifier")) != 36 {
		c.t.Fatalf("%d %s %v", resp.StatusCode, body, err)
	}
	return event
}

func TestExtensionsTakePartInEveryPhase(t *testing.T) { // docs/contract/runtime-api.md §6
	f := newExtended(t, []string{"observer"})
	select {
	case <-f.s.Registered():
		t.Fatal("registered already")
	default:
	}
	x, id := f.register("observer", `{"events":["INVOKE","SHUTDOWN"]}`)
	<-f.s.Registered()
	quiet, quietID := f.register("GoLangEnableSIGTERM", `{"events":null}`) // an internal one
	x.send(eventNext(id))
	runtime := f.dial()
	runtime.send(getNext)
	select {
	case <-f.ready:
		t.Fatal("INIT ended before every extension had asked for its first event")
	case <-time.After(50 * time.Millisecond):
	}
	quiet.send(eventNext(quietID))
	<-f.ready
	call := f.begin()
	if e := x.event(); e["eventType"] != "INVOKE" || e["requestId"] != testID || e["deadlineMs"] != 1700000000000.0 || e["invokedFunctionArn"] != "arn:f" ||
		e["tracing"].(map[string]any)["value"] != "Root=1" {
		t.Errorf("%v", e)
	}
	runtime.reply()
	runtime.send(respond("", "hi"))
	go io.ReadAll((<-call.Response()).Body)
	runtime.wantReply(202, "OK")
	runtime.send(getNext)
	select {
	case <-f.finished:
		t.Fatal("the invocation ended before its extension had asked for the next event")
	case <-time.After(50 * time.Millisecond):
	}
	x.send(eventNext(id))
	if got := <-f.finished; got != call {
		t.Error("another call has finished")
	}
	if external, internal := f.s.Extensions(); external != 1 || internal != 1 {
		t.Errorf("%d and %d", external, internal)
	}
	f.s.Shutdown("spindown", time.UnixMilli(1700000001000))
	if e := x.event(); e["eventType"] != "SHUTDOWN" || e["shutdownReason"] != "spindown" || e["deadlineMs"] != 1700000001000.0 {
		t.Errorf("%v", e)
	}
	x.send(call0(id, "exit/error", "Lambda-Extension-Function-Error-Type: Observer.Tired\r\n"))
	x.wantReply(202, "OK")
	for _, want := range []string{"registered observer[INVOKE SHUTDOWN]", "registered GoLangEnableSIGTERM[]", "observer Extension.ExitError Observer.Tired"} {
		if got := <-f.said; got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}
}

func call0(id, path, headers string) string {
	return call("POST", "/2020-01-01/extension/"+path, id+headers, "{}")
}

func TestWebAdapterRegistersAndTakesEvents(t *testing.T) { // docs/contract/execution-environment.md §7.4
	f := newExtended(t, []string{"lambda-adapter"})
	x, id := f.register("lambda-adapter", `{ "events": [] }`)
	x.send(eventNext(id)) // and never answered
	runtime := f.dial()   // of the same process
	runtime.send(getNext)
	<-f.ready
	call := f.begin()
	runtime.reply()
	runtime.send(stream("Lambda-Runtime-Function-Response-Mode: streaming\r\n") + "2\r\nhi\r\n0\r\n\r\n")
	if body, err := readAll(t, call); body != "hi" || err != nil {
		t.Errorf("%q %v", body, err)
	}
	runtime.wantReply(202, "OK")
	runtime.send(getNext)
	<-f.finished
}

func TestExtensionRefusals(t *testing.T) { // docs/contract/runtime-api.md §6, §7
	f := newExtended(t, []string{"a"})
	const base = "/2020-01-01/extension/"
	c, id := f.register("a", "{}")
	unknown := "Lambda-Extension-Identifier: 11111111-2222-4333-8444-555555555555\r\n"
	for _, tt := range []struct {
		request string
		status  int
		want    string
	}{
		{call("POST", base+"register", "", "{}"), 403, "Extension.InvalidExtensionName"},
		{call("POST", base+"register", "Lambda-Extension-Name: a\r\n", "{}"), 403, "Extension.InvalidExtensionState"},
		{call("POST", base+"register", "Lambda-Extension-Name: b\r\n", `{"events":["SHUTDOWN"]}`), 403, "ShutdownEventNotSupportedForInternalExtension"},
		{call("POST", base+"register", "Lambda-Extension-Name: b\r\n", `{"events":["INIT"]}`), 403, "Extension.InvalidEventType"},
		{call("POST", base+"register", "Lambda-Extension-Name: b\r\n", `{"configurationKeys":["x"]}`), 403, "InvalidRequestFormat"},
		{call("POST", base+"register", "Lambda-Extension-Name: b\r\n", `nonsense`), 403, "InvalidRequestFormat"},
		{call("GET", base+"register", "", ""), 405, ""},
		{call("GET", base+"event/next", "", ""), 403, "Extension.MissingExtensionIdentifier"},
		{call("GET", base+"event/next", "Lambda-Extension-Identifier: x\r\n", ""), 403, "Extension.InvalidExtensionIdentifier"},
		{call("GET", base+"event/next", unknown, ""), 403, "Extension.UnknownExtensionIdentifier"},
		{call("POST", base+"init/error", id, "{}"), 403, "Extension.MissingHeader"},
		{call("POST", base+"nothing", id, "{}"), 404, ""},
		{call("PUT", "/2022-07-01/telemetry", "", "{}"), 403, "Extension.MissingExtensionIdentifier"},
		{call("PUT", "/2022-07-01/telemetry", id, ""), 400, "nothing to subscribe to"},
		{call("PUT", "/2022-07-01/telemetry", id, "{}"), 200, `"OK"`},
		{call("PUT", "/2020-08-15/logs", id, "{}"), 200, `"OK"`},
	} {
		c.send(tt.request)
		resp, body := c.reply()
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%q\n%d %s, expected %d %s", tt.request, resp.StatusCode, body, tt.status, tt.want)
		}
	}
	for i := range maxExtensions - 1 {
		f.register(fmt.Sprint("internal", i), "")
	}
	c.send(call("POST", base+"register", "Lambda-Extension-Name: one-more\r\n", "{}"))
	c.wantReply(403, "Extension.TooManyExtensions")
	runtime := f.dial()
	runtime.send(getNext)
	for deadline := time.Now().Add(10 * time.Second); ; {
		c.send(call("POST", base+"register", "Lambda-Extension-Name: late\r\n", "{}"))
		if _, body := c.reply(); strings.Contains(body, "Extension.RegistrationClosed") {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(body)
		}
	}
}

func TestWithoutExtensionsThereIsNoAPI(t *testing.T) {
	c := newFixture(t).dial()
	c.send(call("POST", "/2020-01-01/extension/register", "Lambda-Extension-Name: a\r\n", "{}"))
	c.wantReply(404, "")
}
