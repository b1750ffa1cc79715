package functionurl

import (
	"net/http"
	"strings"
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// URLs finds Function URLs. Implementations are safe for concurrent use and
// answer from memory: they are asked on every request.
type URLs interface {
	// ByID finds a URL by the first label of its host name, in lower case.
	ByID(id string) (sluice.FunctionURL, bool)
	// ByFunction finds the URL of a function; qualifier is "" when the caller
	// did not name an alias.
	ByFunction(name, qualifier string) (sluice.FunctionURL, bool)
}

// Config is what a Handler works with. All members but Domain, Quirks and Authorize are
// required.
type Config struct {
	Invoker sluice.Invoker
	URLs    URLs
	// Quotas is asked once for each request.
	Quotas   func() sluice.Quotas
	Identity sluice.Identity
	Observer sluice.Observer
	// Authorize decides who may call a URL with AuthType AWS_IAM; body is the whole
	// request body. Nil refuses everybody.
	Authorize func(r *http.Request, body []byte, url sluice.FunctionURL) (*Caller, *sluice.Error)
	// Decide sets Recorded, before the event tells the function of the trace. Nil leaves
	// it to the Invoker.
	Decide func(*sluice.Trace)
	// Quirks is QuirksAWS when empty.
	Quirks sluice.Quirks
	// Domain completes the domainName of requests that came by path; "" is
	// "localhost".
	Domain string
	// Isolate keeps pages that came by path from whatever else this host serves: to a
	// browser they have no origin. It is for servers where people type keys into a page.
	Isolate bool
}

// Caller is who signed a request, as the function sees it
// (docs/contract/function-url.md §2.2).
type Caller struct {
	AccessKey, AccountID, CallerID, UserARN, UserID string
}

// Handler serves Function URLs. It is safe for concurrent use, starts no
// goroutines, and relies on the server to run one for each request.
type Handler struct {
	Config
	// buffers holds *[bufferSize]byte: one for each response in flight.
	buffers sync.Pool
}

var _ http.Handler = (*Handler)(nil)

// bufferSize is the largest piece of a stream that is read and written at once.
const bufferSize = 64 << 10

// New returns a handler.
func New(c Config) *Handler {
	if c.Domain == "" {
		c.Domain = "localhost"
	}
	return &Handler{Config: c, buffers: sync.Pool{New: func() any { return new([bufferSize]byte) }}}
}

// Match reports whether a request is for a Function URL, known or not: its host
// is <url-id>.lambda-url[.<domain>], or its path begins with /lambda-url/ and a
// function's name.
func (h *Handler) Match(r *http.Request) bool {
	_, ok := h.route(r)
	return ok
}

// ServeHTTP answers one request and reports it to the observer. It panics with
// http.ErrAbortHandler when the answer has to be broken off.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{
		Handler: h, w: w, r: r, control: http.NewResponseController(w), quotas: h.Quotas(),
		start: time.Now(), requestID: sluice.NewRequestID(),
	}
	x.target, _ = h.route(r)
	x.inv.Trace = sluice.NewTrace(r.Header.Get("X-Amzn-Trace-Id"), r.Header.Get("Traceparent"), strings.Join(r.Header["Tracestate"], ","), x.start)
	x.access = sluice.Access{
		Time: x.start, RequestID: x.requestID, Function: x.target.function, Method: r.Method, Path: x.target.rawPath,
		Ending: sluice.EndingComplete,
	}
	defer x.finish()
	x.serve()
}
