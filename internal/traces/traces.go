package traces

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/config"
)

// Options say where spans go.
type Options struct {
	Config config.Config
	// Version is Sluice's own.
	Version string
	Log     *slog.Logger
}

// Observer makes spans of what it is told. It passes everything on. The zero Observer
// but for the one it embeds makes none.
type Observer struct {
	sluice.Observer
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	queue    *queue
	exporter *exporter
	sampling config.Sampling
	// scheme is that of every URL.
	scheme string
	// patience is how long the last spans may take to be sent.
	patience time.Duration

	mu sync.Mutex
	// requests to Function URLs that are recorded and not over, by request id.
	requests map[string]*request
}

var _ sluice.Observer = (*Observer)(nil)

// request waits for both of its halves, which come in either order.
type request struct {
	record *sluice.Record
	access *sluice.Access
}

// Open returns an observer in front of next. It makes no spans unless the configuration
// says where to.
func Open(ctx context.Context, next sluice.Observer, o Options) (*Observer, error) {
	endpoint := o.Config.TracesURL()
	if endpoint == "" {
		return &Observer{Observer: next}, nil
	}
	client, err := newClient(endpoint, o.Config.OTLP)
	if err != nil {
		return nil, err
	}
	otlp, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "sluice"), attribute.String("service.version", o.Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("traces: OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	t := &Observer{Observer: next, sampling: o.Config.OTLP.Sampling, scheme: "http", patience: 5 * time.Second, requests: map[string]*request{}}
	if o.Config.TLS.Certificate != "" || o.Config.TLS.ACME != "" {
		t.scheme = "https"
	}
	t.exporter = &exporter{SpanExporter: otlp, endpoint: endpoint, log: o.Log}
	t.queue = newQueue(t.exporter, o.Log)
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(t.queue), sdktrace.WithResource(about), sdktrace.WithIDGenerator(generator{}),
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // what is not recorded never comes this far
	)
	t.tracer = t.provider.Tracer("github.com/sluice-run/sluice", trace.WithInstrumentationVersion(o.Version))
	return t, nil
}

// Invoker returns next as it is without traces; else an invoker that decides which
// invocations are recorded.
func (t *Observer) Invoker(next sluice.Invoker) sluice.Invoker {
	if t.provider == nil {
		return next
	}
	return &invoker{next, t}
}

type invoker struct {
	next sluice.Invoker
	t    *Observer
}

// Invoke decides before the function learns of the trace.
func (i *invoker) Invoke(ctx context.Context, inv *sluice.Invocation) (*sluice.Response, error) {
	i.t.Decide(&inv.Trace)
	if !inv.Trace.Recorded || !inv.FunctionURL {
		return i.next.Invoke(ctx, inv)
	}
	i.t.await(inv.RequestID)
	resp, err := i.next.Invoke(ctx, inv)
	if err != nil {
		i.t.forget(inv.RequestID) // the function did not see it: there will be no record
	}
	return resp, err
}

// Decide sets whether an invocation is recorded. Asked again it decides the same.
func (t *Observer) Decide(tr *sluice.Trace) {
	tr.Recorded = t.provider != nil && t.records(tr)
}

func (t *Observer) records(tr *sluice.Trace) bool {
	if t.sampling.ParentBased && tr.Sampling != sluice.SamplingOpen {
		return tr.Sampling == sluice.SamplingOn
	}
	if t.sampling.Ratio >= 1 {
		return true
	}
	// As OpenTelemetry's own sampler does, so that all that share the ratio choose the
	// same traces.
	return binary.BigEndian.Uint64(tr.ID[8:])>>1 < uint64(t.sampling.Ratio*(1<<63))
}

func (t *Observer) await(requestID string) {
	t.mu.Lock()
	t.requests[requestID] = &request{}
	t.mu.Unlock()
}

func (t *Observer) forget(requestID string) {
	t.mu.Lock()
	delete(t.requests, requestID)
	t.mu.Unlock()
}

// Invoked makes a span, unless a Function URL's answer is still to come.
func (t *Observer) Invoked(r sluice.Record) {
	if r.Trace.Recorded && t.provider != nil {
		t.invoked(r)
	}
	t.Observer.Invoked(r)
}

func (t *Observer) invoked(r sluice.Record) {
	var access *sluice.Access
	if r.FunctionURL {
		t.mu.Lock()
		waiting := t.requests[r.RequestID]
		if waiting != nil && waiting.access == nil {
			waiting.record = &r
			t.mu.Unlock()
			return
		}
		delete(t.requests, r.RequestID)
		t.mu.Unlock()
		if waiting != nil {
			access = waiting.access
		}
	}
	t.emit(&r, access)
}

// Answered completes the span of a request.
func (t *Observer) Answered(a sluice.Access) {
	if t.provider != nil {
		t.answered(a)
	}
	t.Observer.Answered(a)
}

func (t *Observer) answered(a sluice.Access) {
	t.mu.Lock()
	waiting := t.requests[a.RequestID]
	if waiting == nil || waiting.record == nil {
		if waiting != nil {
			kept := a // not a itself, which would be on the heap for every request
			waiting.access = &kept
		}
		t.mu.Unlock()
		return
	}
	delete(t.requests, a.RequestID)
	t.mu.Unlock()
	t.emit(waiting.record, &a)
}

// Close sends what is left, for a while. It is called when no invocation is open.
func (t *Observer) Close() {
	if t.provider == nil {
		return
	}
	t.mu.Lock()
	for _, waiting := range t.requests {
		if waiting.record != nil { // its client never took the answer
			t.emit(waiting.record, nil)
		}
	}
	clear(t.requests)
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), t.patience)
	defer cancel()
	t.provider.Shutdown(ctx)
	t.exporter.Shutdown(ctx) // cuts off what is still being sent
	t.queue.report()
}

// generator makes the ids of spans: those that the function was told of, random ones for
// the rest.
type generator struct{}

var _ sdktrace.IDGenerator = generator{}

type placeKey struct{}

func (generator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	tr, _ := ctx.Value(placeKey{}).(*sluice.Trace)
	return tr.ID, tr.Span
}

func (generator) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if tr, ok := ctx.Value(placeKey{}).(*sluice.Trace); ok {
		return tr.Span
	}
	return randomSpanID()
}
