package runtimeapi

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// This file is the Extensions API (docs/contract/runtime-api.md §6).

const (
	extensionPrefix = "/2020-01-01/extension"
	// maxExtensions is how many one execution environment may have.
	maxExtensions = 10
	// maxExtensionBody bounds a request of an extension, in bytes.
	maxExtensionBody = 1 << 20
)

// Info is what extensions are told about their function.
type Info struct {
	FunctionName, FunctionVersion, Handler, AccountID string
}

// extension is one that has registered; the server's mu guards it.
type extension struct {
	id, name string
	external bool
	// invoke and shutdown tell which events it has subscribed to.
	invoke, shutdown bool
	// asked tells that it wants its next event; waiting is the connection of that
	// request, nil when it is gone or the event was there already.
	asked   bool
	waiting *conn
	// pending is an event that nobody has asked for yet.
	pending []byte
}

// UseExtensions tells what extensions are told, and which are expected: the names of
// those that are started from files. It is called before Serve. Without it there is no
// Extensions API.
func (s *Server) UseExtensions(info Info, external []string) {
	s.info, s.external = &info, external
	s.missing = len(external)
	if s.missing == 0 {
		close(s.registered)
	}
}

// Registered is closed when every extension that is started from a file has registered.
func (s *Server) Registered() <-chan struct{} { return s.registered }

// Extensions counts those that have registered.
func (s *Server) Extensions() (external, internal int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.extensions {
		if x.external {
			external++
		} else {
			internal++
		}
	}
	return external, internal
}

func refusal(errorType, message string) *reply {
	return errorReply("403 Forbidden", errorType, message)
}

// readExtension reads what an extension sends.
func readExtension(body *wireBody) ([]byte, *reply) {
	data, over, err := body.readAll(maxExtensionBody)
	switch {
	case err != nil:
		return nil, truncated
	case over:
		return nil, tooLargeReply(maxExtensionBody)
	}
	return data, nil
}

// register serves POST /extension/register.
func (c *conn) register(req *request, body *wireBody) *reply {
	data, refused := readExtension(body)
	if refused != nil {
		return refused
	}
	var in struct {
		Events            []string
		ConfigurationKeys []string
	}
	if len(strings.TrimSpace(string(data))) > 0 {
		if err := json.Unmarshal(data, &in); err != nil {
			return refusal("InvalidRequestFormat", "The body is not the JSON of a registration: "+err.Error())
		}
	}
	if len(in.ConfigurationKeys) > 0 {
		return refusal("InvalidRequestFormat", "configurationKeys are not supported")
	}
	x, refused := c.s.addExtension(req.extensionName, in.Events)
	if refused != nil {
		return refused
	}
	about := map[string]string{"functionName": c.s.info.FunctionName, "functionVersion": c.s.info.FunctionVersion, "handler": c.s.info.Handler}
	if containsFold(req.acceptFeature, "accountid") {
		about["accountId"] = c.s.info.AccountID
	}
	text, _ := json.Marshal(about) // strings only
	c.s.handler.Registered(x.name, in.Events)
	return newReply("200 OK\r\nLambda-Extension-Identifier: "+x.id, "application/json", text)
}

// addExtension registers an extension, or refuses.
func (s *Server) addExtension(name string, events []string) (*extension, *reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := &extension{id: sluice.NewRequestID(), name: name, external: slices.Contains(s.external, name)}
	for _, event := range events {
		switch event {
		case "INVOKE":
			x.invoke = true
		case "SHUTDOWN":
			x.shutdown = true
		default:
			return nil, refusal("Extension.InvalidEventType", "Unknown event type "+strconv.Quote(event))
		}
	}
	switch {
	case name == "":
		return nil, refusal("Extension.InvalidExtensionName", "Empty extension name")
	case s.state != started:
		return nil, refusal("Extension.RegistrationClosed", "Extension registration closed already")
	case slices.ContainsFunc(s.extensions, func(other *extension) bool { return other.name == name }):
		return nil, refusal("Extension.InvalidExtensionState", "The extension "+name+" has registered already")
	case x.shutdown && !x.external:
		return nil, refusal("ShutdownEventNotSupportedForInternalExtension", "Only extensions that are files in /opt/extensions get the event SHUTDOWN")
	case len(s.extensions) >= maxExtensions:
		return nil, refusal("Extension.TooManyExtensions", "Extension limit (10) reached")
	}
	s.extensions = append(s.extensions, x)
	if x.external {
		if s.missing--; s.missing == 0 {
			close(s.registered)
		}
	}
	return x, nil
}

