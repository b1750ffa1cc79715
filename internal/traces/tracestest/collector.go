// Package tracestest has a collector for tests: it takes spans as OTLP over HTTP and
// keeps them.
package tracestest

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector is a server on the loopback address.
type Collector struct {
	URL string

	t       testing.TB
	server  *httptest.Server
	mu      sync.Mutex
	came    *sync.Cond
	spans   []*Span
	headers []http.Header
	// answer replaces what the collector does, if it is not nil.
	answer http.HandlerFunc
}

// Span is one that came, in words.
type Span struct {
	*tracepb.Span
	// Service is the service.name of whoever sent it.
	Service    string
	Attributes map[string]any
}

// Start runs a collector until the end of the test.
func Start(t testing.TB) *Collector {
	c := &Collector{t: t}
	c.came = sync.NewCond(&c.mu)
	c.server = httptest.NewServer(http.HandlerFunc(c.take))
	c.URL = c.server.URL
	t.Cleanup(c.server.Close)
	return c
}

// AnswerWith makes the collector answer like that; nil takes spans again.
func (c *Collector) AnswerWith(answer http.HandlerFunc) {
	c.mu.Lock()
	c.answer = answer
	c.mu.Unlock()
}

func (c *Collector) take(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	answer := c.answer
	c.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	spans, err := read(r)
	if err != nil {
		c.t.Errorf("collector: %v", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	c.headers = append(c.headers, r.Header)
	c.spans = append(c.spans, spans...)
	c.came.Broadcast()
	c.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func read(r *http.Request) ([]*Span, error) {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return nil, fmt.Errorf("%s %s of %s is no OTLP", r.Method, r.URL, r.Header.Get("Content-Type"))
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = z
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	// The same as an ExportTraceServiceRequest on the wire.
	var request tracepb.TracesData
	if err := proto.Unmarshal(data, &request); err != nil {
		return nil, err
	}
	var spans []*Span
	for _, resource := range request.ResourceSpans {
		service := ""
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				s := &Span{Span: span, Service: service, Attributes: map[string]any{}}
				for _, a := range span.Attributes {
					s.Attributes[a.Key] = value(a.Value.ProtoReflect().Interface())
				}
				spans = append(spans, s)
			}
		}
	}
	return spans, nil
}

// value is what an attribute holds: a string, bool, int64 or float64.
func value(m proto.Message) any {
	r := m.ProtoReflect()
	field := r.WhichOneof(r.Descriptor().Oneofs().ByName("value"))
	if field == nil {
		return nil
	}
	return r.Get(field).Interface()
}

// ID is the span's, in hexadecimal digits.
func (s *Span) ID() string { return hex.EncodeToString(s.SpanId) }

// Trace is the trace's id, in hexadecimal digits.
func (s *Span) Trace() string { return hex.EncodeToString(s.TraceId) }

// Parent is the parent's id, in hexadecimal digits, "" for none.
func (s *Span) Parent() string { return hex.EncodeToString(s.ParentSpanId) }

// Start is when the span began.
func (s *Span) Start() time.Time { return time.Unix(0, int64(s.StartTimeUnixNano)) }

// End is when it was over.
func (s *Span) End() time.Time { return time.Unix(0, int64(s.EndTimeUnixNano)) }

// Happened lists the names of the span's events. It fails if they are not in the order
// of time.
func (s *Span) Happened(t testing.TB) string {
	t.Helper()
	var names []string
	last := uint64(0)
	for _, e := range s.Events {
		if e.TimeUnixNano < last {
			t.Errorf("%s is not in the order of time", e.Name)
		}
		last = e.TimeUnixNano
		names = append(names, e.Name)
	}
	return strings.Join(names, ", ")
}

// Failed tells that the span's status is an error.
func (s *Span) Failed() bool { return s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR }

// patience is how long a span may take to come; it comes in a batch.
const patience = 30 * time.Second

// Await waits until that many spans have come, and returns all.
func (c *Collector) Await(count int) []*Span {
	c.t.Helper()
	timer := time.AfterFunc(patience, func() {
		c.mu.Lock()
		c.came.Broadcast()
		c.mu.Unlock()
	})
	defer timer.Stop()
	deadline := time.Now().Add(patience)
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.spans) < count {
		if !time.Now().Before(deadline) {
			c.t.Fatalf("the collector has %d spans after %v, not %d", len(c.spans), patience, count)
		}
		c.came.Wait()
	}
	return c.spans
}

// Named waits like Await, and returns the first span with that name.
func (c *Collector) Named(name string, count int) *Span {
	c.t.Helper()
	for _, s := range c.Await(count) {
		if s.Name == name {
			return s
		}
	}
	c.t.Fatalf("no span is called %s", name)
	return nil
}

// Header returns the headers of the first batch.
func (c *Collector) Header() http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.headers) == 0 {
		return nil
	}
	return c.headers[0]
}
