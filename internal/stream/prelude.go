package stream

import (
	"bytes"
	"errors"
	"io"
	"strings"

	sluice "github.com/sluice-run/sluice"
)

// IntegrationType is the content type of a response that begins with a prelude
// (docs/contract/function-url.md §4.1).
const IntegrationType = "application/vnd.awslambda.http-integration-response"

// MaxPrelude bounds the JSON of a prelude, in bytes. AWS does not say where its
// own bound is.
const MaxPrelude = 1 << 20

// firstRead is the room for a prelude before it grows: enough for nearly all,
// and small because each response takes one.
const firstRead = 2 << 10

// separator ends the prelude. JSON can't hold a NUL, so the first run of eight
// is the separator, and NULs after it are payload.
var separator = make([]byte, 8)

// IsIntegration reports whether a runtime's content type announces a prelude.
// Parameters and case do not matter (docs/contract/streaming-clients.md §7).
func IsIntegration(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), IntegrationType)
}

// PreludeFault says what is wrong with a prelude.
type PreludeFault string

const (
	// PreludeMissing: the body ended before the separator.
	PreludeMissing PreludeFault = "no separator"
	// PreludeTooLong: no separator within MaxPrelude bytes.
	PreludeTooLong PreludeFault = "too long"
	// PreludeInvalid: what stands before the separator is not the JSON of a
	// prelude.
	PreludeInvalid PreludeFault = "invalid JSON"
)

// PreludeError is a prelude that can't be used. It is the function's mistake.
type PreludeError struct {
	Fault PreludeFault
	// Detail says where and what, for the developer.
	Detail string
	// Received is the number of bytes that had arrived.
	Received int
}

func (e *PreludeError) Error() string {
	if e.Detail == "" {
		return "prelude: " + string(e.Fault)
	}
	return "prelude: " + string(e.Fault) + ": " + e.Detail
}

// ReadPrelude reads body up to and including the separator, however the bytes
// are split, and returns a body whose first byte is the first of the payload.
// Errors are a *PreludeError, or what body returned, such as a
// *sluice.StreamError. After an error the caller closes body.
func ReadPrelude(body sluice.Body) (*Prelude, sluice.Body, error) {
	buf := make([]byte, 0, firstRead)
	for {
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, min(4*cap(buf), MaxPrelude+len(separator))), buf...)
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		// A separator may have begun in what was scanned before.
		from := max(0, len(buf)-len(separator)+1)
		buf = buf[:len(buf)+n]
		if i := bytes.Index(buf[from:], separator); i >= 0 {
			end := from + i
			prelude, invalid := parsePrelude(buf[:end])
			if invalid != nil {
				return nil, nil, &PreludeError{Fault: PreludeInvalid, Detail: invalid.Error(), Received: end}
			}
			return prelude, &payload{Body: body, rest: buf[end+len(separator):], end: err}, nil
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil, &PreludeError{Fault: PreludeMissing, Received: len(buf)}
		case err != nil:
			return nil, nil, err
		case len(buf) == MaxPrelude+len(separator):
			return nil, nil, &PreludeError{Fault: PreludeTooLong, Received: len(buf)}
		}
	}
}

// payload is a body without its prelude: first what came along with the prelude,
// then the body.
type payload struct {
	sluice.Body
	rest []byte
	// end is the error that came along with rest, or nil.
	end error
}

var _ sluice.Body = (*payload)(nil)

func (b *payload) Read(p []byte) (int, error) {
	if len(b.rest) > 0 {
		n := copy(p, b.rest)
		if b.rest = b.rest[n:]; len(b.rest) == 0 {
			b.rest = nil // frees the prelude's buffer for the life of the stream
		}
		return n, nil
	}
	if b.end != nil {
		return 0, b.end
	}
	return b.Body.Read(p)
}

func (b *payload) Pending() bool {
	return len(b.rest) > 0 || b.end != nil || b.Body.Pending()
}
