package lambdaapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/eventstream"
	"github.com/sluice-run/sluice/internal/stream"
)

// maxClientContext bounds the client context, in bytes of base64.
const maxClientContext = 3583

// invocation reads the request of both operations. It returns nil if it has
// answered already: with an error, or to a dry run.
func (c *call) invocation(w http.ResponseWriter, mode sluice.InvokeMode) *sluice.Invocation {
	inv := &sluice.Invocation{RequestID: sluice.NewRequestID(), Mode: mode}
	ref, err := c.function()
	if err == nil {
		inv.Function, inv.Qualifier = ref.name, ref.qualifier
		err = c.readInvocation(inv, mode)
	}
	if err == nil && c.r.Header.Get("X-Amz-Invocation-Type") == "DryRun" {
		if err = c.dryRun(ref); err == nil {
			head(w, inv.RequestID)
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
	}
	if err != nil {
		c.fail(w, inv.RequestID, missingLatest(c.API, ref, err))
		return nil
	}
	return inv
}

// missingLatest appends $LATEST to the name of a function that is not there, as
// this operation does alone (docs/contract/control-api.md §2).
func missingLatest(a *API, ref reference, err error) error {
	var refused *sluice.Error
	if errors.As(err, &refused) && refused.Code == "ResourceNotFoundException" && ref.name != "" {
		return notFound("Function not found: %s", a.Identity.FunctionARN(ref.name, or(ref.qualifier, sluice.LatestVersion)))
	}
	return err
}

func (c *call) dryRun(ref reference) error {
	f, err := c.find(ref)
	if err != nil {
		return err
	}
	_, err = c.version(f, ref)
	return err
}

// readInvocation reads headers and payload (docs/contract/invoke-api.md §2).
func (c *call) readInvocation(inv *sluice.Invocation, mode sluice.InvokeMode) error {
	var v constraints
	allowed := []string{"Event", "RequestResponse", "DryRun"}
	if mode == sluice.ResponseStream {
		allowed = allowed[1:]
	}
	kind := c.r.Header.Get("X-Amz-Invocation-Type")
	v.oneOf(kind, "invocationType", allowed...)
	v.oneOf(c.r.Header.Get("X-Amz-Log-Type"), "logType", "None", "Tail")
	if err := v.err(); err != nil {
		return err
	}
	if text := c.r.Header.Get("X-Amz-Client-Context"); text != "" {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil || !json.Valid(decoded) || len(text) > maxClientContext {
			return failure("InvalidRequestContentException", http.StatusBadRequest, "Could not parse request body into json: Client context must be a valid Base64-encoded JSON object of at most %d bytes.", maxClientContext)
		}
		inv.ClientContext = decoded
	}
	inv.Trace = sluice.NewTrace(c.r.Header.Get("X-Amzn-Trace-Id"), c.r.Header.Get("Traceparent"), strings.Join(c.r.Header["Tracestate"], ","), c.Now())
	var err error
	limit := c.Quotas().RequestPayload
	if kind == "Event" && limit > 0 {
		limit = min(limit, maxEvent)
	}
	inv.Payload, err = c.payload(limit)
	return err
}

// maxEvent bounds the payload of an asynchronous invocation, in bytes
// (docs/contract/invoke-api.md §2).
const maxEvent = 1 << 20

func (c *call) payload(limit int64) ([]byte, error) {
	body := c.r.Body
	if limit > 0 {
		if c.r.ContentLength > limit {
			return nil, payloadTooLarge(limit)
		}
		body = http.MaxBytesReader(nil, body, limit)
	}
	data, err := io.ReadAll(body)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, payloadTooLarge(limit)
	case err != nil:
		return nil, failure("InvalidRequestContentException", http.StatusBadRequest, "The request body could not be read: %v", err)
	case len(data) == 0:
		return []byte("{}"), nil
	}
	if !json.Valid(data) {
		return nil, failure("InvalidRequestContentException", http.StatusBadRequest, "Could not parse request body into json: Could not parse payload into json: %v", json.Unmarshal(data, new(json.RawMessage)))
	}
	return data, nil
}

func payloadTooLarge(limit int64) error { return sluice.ErrPayloadTooLarge(limit) }

// tailed tells that the caller wants the log's tail.
func (c *call) tailed() bool { return c.r.Header.Get("X-Amz-Log-Type") == "Tail" }

// invoke runs the invocation. It returns nil if it has answered with an error
// instead. The body is given up when the caller goes.
func (c *call) invoke(w http.ResponseWriter, inv *sluice.Invocation) (resp *sluice.Response, done func()) {
	resp, err := c.Invoker.Invoke(c.ctx, inv)
	if err != nil {
		c.fail(w, inv.RequestID, missingLatest(c.API, reference{inv.Function, inv.Qualifier}, err))
		return nil, nil
	}
	stop := context.AfterFunc(c.ctx, func() { resp.Body.Close(sluice.ErrClientGone) })
	return resp, func() {
		stop()
		resp.Body.Close(nil)
	}
}