// identify finds the extension that a request comes from; s.mu is held.
func (s *Server) identify(req *request) (*extension, *reply) {
	if req.extensionID == "" {
		return nil, refusal("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
	}
	if len(req.extensionID) != 36 {
		return nil, refusal("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
	}
	for _, x := range s.extensions {
		if x.id == req.extensionID {
			return x, nil
		}
	}
	return nil, refusal("Extension.UnknownExtensionIdentifier", "Unknown extension "+req.extensionID)
}

// eventNext serves GET /extension/event/next on c. It returns nil if the answer is an
// event, now or later.
func (s *Server) eventNext(c *conn, req *request) *reply {
	s.mu.Lock()
	x, refused := s.identify(req)
	if refused != nil {
		defer s.mu.Unlock()
		return refused
	}
	if event := x.pending; event != nil {
		x.pending = nil
		s.mu.Unlock()
		c.writeExtensionEvent(event)
		return nil
	}
	x.asked, x.waiting, c.parked = true, c, true
	if s.initialize() {
		s.mu.Unlock()
		s.handler.Initialized()
		return nil
	}
	s.complete()
	return nil
}

// initialize reports whether the INIT phase has just ended: the runtime and every
// extension have asked for their first event. s.mu is held.
func (s *Server) initialize() bool {
	if s.initialized || s.state == started || s.missing > 0 || slices.ContainsFunc(s.extensions, func(x *extension) bool { return !x.asked }) {
		return false
	}
	s.initialized = true
	return true
}

// settled reports whether every extension that was told of the invocation has asked for
// the next event. s.mu is held.
func (s *Server) settled() bool {
	for _, x := range s.extensions {
		if x.invoke && !x.asked {
			return false
		}
	}
	return true
}

// send gives an extension an event; s.mu is held.
func (s *Server) send(x *extension, event []byte) {
	x.asked = false
	c := x.waiting
	if c == nil {
		x.pending = event
		return
	}
	x.waiting = nil
	// The connection waits for nothing else, so that there is room for an event.
	if c.writeExtensionEvent(event) != nil {
		x.pending = event
	}
	c.delivered <- struct{}{}
}

func millis(t time.Time) int64 { return t.UnixMilli() }

// announce tells the extensions of an invocation; s.mu is held.
func (s *Server) announce(ev *Event) {
	if len(s.extensions) == 0 {
		return
	}
	type tracing struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	event, _ := json.Marshal(struct { // nothing in it can fail
		EventType string  `json:"eventType"`
		Deadline  int64   `json:"deadlineMs"`
		RequestID string  `json:"requestId"`
		ARN       string  `json:"invokedFunctionArn"`
		Tracing   tracing `json:"tracing"`
	}{"INVOKE", millis(ev.Deadline), ev.RequestID, ev.InvokedFunctionARN, tracing{"X-Amzn-Trace-Id", ev.TraceID}})
	for _, x := range s.extensions {
		if x.invoke {
			s.send(x, event)
		}
	}
}

// Shutdown sends the event SHUTDOWN to the extensions that have subscribed to it.
func (s *Server) Shutdown(reason string, deadline time.Time) {
	event, _ := json.Marshal(struct { // nothing in it can fail
		EventType string `json:"eventType"`
		Reason    string `json:"shutdownReason"`
		Deadline  int64  `json:"deadlineMs"`
	}{"SHUTDOWN", reason, millis(deadline)})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.extensions {
		if x.shutdown {
			s.send(x, event)
		}
	}
}

// extensionError serves POST /extension/init/error and /extension/exit/error.
func (c *conn) extensionError(req *request, body *wireBody, failed string) *reply {
	if _, refused := readExtension(body); refused != nil {
		return refused
	}
	c.s.mu.Lock()
	x, refused := c.s.identify(req)
	c.s.mu.Unlock()
	switch {
	case refused != nil:
		return refused
	case req.extensionError == "":
		return refusal("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
	}
	c.s.handler.ExtensionFailed(x.name, failed, req.extensionError)
	return accepted
}

// telemetry serves PUT /telemetry and PUT /logs.
func (c *conn) telemetry(req *request, body *wireBody) *reply {
	data, refused := readExtension(body)
	if refused != nil {
		return refused
	}
	c.s.mu.Lock()
	x, refused := c.s.identify(req)
	closed := c.s.initialized
	c.s.mu.Unlock()
	switch {
	case refused != nil:
		return refused
	case closed:
		return refusal("Telemetry.SubscriptionClosed", "Telemetry API subscription is closed")
	}
	if err := c.s.handler.Subscribe(x.name, data); err != nil {
		return errorReply("400 Bad Request", "ValidationError", err.Error())
	}
	return jsonReply("200 OK", []byte(`"OK"`))
}

// writeExtensionEvent answers an event/next.
func (c *conn) writeExtensionEvent(event []byte) error {
	_, err := c.nc.Write(newReply("200 OK\r\nLambda-Extension-Event-Identifier: "+sluice.NewRequestID(), "application/json", event).wire)
	return err
}
