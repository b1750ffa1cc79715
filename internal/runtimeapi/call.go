package runtimeapi

import (
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// Event is one invocation as the runtime is to see it. Optional fields that are
// empty send no header (docs/contract/runtime-api.md §2.1).
type Event struct {
	RequestID string
	// Deadline is when the function times out.
	Deadline           time.Time
	InvokedFunctionARN string
	TraceID            string
	// ClientContext and CognitoIdentity are JSON text or nil.
	ClientContext   []byte
	CognitoIdentity []byte
	Payload         []byte
	// Mode is how the caller takes the response.
	Mode sluice.InvokeMode
	// BufferedLimit bounds, in bytes, a response that is not streamed or not
	// taken as a stream; 0 lifts it.
	BufferedLimit int64
}

// Call is one event and its answer.
type Call struct {
	Event Event

	// response has room for the one value it ever gets.
	response chan *sluice.Response

	mu sync.Mutex
	// begun is when the response was handed up, zero before.
	begun time.Time
	// answered tells that response got its value.
	answered bool
	// ending and errorType say how the call went; ending is empty until the
	// response is over.
	ending    sluice.Ending
	errorType string
	// body is the response body in flight, nil when there is none.
	body *responseBody
}

// Response delivers the one answer of the call: the runtime's, or the one that
// Abort gave.
func (c *Call) Response() <-chan *sluice.Response { return c.response }

// Outcome reports how the response ended, the platform's error type (empty for a
// success) and when the response began (zero if it never did). Before the end
// the ending is empty.
func (c *Call) Outcome() (ending sluice.Ending, errorType string, begun time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending, c.errorType, c.begun
}

// Abort answers in the runtime's place: with resp if no response has begun, else
// by breaking the response with broken. After it the runtime's own answer is
// refused as an unknown request id.
func (c *Call) Abort(resp *sluice.Response, broken *sluice.StreamError) {
	c.mu.Lock()
	body := c.body
	fresh := !c.answered
	c.answered = true
	if c.ending == "" && (fresh || body != nil) {
		c.ending, c.errorType = broken.Ending, broken.Type
	}
	c.mu.Unlock()
	if fresh {
		c.response <- resp
	} else if body != nil {
		body.interrupt(broken)
	}
}

// WaitBody waits until the response's body, if there is one in flight, has ended
// or was given up.
func (c *Call) WaitBody() {
	c.mu.Lock()
	body := c.body
	c.mu.Unlock()
	if body != nil {
		<-body.done
	}
}

// settled reports whether the call has its answer.
func (c *Call) settled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// Begun reports whether the runtime's own response has begun.
func (c *Call) Begun() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.begun.IsZero()
}

// answer hands up the runtime's response unless the platform was faster.
func (c *Call) answer(resp *sluice.Response, body *responseBody) bool {
	c.mu.Lock()
	if c.answered {
		c.mu.Unlock()
		return false
	}
	c.answered = true
	c.begun = time.Now()
	c.body = body
	c.mu.Unlock()
	c.response <- resp
	return true
}

// finish records how the response ended; the first report wins.
func (c *Call) finish(ending sluice.Ending, errorType string) {
	c.mu.Lock()
	if c.ending == "" {
		c.ending, c.errorType = ending, errorType
	}
	c.body = nil
	c.mu.Unlock()
}
