package functionurl

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/stream"
)

// stream answers in invoke mode RESPONSE_STREAM (docs/contract/function-url.md §4).
func (x *exchange) stream(resp *sluice.Response) {
	body, status := resp.Body, http.StatusOK
	integration := stream.IsIntegration(resp.ContentType)
	if integration {
		prelude, payload, err := x.readPrelude(body)
		if err != nil {
			return
		}
		body, status = payload, prelude.StatusCode
		if err := x.setHead(headOf(prelude)); err != nil {
			x.malformed(body, "the prelude can't be sent: "+err.Error())
			return
		}
		if x.w.Header().Get("Content-Type") == "" {
			x.w.Header().Set("Content-Type", "application/octet-stream")
		}
	} else {
		if !isHeaderValue(resp.ContentType) {
			x.malformed(body, fmt.Sprintf("the content type %q is not a header value", resp.ContentType))
			return
		}
		x.w.Header().Set("Content-Type", resp.ContentType)
		if !resp.Streaming {
			body = x.watchForResult(body)
		}
	}
	if x.r.ProtoAtLeast(1, 1) && x.r.ProtoMajor == 1 {
		// Or a body that ends at once would be sent with a length.
		x.w.Header().Set("Transfer-Encoding", "chunked")
	}
	if integration {
		x.begin(status)
	}
	x.pump(status, stream.NewLimiter(x.r.Context(), body, stream.LimitsOf(x.quotas), &x.inv.Meter))
}

// readPrelude answers itself when the prelude can't be used.
func (x *exchange) readPrelude(body sluice.Body) (*stream.Prelude, sluice.Body, error) {
	prelude, payload, err := stream.ReadPrelude(body)
	var bad *stream.PreludeError
	switch {
	case errors.As(err, &bad) && bad.Fault == stream.PreludeMissing && bad.Received == 0:
		// An answer that was announced and never written is an empty one.
		return &stream.Prelude{StatusCode: http.StatusOK}, body, nil
	case errors.As(err, &bad):
		x.malformed(body, preludeAdvice(bad))
	case err != nil:
		x.broke(err)
	}
	return prelude, payload, err
}

// preludeAdvice explains a prelude that is the function's mistake.
func preludeAdvice(e *stream.PreludeError) string {
	switch e.Fault {
	case stream.PreludeMissing:
		return fmt.Sprintf("the response announced a prelude (HttpResponseStream.from) and ended after %d bytes without one; "+
			"the prelude is sent with the first write: call write('') before end()", e.Received)
	case stream.PreludeTooLong:
		return "no prelude within the first " + sluice.FormatSize(stream.MaxPrelude) + " of the response; it ends with eight zero bytes"
	}
	return "the prelude is not usable: " + e.Detail
}

func headOf(p *stream.Prelude) head {
	return head{status: p.StatusCode, headers: p.Headers, multiValueHeaders: p.MultiValueHeaders, cookies: p.Cookies}
}

// pump sends the body as it comes: what has arrived together leaves together, and
// nothing waits for more. A head that the function did not ask for by a prelude
// leaves with the first byte, so that a failure before it is still a 502.
func (x *exchange) pump(status int, body sluice.Body) {
	buffer := x.buffers.Get().(*[bufferSize]byte)
	defer x.buffers.Put(buffer)
	bodyless := x.bodyless(status)
	var sent error
	if x.begun && !body.Pending() {
		sent = x.flush()
	}
	// What is left of an answer without a body reaches nobody; the function runs on.
	for sent == nil && !(x.begun && bodyless) {
		n, err := body.Read(buffer[:])
		if !x.begun && (n > 0 || err == io.EOF) {
			x.begin(status)
		}
		if n > 0 && !bodyless {
			if sent = x.write(buffer[:n]); sent == nil && err == nil && !body.Pending() {
				sent = x.flush()
			}
		}
		switch {
		case err == io.EOF:
			return
		case err != nil:
			x.broke(err)
			return
		}
	}
	if sent != nil {
		body.Close(sluice.ErrClientGone)
		x.lost()
		return
	}
	body.Close(sluice.ErrBodyless)
}

// watchForResult gives a hint when a plain result behind RESPONSE_STREAM looks
// like one for BUFFERED, because the client sees its JSON
// (docs/contract/function-url.md §4.2).
func (x *exchange) watchForResult(body sluice.Body) sluice.Body {
	return &resultWatcher{Body: body, x: x}
}

type resultWatcher struct {
	sluice.Body
	x    *exchange
	seen bool
}

func (w *resultWatcher) Read(p []byte) (int, error) {
	n, err := w.Body.Read(p)
	if n > 0 && !w.seen {
		w.seen = true
		if looksLikeResult(p[:n]) {
			w.x.hint("the handler returned {statusCode, ...} behind InvokeMode RESPONSE_STREAM, so the client gets that JSON as its body, as on AWS; " +
				"wrap the handler with awslambda.streamifyResponse, or use InvokeMode BUFFERED")
		}
	}
	return n, err
}

func isHeaderValue(s string) bool {
	for _, r := range s {
		if isControl(r) {
			return false
		}
	}
	return true
}