func invokeFunction(c *call, w http.ResponseWriter) {
	inv := c.invocation(w, sluice.Buffered)
	if inv == nil {
		return
	}
	if c.r.Header.Get("X-Amz-Invocation-Type") == "Event" {
		c.enqueue(w, inv, nil)
		return
	}
	var tail *tail
	if c.tailed() {
		tail = c.Tails.begin(inv.RequestID)
	}
	resp, done := c.invoke(w, inv)
	if resp == nil {
		return
	}
	defer done()
	failed := resp.FunctionError != ""
	body := io.Reader(resp.Body)
	if !failed {
		body = stream.Counted(body, &inv.Meter)
	}
	data, err := io.ReadAll(body)
	if c.ctx.Err() != nil {
		return
	}
	if err != nil {
		failed, data = true, documentOfError(err)
	}
	h := w.Header()
	h["x-amzn-RequestId"] = []string{inv.RequestID}
	h.Set("X-Amzn-Trace-Id", inv.Trace.Answer())
	h.Set("X-Amz-Executed-Version", resp.ExecutedVersion)
	if failed {
		h.Set("X-Amz-Function-Error", "Unhandled")
	}
	if tail != nil {
		h.Set("X-Amz-Log-Result", c.Tails.result(c.ctx, inv.RequestID, tail))
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.Write(data)
}

// enqueue answers 202 once the event is on disk; body is what comes with it.
func (c *call) enqueue(w http.ResponseWriter, inv *sluice.Invocation, body []byte) {
	err := c.dryRun(reference{inv.Function, inv.Qualifier})
	if err == nil {
		err = c.Enqueue(c.ctx, inv)
	}
	if err != nil {
		c.fail(w, inv.RequestID, missingLatest(c.API, reference{inv.Function, inv.Qualifier}, err))
		return
	}
	head(w, inv.RequestID)
	w.Header().Set("X-Amzn-Trace-Id", inv.Trace.Answer())
	if len(body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(http.StatusAccepted)
	w.Write(body)
}

// invokeAsync is the old form of InvocationType Event.
func invokeAsync(c *call, w http.ResponseWriter) {
	c.r.Header.Set("X-Amz-Invocation-Type", "Event")
	if inv := c.invocation(w, sluice.Buffered); inv != nil {
		c.enqueue(w, inv, []byte(`{"Status":202}`))
	}
}

// documentOfError is the JSON that a caller gets for a response that broke.
func documentOfError(err error) []byte {
	var broken *sluice.StreamError
	if !errors.As(err, &broken) {
		broken = &sluice.StreamError{Type: "Sandbox.Failure", Message: err.Error()}
	}
	if len(broken.Document) > 0 {
		return broken.Document
	}
	text, _ := json.Marshal(struct { // strings only
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}{broken.Type, broken.Message})
	return text
}

// invokeWithResponseStream sends each piece of the response as a frame when it
// comes; errors of the function are told in the last frame
// (docs/contract/invoke-api.md §3).
func invokeWithResponseStream(c *call, w http.ResponseWriter) {
	inv := c.invocation(w, sluice.ResponseStream)
	if inv == nil {
		return
	}
	var tail *tail
	if c.tailed() {
		tail = c.Tails.begin(inv.RequestID)
	}
	resp, done := c.invoke(w, inv)
	if resp == nil {
		return
	}
	defer done()
	h := w.Header()
	h["x-amzn-RequestId"] = []string{inv.RequestID}
	h.Set("X-Amzn-Trace-Id", inv.Trace.Answer())
	h.Set("X-Amz-Executed-Version", resp.ExecutedVersion)
	h.Set("Content-Type", eventstream.ContentType)
	w.WriteHeader(http.StatusOK)

	frames := eventstream.NewWriter(w)
	completion, err := c.copyFrames(w, frames, resp, inv)
	if err != nil {
		resp.Body.Close(sluice.ErrClientGone)
		return
	}
	if tail != nil {
		completion.LogResult = c.Tails.result(c.ctx, inv.RequestID, tail)
	}
	frames.Complete(completion)
}

// copyFrames sends the response's bytes; the error is the caller's connection's.
func (c *call) copyFrames(w http.ResponseWriter, frames *eventstream.Writer, resp *sluice.Response, inv *sluice.Invocation) (eventstream.Completion, error) {
	if resp.FunctionError != "" {
		document, err := io.ReadAll(resp.Body)
		if err != nil {
			document = documentOfError(err)
		}
		return eventstream.Completion{ErrorCode: resp.FunctionError, ErrorDetails: string(document)}, nil
	}
	flush := http.NewResponseController(w).Flush
	body := stream.NewLimiter(c.ctx, resp.Body, stream.LimitsOf(c.Quotas()), &inv.Meter)
	buffer := make([]byte, eventstream.MaxChunk)
	if !body.Pending() {
		if err := flush(); err != nil {
			return eventstream.Completion{}, err
		}
	}
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if failed := frames.Chunk(buffer[:n]); failed != nil {
				return eventstream.Completion{}, failed
			}
			if !body.Pending() {
				if failed := flush(); failed != nil {
					return eventstream.Completion{}, failed
				}
			}
		}
		var broken *sluice.StreamError
		switch {
		case err == nil:
		case err == io.EOF:
			return eventstream.Completion{}, nil
		case c.ctx.Err() != nil:
			return eventstream.Completion{}, err
		case errors.As(err, &broken):
			return eventstream.Completion{ErrorCode: broken.Type, ErrorDetails: string(documentOfError(err))}, nil
		default:
			return eventstream.Completion{ErrorCode: "Sandbox.Failure", ErrorDetails: string(documentOfError(err))}, nil
		}
	}
}

func copyAll(w io.Writer, r io.Reader) { io.Copy(w, r) } // the client's connection is its own business
