package traces

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/traces/tracestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const caller = "Root=1-643ecb2b-0123456789abcdef01234567;Parent=53995c3f42cd8ad8"

// sink is the end of the chain.
type sink struct {
	records  int
	accesses int
}

func (*sink) Log(sluice.LogLine)       {}
func (s *sink) Invoked(sluice.Record)  { s.records++ }
func (s *sink) Answered(sluice.Access) { s.accesses++ }

// journal is a log that may be read while it is written.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.b.String(), text)
}

func open(t *testing.T, url string, change func(*config.Config)) (*Observer, *journal) {
	t.Helper()
	c := config.Default()
	c.Traces = url
	if change != nil {
		change(&c)
	}
	log := &journal{}
	o, err := Open(t.Context(), &sink{}, Options{Config: c, Version: "v1", Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o, log
}

// flush sends what is queued.
func (t *Observer) flush() { t.provider.ForceFlush(context.Background()) }

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// aRecord is that of an invocation that is recorded, cold and throttled.
func aRecord() sluice.Record {
	r := sluice.Record{
		Time: noon, RequestID: "id", Function: "fn", Version: "7", ARN: "arn:fn:live", Stream: "2026/01/02/[7]x", Mode: sluice.ResponseStream,
		Trace: sluice.NewTrace(caller+";Sampled=1", "", "", noon), Init: 200 * time.Millisecond, FirstByte: 50 * time.Millisecond, Duration: 3 * time.Second,
		Billed: 3200 * time.Millisecond, MemoryMB: 512, MaxMemoryMB: 64, Bytes: 8 << 20, PastBurst: 2 << 20, Throttled: 900 * time.Millisecond,
		ThrottledAt: noon.Add(time.Second), Chunks: 9, LargestGap: 70 * time.Millisecond, Ending: sluice.EndingComplete,
	}
	r.Trace.Recorded = true
	r.Trace.State = "vendor=x"
	return r
}

func TestASpanSaysWhatTheRecordSays(t *testing.T) {
	c := tracestest.Start(t)
	o, _ := open(t, c.URL, nil)
	r := aRecord()
	o.Invoked(r)
	o.flush()
	s, init := c.Named("fn", 2), c.Named("INIT", 2)
	if s.Trace() != "643ecb2b0123456789abcdef01234567" || s.Parent() != "53995c3f42cd8ad8" || [8]byte(s.SpanId) != r.Trace.Span || s.TraceState != "vendor=x" {
		t.Errorf("%s %s %s %s", s.Trace(), s.Parent(), s.ID(), s.TraceState)
	}
	if s.Kind.String() != "SPAN_KIND_SERVER" || s.Service != "sluice" || s.Failed() {
		t.Errorf("%s of %s: %s", s.Kind, s.Service, s.Status)
	}
	if !s.Start().Equal(noon.Add(-200*time.Millisecond)) || !s.End().Equal(noon.Add(3*time.Second)) {
		t.Errorf("%v to %v", s.Start(), s.End())
	}
	if got := s.Happened(t); got != "first byte, throttle start, end" {
		t.Errorf("%s", got)
	}
	for i, after := range []time.Duration{50 * time.Millisecond, time.Second, 3 * time.Second} {
		if at := time.Unix(0, int64(s.Events[i].TimeUnixNano)); !at.Equal(noon.Add(after)) {
			t.Errorf("%s at %v", s.Events[i].Name, at)
		}
	}
	if init.Trace() != s.Trace() || init.Parent() != s.ID() || init.ID() == s.ID() || !init.Start().Equal(s.Start()) || !init.End().Equal(noon) {
		t.Errorf("INIT: %s below %s, %v to %v", init.ID(), init.Parent(), init.Start(), init.End())
	}
	for name, want := range map[string]any{
		"faas.name": "fn", "faas.version": "7", "faas.instance": "2026/01/02/[7]x", "faas.invocation_id": "id", "faas.coldstart": true, "faas.trigger": "other",
		"faas.max_memory": int64(512 << 20), "aws.lambda.invoked_arn": "arn:fn:live", "sluice.mode": "RESPONSE_STREAM", "sluice.ending": "complete",
		"sluice.billed_duration": 3.2, "sluice.memory_used": int64(64 << 20), "sluice.response.bytes": int64(8 << 20), "sluice.response.bytes_past_burst": int64(2 << 20),
		"sluice.response.throttled": 0.9, "sluice.response.chunks": int64(9), "sluice.response.largest_gap": 0.07, "error.type": nil,
	} {
		if got := s.Attributes[name]; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if next := o.Observer.(*sink); next.records != 1 {
		t.Errorf("%+v", next)
	}
}

// A trace that begins here has no parent.
func TestATraceThatBeginsHere(t *testing.T) {
	c := tracestest.Start(t)
	o, _ := open(t, c.URL, nil)
	r := sluice.Record{Time: noon, Function: "fn", Duration: time.Second, Ending: sluice.EndingComplete, Trace: sluice.NewTrace("", "", "vendor=x", noon)}
	r.Trace.Recorded = true
	o.Invoked(r)
	o.flush()
	s := c.Await(1)[0]
	if [16]byte(s.TraceId) != r.Trace.ID || [8]byte(s.SpanId) != r.Trace.Span || s.Parent() != "" || s.TraceState != "" || s.Happened(t) != "end" || s.Attributes["faas.coldstart"] != false {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsRecorded(t *testing.T) {
	const low, high = "Root=1-643ecb2b-012345677fffffffffffffff", "Root=1-643ecb2b-012345678000000000000000"
	for _, tc := range []struct {
		name     string
		sampling config.Sampling
		header   string
		want     bool
	}{
		{"nobody decided", config.Sampling{ParentBased: true, Ratio: 1}, high, true},
		{"the caller said no", config.Sampling{ParentBased: true, Ratio: 1}, caller + ";Sampled=0", false},
		{"the caller said yes", config.Sampling{ParentBased: true}, caller + ";Sampled=1", true},
		{"never but for the caller", config.Sampling{ParentBased: true}, low, false},
		{"always", config.Sampling{Ratio: 1}, caller + ";Sampled=0", true},
		{"never", config.Sampling{}, caller + ";Sampled=1", false},
		{"a low id", config.Sampling{Ratio: .5}, low, true},
		{"a high id", config.Sampling{Ratio: .5}, high, false},
	} {
		o := &Observer{sampling: tc.sampling}
		tr := sluice.NewTrace(tc.header, "", "", noon)
		if got := o.records(&tr); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

// stub is an invoker that tells what it was asked, and refuses with err.
type stub struct {
	err  error
	seen sluice.Trace
}

func (s *stub) Invoke(_ context.Context, inv *sluice.Invocation) (*sluice.Response, error) {
	s.seen = inv.Trace
	return nil, s.err
}

// TestBothHalvesOfARequest: the status of an answer belongs to the span, whether the
// function or the client is done first.
func TestBothHalvesOfARequest(t *testing.T) {
	answer := sluice.Access{RequestID: "id", Method: "POST", Path: "/p", Status: 201, Ending: sluice.EndingComplete}
	for name, do := range map[string]func(*Observer, sluice.Record){
		"the client first":   func(o *Observer, r sluice.Record) { o.Answered(answer); o.Invoked(r) },
		"the function first": func(o *Observer, r sluice.Record) { o.Invoked(r); o.Answered(answer) },
	} {
		t.Run(name, func(t *testing.T) {
			c := tracestest.Start(t)
			o, _ := open(t, c.URL, nil)
			next := &stub{}
			inv := &sluice.Invocation{RequestID: "id", FunctionURL: true, Trace: sluice.NewTrace(caller, "", "", noon)}
			if o.Invoker(next).Invoke(t.Context(), inv); !next.seen.Recorded {
				t.Error("the function was not told")
			}
			r := aRecord()
			r.FunctionURL, r.Init = true, 0
			do(o, r)
			o.flush()
			s := c.Await(1)[0]
			if s.Attributes["faas.trigger"] != "http" || s.Attributes["http.request.method"] != "POST" || s.Attributes["url.scheme"] != "http" || s.Attributes["url.path"] != "/p" || s.Attributes["http.response.status_code"] != int64(201) {
				t.Errorf("%+v", s.Attributes)
			}
			if next := o.Observer.(*sink); len(o.requests) != 0 || next.accesses != 1 || next.records != 1 {
				t.Errorf("%+v %+v", o.requests, next)
			}
		})
	}
}

func TestNothingWaitsForARequestThatWasRefused(t *testing.T) {
	c := tracestest.Start(t)
	o, _ := open(t, c.URL, nil)
	inv := &sluice.Invocation{RequestID: "id", FunctionURL: true, Trace: sluice.NewTrace(caller, "", "", noon)}
	refused := errors.New("throttled")
	if _, err := o.Invoker(&stub{err: refused}).Invoke(t.Context(), inv); err != refused {
		t.Errorf("%v", err)
	}
	o.Answered(sluice.Access{RequestID: "id", Status: 429, Ending: sluice.EndingRefused})
	if len(o.requests) != 0 {
		t.Errorf("%v", o.requests)
	}
}

func TestARequestWhoseClientNeverReadsIsSentWithTheRest(t *testing.T) {
	c := tracestest.Start(t)
	o, _ := open(t, c.URL, nil)
	inv := &sluice.Invocation{RequestID: "id", FunctionURL: true, Trace: sluice.NewTrace(caller, "", "", noon)}
	o.Invoker(&stub{}).Invoke(t.Context(), inv)
	r := aRecord()
	r.FunctionURL, r.Init = true, 0
	o.Invoked(r)
	o.Close()
	c.Await(1)
}

func TestWhatIsAnError(t *testing.T) {
	complete := &sluice.Access{Status: 200, Ending: sluice.EndingComplete}
	for _, tc := range []struct {
		ending    sluice.Ending
		errorType string
		access    *sluice.Access
		what      string
	}{
		{sluice.EndingComplete, "", nil, ""},
		{sluice.EndingComplete, "", complete, ""},
		{sluice.EndingFunctionError, "TypeError", complete, "TypeError"},
		{sluice.EndingTimeout, "Sandbox.Timedout", nil, "Sandbox.Timedout"},
		{sluice.EndingTruncated, "", complete, "truncated"},
		{sluice.EndingClientGone, "", nil, ""},
		{sluice.EndingComplete, "", &sluice.Access{Status: 200, Ending: sluice.EndingClientGone}, ""},
		{sluice.EndingComplete, "", &sluice.Access{Status: 200, Ending: sluice.EndingOversized}, "oversized"},
		{sluice.EndingComplete, "", &sluice.Access{Status: 404, Ending: sluice.EndingComplete}, ""},
		{sluice.EndingComplete, "", &sluice.Access{Status: 503, Ending: sluice.EndingComplete}, "503"},
	} {
		c := tracestest.Start(t)
		o, _ := open(t, c.URL, nil)
		r := aRecord()
		r.Init, r.Ending, r.ErrorType = 0, tc.ending, tc.errorType
		o.emit(&r, tc.access)
		o.flush()
		s := c.Await(1)[0]
		got, _ := s.Attributes["error.type"].(string)
		if got != tc.what || s.Failed() != (tc.what != "") {
			t.Errorf("%s %s %+v: %q %v", tc.ending, tc.errorType, tc.access, got, s.Status)
		}
	}
}

// TestACollectorThatIsAway is told of once, and once when it is back.
func TestACollectorThatIsAway(t *testing.T) {
	c := tracestest.Start(t)
	o, log := open(t, c.URL, nil)
	send := func() { o.Invoked(aRecord()); o.flush() }
	c.AnswerWith(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusForbidden)
		w.Write([]byte("no such key"))
	})
	send()
	send()
	if log.count("can't be delivered") != 1 || log.count("no such key") != 1 || log.count("collector="+c.URL+"/v1/traces") != 1 {
		t.Errorf("%s", &log.b)
	}
	c.AnswerWith(nil)
	send()
	send()
	if log.count("again") != 1 || log.count("lost=4") != 1 {
		t.Errorf("%s", &log.b)
	}
	if n := len(c.Await(4)); n != 4 {
		t.Errorf("%d spans", n)
	}
	// Nobody listens.
	gone, log := open(t, "http://127.0.0.1:1", nil)
	gone.Invoked(aRecord())
	gone.flush()
	gone.Invoked(aRecord())
	gone.flush()
	if log.count("can't be delivered") != 1 {
		t.Errorf("%s", &log.b)
	}
}

func TestABatchThatTheCollectorAsksForAgain(t *testing.T) {
	c := tracestest.Start(t)
	o, log := open(t, c.URL, nil)
	c.AnswerWith(func(w http.ResponseWriter, _ *http.Request) {
		c.AnswerWith(nil)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	o.Invoked(aRecord())
	o.flush()
	if len(c.Await(2)) != 2 || log.count("WARN") != 0 {
		t.Errorf("%s", &log.b)
	}
}

// TestACollectorThatHangs: invocations go on, the queue has bounds, and so has the end.
func TestACollectorThatHangs(t *testing.T) {
	c := tracestest.Start(t)
	closed := make(chan struct{})
	left := make(chan struct{}, 10)
	c.AnswerWith(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // or the server does not notice that its client is gone
		<-r.Context().Done()
		left <- struct{}{}
	})
	o, log := open(t, c.URL, func(c *config.Config) { c.OTLP.Timeout = time.Hour })
	o.patience = 50 * time.Millisecond
	r := aRecord()
	r.Init = 0
	const more = 100
	for range maxWaiting + more {
		o.Invoked(r)
	}
	if n := o.queue.dropped.Load(); n != more || log.count("spans are dropped") != 1 {
		t.Errorf("%d dropped: %s", n, &log.b)
	}
	go func() {
		o.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Fatal("Close hangs")
	}
	select {
	case <-left:
	case <-time.After(20 * time.Second):
		t.Error("what was being sent is not cut off")
	}
	if log.count("spans were dropped") != 1 || log.count("count=100") != 1 {
		t.Errorf("%s", &log.b)
	}
}

// TestACollectorThatSendsElsewhere: nobody named that host, and it would get the keys.
func TestACollectorThatSendsElsewhere(t *testing.T) {
	other, c := tracestest.Start(t), tracestest.Start(t)
	o, log := open(t, c.URL, nil)
	c.AnswerWith(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/v1/traces", http.StatusTemporaryRedirect)
	})
	o.Invoked(aRecord())
	o.flush()
	if other.Header() != nil || log.count("307 Temporary Redirect") != 1 {
		t.Errorf("%s", &log.b)
	}
}

// A method is a client's to make up.
func TestMethodsThatAreUnknown(t *testing.T) {
	c := tracestest.Start(t)
	o, _ := open(t, c.URL, nil)
	r := aRecord()
	r.FunctionURL, r.Init = true, 0
	o.emit(&r, &sluice.Access{Method: "BREW", Status: 418, Ending: sluice.EndingComplete})
	o.flush()
	if s := c.Await(1)[0]; s.Attributes["http.request.method"] != "_OTHER" || s.Attributes["http.request.method_original"] != "BREW" {
		t.Errorf("%+v", s.Attributes)
	}
}

// TestTheQueueEmpties: what was sent makes room.
func TestTheQueueEmpties(t *testing.T) {
	c := tracestest.Start(t)
	o, log := open(t, c.URL, nil)
	r := aRecord()
	r.Init = 0
	for range 2 {
		for range maxWaiting {
			o.Invoked(r)
		}
		o.flush()
	}
	if n := len(c.Await(2 * maxWaiting)); n != 2*maxWaiting || log.count("WARN") != 0 {
		t.Errorf("%d spans: %s", n, &log.b)
	}
}

func TestHeadersAndCompression(t *testing.T) {
	c := tracestest.Start(t)
	o, _ := open(t, c.URL, func(c *config.Config) { c.OTLP.Headers, c.OTLP.Compress = "x-key=a%2Cb, other=1", true })
	o.Invoked(aRecord())
	o.flush()
	c.Await(2)
	if h := c.Header(); h.Get("X-Key") != "a,b" || h.Get("Other") != "1" || h.Get("Content-Encoding") != "gzip" || h.Get("User-Agent") != "sluice" {
		t.Errorf("%v", h)
	}
}

func TestACollectorBehindTLS(t *testing.T) {
	taken := make(chan struct{}, 1)
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { taken <- struct{}{} }))
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	o, log := open(t, s.URL, func(c *config.Config) { c.OTLP.CA = ca })
	o.Invoked(aRecord())
	o.flush()
	select {
	case <-taken:
	default:
		t.Errorf("%s", &log.b)
	}
	o.Close()
	for file, want := range map[string]string{"/nope.pem": "OTEL_EXPORTER_OTLP_CERTIFICATE: open /nope.pem", os.Args[0]: "holds no certificate in PEM"} {
		c := config.Default()
		c.Traces, c.OTLP.CA = s.URL, file
		if _, err := Open(t.Context(), &sink{}, Options{Config: c}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestPartialSuccess is a complaint in protobuf's notation.
func TestPartialSuccess(t *testing.T) {
	answer := []byte("\x0a\x0a\x08\x03\x12\x06broken")
	h := http.Header{"Content-Type": {"application/x-protobuf"}}
	if err := rejected(h, answer); err == nil || err.Error() != "the collector refused 3 of the spans: broken" {
		t.Errorf("%v", err)
	}
	for _, fine := range []string{"", "\x0a\x00", "\x0a\x06\x12\x04warn", "\xff"} {
		if err := rejected(h, []byte(fine)); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
	}
}

func FuzzRejected(f *testing.F) {
	f.Add([]byte("\x0a\x0a\x08\x03\x12\x06broken"))
	f.Add([]byte("\x0a\xff\xff\xff\xff\x0f"))
	h := http.Header{"Content-Type": {"application/x-protobuf"}}
	f.Fuzz(func(_ *testing.T, answer []byte) { rejected(h, answer) })
}

// Without a collector nothing is made, and nothing is between an invocation and its
// environment.
func TestOff(t *testing.T) {
	o, _ := open(t, "", nil)
	next := &stub{}
	if o.Invoker(next) != sluice.Invoker(next) {
		t.Error("there is something before the invoker")
	}
	r, a := aRecord(), sluice.Access{RequestID: "id"}
	if n := testing.AllocsPerRun(100, func() { o.Invoked(r); o.Answered(a) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What is not recorded costs no allocation either.
func TestNotRecorded(t *testing.T) {
	c := tracestest.Start(t)
	o, _ := open(t, c.URL, func(c *config.Config) { c.OTLP.Sampling = config.Sampling{} })
	inv := &sluice.Invocation{RequestID: "id", FunctionURL: true, Trace: sluice.NewTrace(caller, "", "", noon)}
	r, invoker := aRecord(), o.Invoker(&stub{})
	r.Trace.Recorded = false
	n := testing.AllocsPerRun(100, func() {
		invoker.Invoke(t.Context(), inv)
		o.Invoked(r)
		o.Answered(sluice.Access{RequestID: "id"})
	})
	if n != 0 || len(o.requests) != 0 {
		t.Errorf("%v allocations, %v", n, o.requests)
	}
}
