package sdkhttp

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// closedBody is like a body of the SDK that was closed once it had been read.
type closedBody struct{ io.Reader }

func (closedBody) WriteTo(io.Writer) (int64, error) { return 0, io.EOF }
func (closedBody) Close() error                     { return nil }

func TestABodyThatWasClosedBreaksNoResponse(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	defer server.Close()
	for range 20 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, closedBody{strings.NewReader("{}")})
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = 2
		transport := &http.Transport{}
		resp, err := Client{&http.Client{Transport: transport}}.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		transport.CloseIdleConnections()
		if string(text) != "{}" || err != nil {
			t.Fatalf("%q %v", text, err)
		}
	}
}
