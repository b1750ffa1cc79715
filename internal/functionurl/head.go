package functionurl

import (
	"fmt"
	"net/http"
	"strings"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/stream"
)

// head is the status line and headers that a function asked for, from a prelude
// or from a result with a statusCode.
type head struct {
	status  int
	headers []stream.Header
	// multiValueHeaders are API Gateway's; Function URLs ignore them
	// (docs/contract/function-url.md §3.1).
	multiValueHeaders []stream.Header
	cookies           []string
}

// platformHeaders are the platform's own; a function's are dropped
// (docs/contract/function-url.md §3.2).
var platformHeaders = map[string]bool{"Date": true, "X-Amzn-Requestid": true}

// setHead puts a function's head into the answer. The error is for the
// developer: the head can't be sent as HTTP.
func (x *exchange) setHead(h head) error {
	if h.status < 200 || h.status > 599 {
		return fmt.Errorf("statusCode is %d; a response has a status from 200 to 599", h.status)
	}
	if len(h.multiValueHeaders) > 0 {
		if x.Quirks == sluice.QuirksFixed {
			h.headers = append(h.headers, h.multiValueHeaders...)
		} else {
			x.hint("multiValueHeaders is ignored, as Function URLs do; use headers and cookies, or set quirks: fixed")
		}
	}
	header := x.w.Header()
	for _, field := range h.headers {
		if err := setHeader(header, field); err != nil {
			return err
		}
	}
	for _, cookie := range h.cookies {
		if i := strings.IndexFunc(cookie, isControl); i >= 0 {
			return fmt.Errorf("a cookie holds the control character %q, which HTTP can't carry", cookie[i])
		}
		header.Add("Set-Cookie", cookie)
	}
	return nil
}

func setHeader(header http.Header, field stream.Header) error {
	if field.Name == "" || strings.IndexFunc(field.Name, notToken) >= 0 {
		return fmt.Errorf("%q is not a header name; HTTP allows letters, digits and !#$%%&'*+-.^_`|~", field.Name)
	}
	name := http.CanonicalHeaderKey(field.Name)
	switch {
	case hopByHop[name], platformHeaders[name]:
		return nil
	case name == "Content-Length":
		// The true length is the platform's to say.
		name = "X-Amzn-Remapped-Content-Length"
	}
	for _, value := range field.Values {
		if i := strings.IndexFunc(value, isControl); i >= 0 {
			return fmt.Errorf("header %q holds the control character %q in its value, which HTTP can't carry", field.Name, value[i])
		}
		if name == "Content-Type" {
			header[name] = nil // there is one, whatever its case was
		}
		header[name] = append(header[name], value)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

func notToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
