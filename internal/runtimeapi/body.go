package runtimeapi

import (
	"encoding/base64"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// errPayloadTooLarge is the error type of a response over its size limit
// (docs/contract/runtime-api.md §4.5).
const errPayloadTooLarge = "Function.ResponseSizeTooLarge"

// responseBody is the runtime's request body on its way to the client. The
// goroutine that delivers it reads; the connection's goroutine waits for done
// and then owns the connection again.
type responseBody struct {
	call *Call
	wire wireBody
	conn net.Conn
	// limit bounds the body in bytes, 0 for none; count is what was read.
	limit, count int64
	handler      Handler

	// done is closed when the reader has let go of the connection.
	done chan struct{}

	mu sync.Mutex
	// reading tells that a Read is in flight.
	reading bool
	// err ends all further reads.
	err error
	// released tells that done is closed.
	released bool
}

var _ sluice.Body = (*responseBody)(nil)

func (b *responseBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.err != nil {
		b.mu.Unlock()
		return 0, b.err
	}
	b.reading = true
	b.mu.Unlock()

	n, err := b.wire.Read(p)
	b.count += int64(n)
	var end error
	switch {
	case b.limit > 0 && b.count > b.limit:
		n -= int(b.count - b.limit)
		end = &sluice.StreamError{Ending: sluice.EndingOversized, Type: errPayloadTooLarge, Message: tooLarge(b.limit)}
	case err != nil:
		end = b.end(err)
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	if b.err != nil { // interrupted or closed meanwhile
		b.release()
		return 0, b.err
	}
	if end == nil {
		return n, nil
	}
	b.err = end
	b.record(end)
	b.release()
	if n > 0 {
		return n, nil
	}
	return 0, end
}

// end turns the wire's last error into the body's.
func (b *responseBody) end(err error) error {
	if err == io.EOF {
		if b.wire.errorType == "" && b.wire.errorBody == "" {
			return io.EOF
		}
		// Be liberal in what is not base64: Swift sends plain text
		// (docs/contract/streaming-clients.md §5).
		doc, decodeErr := base64.StdEncoding.DecodeString(b.wire.errorBody)
		if decodeErr != nil {
			doc = []byte(b.wire.errorBody)
		}
		return &sluice.StreamError{Ending: sluice.EndingFunctionError, Type: orDefault(b.wire.errorType, "Runtime.Unknown"), Document: doc}
	}
	b.mu.Lock()
	interrupted := b.err != nil
	b.mu.Unlock()
	if interrupted {
		return err
	}
	if errors.Is(err, errFraming) {
		return &sluice.StreamError{Ending: sluice.EndingTruncated, Type: "Runtime.TruncatedResponse", Message: "the runtime's response is not valid chunked HTTP"}
	}
	return b.handler.Truncated(b.call)
}

func (b *responseBody) record(end error) {
	var broken *sluice.StreamError
	switch {
	case end == io.EOF:
		b.call.finish(sluice.EndingComplete, "")
		b.handler.Responded(b.call)
	case errors.As(end, &broken):
		b.call.finish(broken.Ending, broken.Type)
	}
}

func (b *responseBody) Pending() bool {
	b.mu.Lock()
	ended := b.err != nil
	b.mu.Unlock()
	return ended || b.wire.pending()
}

func (b *responseBody) Close(cause error) {
	ending, errorType := sluice.EndingClientGone, ""
	switch {
	case errors.Is(cause, sluice.ErrOversized):
		ending, errorType = sluice.EndingOversized, errPayloadTooLarge
	case errors.Is(cause, sluice.ErrMalformed):
		ending, errorType = sluice.EndingMalformed, "Runtime.InvalidResponse"
	case errors.Is(cause, sluice.ErrBodyless):
		ending = sluice.EndingComplete
	}
	if cause == nil {
		cause = sluice.ErrClientGone
	}
	b.stop(cause, ending, errorType)
}

// interrupt breaks the response for the platform's own reasons.
func (b *responseBody) interrupt(broken *sluice.StreamError) {
	b.stop(broken, broken.Ending, broken.Type)
}

func (b *responseBody) stop(err error, ending sluice.Ending, errorType string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return
	}
	b.err = err
	b.call.finish(ending, errorType)
	if b.reading {
		// Wakes a blocked Read; what had arrived stays in the buffer.
		b.conn.SetReadDeadline(time.Unix(1, 0))
		return
	}
	b.release()
}

// release gives the connection back to its goroutine; b.mu is held.
func (b *responseBody) release() {
	if !b.released {
		b.released = true
		close(b.done)
	}
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
