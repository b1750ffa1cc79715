// Package sdkhttp is the HTTP client with which AWS's SDK for Go talks to Sluice.
package sdkhttp

import (
	"io"
	"net/http"
)

// Client sends requests of the SDK with bodies that can be read and nothing else. The
// SDK closes a request's body as soon as the response begins, which is at once where
// nothing but a loopback interface is in between. Its own kind then writes itself with
// io.EOF, which net/http takes for a failure of the request: it closes the connection,
// and a stream breaks that was sound.
type Client struct{ *http.Client }

// Do sends a request.
func (c Client) Do(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		sent := *req
		sent.Body = struct{ io.ReadCloser }{req.Body}
		req = &sent
	}
	return c.Client.Do(req)
}
