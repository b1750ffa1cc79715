package functionurl

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sluice-run/sluice/internal/stream"
)

// FuzzMapResult: no result makes the mapping panic, and no header it lets through
// can break out of its line.
func FuzzMapResult(f *testing.F) {
	for _, s := range []string{`{"statusCode":200,"headers":{"a":"b"},"cookies":["c"],"body":"d"}`, `"x"`, `[1]`, `{"statusCode":"2e2","body":{"a":[]},"isBase64Encoded":true}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		h, _, err := mapResult(data)
		if err != nil {
			return
		}
		header := http.Header{}
		for _, field := range h.headers {
			if setHeader(header, field) != nil {
				return
			}
		}
		for name, values := range header {
			if strings.ContainsAny(name+strings.Join(values, ""), "\r\n\x00") || hopByHop[name] {
				t.Errorf("header %q: %q", name, values)
			}
		}
	})
}

// FuzzEvent: whatever a client sends, the event is JSON that says the same.
func FuzzEvent(f *testing.F) {
	f.Add("/a%2Fb", "x=1&x=2", "c=d", "text/plain", []byte("body"))
	f.Add("/\xff", "%zz&=&a=%", "\xffa=\x01; ;b", "application/json", []byte("\xff"))
	f.Fuzz(func(t *testing.T, path, query, cookie, kind string, body []byte) {
		r := httptest.NewRequest("POST", "/", nil)
		r.RequestURI = "/" + path + "?" + query
		r.Header = http.Header{"Cookie": {cookie}, "Content-Type": {kind}, "X-Fuzz": {query}}
		h := New(Config{})
		x := &exchange{Handler: h, r: r, start: time.Unix(0, 0), requestID: "id"}
		x.target, _ = h.route(r)
		text := x.event(body).appendTo(nil)
		var event struct {
			RawPath, RawQueryString, Body string
			IsBase64Encoded               bool
		}
		if err := json.Unmarshal(text, &event); err != nil || !utf8.Valid(text) {
			t.Fatalf("%v\n%s", err, text)
		}
		if !event.IsBase64Encoded && event.Body != string(body) {
			t.Errorf("body %q became %q", body, event.Body)
		}
	})
}

// FuzzHeader: a header either is refused or arrives unchanged.
func FuzzHeader(f *testing.F) {
	f.Add("x-a", "b")
	f.Add("content-length", "1\r\nx: y")
	f.Fuzz(func(t *testing.T, name, value string) {
		header := http.Header{}
		if setHeader(header, stream.Header{Name: name, Values: []string{value}}) != nil {
			return
		}
		for n, values := range header {
			if strings.ContainsAny(n, "\r\n: ") || len(values) != 1 || values[0] != value || strings.ContainsAny(value, "\r\n") {
				t.Errorf("%q: %q", n, values)
			}
		}
	})
}
