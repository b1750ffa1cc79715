package sluice

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"sync/atomic"
)

// Invoker runs functions. It is the one verb that every front end (Function
// URLs, the Lambda API) calls.
type Invoker interface {
	// Invoke runs the function and returns as soon as its response has begun,
	// or with the function error or timeout that came instead. Errors are of
	// type *Error: the invocation was refused and the function did not see it.
	//
	// Cancelling ctx does not stop the function (on AWS a function outlives its
	// caller, docs/contract/function-url.md §5). The caller must read the
	// response's Body to its end or Close it.
	Invoke(ctx context.Context, inv *Invocation) (*Response, error)
}

// Invocation is one request to run a function.
type Invocation struct {
	// RequestID is a lower-case version 4 UUID; see NewRequestID.
	RequestID string
	// Function is the function's name.
	Function string
	// Qualifier is "", "$LATEST", an alias or a version number.
	Qualifier string
	// Mode is how the caller takes the response. Buffered bounds the response
	// by Quotas.BufferedPayload.
	Mode InvokeMode
	// Payload is the event: non-empty JSON, not modified by anyone.
	Payload []byte
	// Trace is the distributed trace it belongs to; its Header is handed to the function.
	Trace Trace
	// FunctionURL tells that a request to a Function URL is the cause: an Access with
	// the same RequestID says how it was answered.
	FunctionURL bool
	// ClientContext is JSON text, or nil.
	ClientContext []byte
	// CognitoIdentity is JSON text, or nil.
	CognitoIdentity []byte
	// Meter counts the response while it flows.
	Meter Meter
}

// Meter counts one response. The writer is the side that delivers the body; it
// may be read at any time.
type Meter struct {
	// Bytes delivered, prelude excluded.
	Bytes atomic.Int64
	// PastBurst is the number of those bytes beyond UnbilledStream, which AWS
	// charges for; the dials of the pace don't change it.
	PastBurst atomic.Int64
	// Throttled is the time in nanoseconds that pacing held bytes back.
	Throttled atomic.Int64
	// ThrottledAt is when it first did, in nanoseconds of Unix time, zero if it never did.
	ThrottledAt atomic.Int64
	// Chunks counts deliveries.
	Chunks atomic.Int64
	// LargestGap is the longest time between two of them, in nanoseconds.
	LargestGap atomic.Int64
	// Timeline is how a streamed response came.
	Timeline Timeline
}

// Response is a function's answer: what is known when it begins, and a Body
// that flows.
type Response struct {
	// ContentType is the runtime's, "application/octet-stream" when it sent none.
	ContentType string
	// Streaming tells that the runtime streams (chunked, or the streaming
	// response mode), rather than sending one buffered result.
	Streaming bool
	// FunctionError is empty for a success. Otherwise the function failed
	// before its response began, Body is the error document for the caller and
	// FunctionError is the platform's error type, for example "Sandbox.Timedout".
	FunctionError string
	// ExecutedVersion is the version that ran: "$LATEST" or a number.
	ExecutedVersion string
	Body            Body
}

// Body is a response body in flight. It belongs to one goroutine; only Close
// may be called from another.
type Body interface {
	// Read returns what has arrived without waiting to fill p. The end is
	// io.EOF when the function finished it cleanly, else a *StreamError.
	io.Reader
	// Pending reports whether the next Read returns without waiting, so that a
	// writer knows when to flush.
	Pending() bool
	// Close gives up on the rest: the function runs on and its output is
	// discarded. The cause ends up in the invocation's record; nil is right
	// after io.EOF. Close does not block, and a second call does nothing.
	Close(cause error)
}

// StreamError is how a response that had begun broke.
type StreamError struct {
	// Ending is the class of the failure, never EndingComplete.
	Ending Ending
	// Type is the error type, for example "TypeError" or "Sandbox.Timedout".
	Type string
	// Document is the error JSON the runtime sent along, or nil.
	Document []byte
	// Message explains the failure to the operator.
	Message string
}

func (e *StreamError) Error() string {
	if e.Message == "" {
		return e.Type
	}
	return e.Type + ": " + e.Message
}

// NewRequestID returns a random version 4 UUID in lower case, the form of AWS's
// request ids (docs/contract/execution-environment.md §2).
func NewRequestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[:8], b[:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:], b[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
