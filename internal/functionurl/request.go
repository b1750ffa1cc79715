package functionurl

import (
	"errors"
	"io"
	"net/http"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// uploadTimeout bounds the time a client takes to send a request body.
const uploadTimeout = 5 * time.Minute

// readBody reads the request's body, and stops where no event could hold it any
// more. The error is an *sluice.Error for the client, or what broke the upload.
func (x *exchange) readBody() ([]byte, error) {
	if x.r.ContentLength == 0 || x.r.Body == nil || x.r.Body == http.NoBody {
		return nil, nil
	}
	body := x.r.Body
	if limit := x.quotas.RequestPayload; limit > 0 {
		room := limit
		if !isText(x.r.Header.Get("Content-Type")) {
			room = limit / 4 * 3 // in base64
		}
		if x.r.ContentLength > room {
			return nil, sluice.ErrPayloadTooLarge(limit)
		}
		body = http.MaxBytesReader(x.w, body, room)
	}
	x.control.SetReadDeadline(time.Now().Add(uploadTimeout))
	// Lifted again, or the server would take it for the end of the client.
	defer x.control.SetReadDeadline(time.Time{})
	data, err := readAll(body, x.r.ContentLength)
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, sluice.ErrPayloadTooLarge(x.quotas.RequestPayload)
	}
	return data, err
}

// readAll is io.ReadAll with a first guess of the size, -1 if there is none. A
// client's guess is not trusted with much memory.
func readAll(r io.Reader, size int64) ([]byte, error) {
	buf := make([]byte, 0, min(max(size+1, 512), 1<<20))
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
