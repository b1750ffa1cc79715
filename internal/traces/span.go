package traces

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	sluice "github.com/sluice-run/sluice"
)

// emit makes the span of an invocation. Its access is nil unless a Function URL was the
// way in. Names are those of OpenTelemetry's conventions for functions, HTTP and AWS;
// what they have no word for is below sluice.
func (t *Observer) emit(r *sluice.Record, a *sluice.Access) {
	place := r.Trace
	ctx := context.WithValue(context.Background(), placeKey{}, &place)
	if place.Parent != ([8]byte{}) {
		state, _ := trace.ParseTraceState(place.State) // nonsense is dropped, as W3C says
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: place.ID, SpanID: place.Parent, TraceFlags: trace.FlagsSampled, TraceState: state, Remote: true,
		}))
	}
	start, end := r.Time.Add(-r.Init), r.Time.Add(r.Duration)
	_, span := t.tracer.Start(ctx, r.Function, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(start), trace.WithAttributes(t.attributes(r, a)...))
	if r.Init > 0 {
		below := trace.ContextWithSpan(context.Background(), span)
		_, init := t.tracer.Start(below, "INIT", trace.WithTimestamp(start))
		init.End(trace.WithTimestamp(r.Time))
	}
	for _, e := range events(r, end) {
		span.AddEvent(e.name, trace.WithTimestamp(e.at))
	}
	if what, why := failure(r, a); what != "" {
		span.SetAttributes(attribute.String("error.type", what))
		span.SetStatus(codes.Error, why)
	}
	span.End(trace.WithTimestamp(end))
}

type event struct {
	name string
	at   time.Time
}

// events are what happened to the response, in the order of time.
func events(r *sluice.Record, end time.Time) []event {
	list := make([]event, 0, 3)
	if r.FirstByte > 0 {
		list = append(list, event{"first byte", r.Time.Add(r.FirstByte)})
	}
	if !r.ThrottledAt.IsZero() {
		list = append(list, event{"throttle start", r.ThrottledAt})
	}
	list = append(list, event{"end", end})
	slices.SortStableFunc(list, func(a, b event) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	return list
}

// methods are those of HTTP.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
}

func (t *Observer) attributes(r *sluice.Record, a *sluice.Access) []attribute.KeyValue {
	list := make([]attribute.KeyValue, 0, 24)
	list = append(list,
		attribute.String("faas.name", r.Function),
		attribute.String("faas.version", r.Version),
		attribute.String("faas.instance", r.Stream),
		attribute.String("faas.invocation_id", r.RequestID),
		attribute.Bool("faas.coldstart", r.Init > 0),
		attribute.Int64("faas.max_memory", int64(r.MemoryMB)*sluice.MB),
		attribute.String("aws.lambda.invoked_arn", r.ARN),
		attribute.String("sluice.mode", string(r.Mode)),
		attribute.String("sluice.ending", string(r.Ending)),
		attribute.Float64("sluice.billed_duration", r.Billed.Seconds()),
		attribute.Int("sluice.memory_used", r.MaxMemoryMB*sluice.MB),
		attribute.Int64("sluice.response.bytes", r.Bytes),
		attribute.Int64("sluice.response.bytes_past_burst", r.PastBurst),
		attribute.Float64("sluice.response.throttled", r.Throttled.Seconds()),
		attribute.Int64("sluice.response.chunks", r.Chunks),
		attribute.Float64("sluice.response.largest_gap", r.LargestGap.Seconds()),
	)
	if !r.FunctionURL {
		return append(list, attribute.String("faas.trigger", "other"))
	}
	list = append(list, attribute.String("faas.trigger", "http"))
	if a == nil {
		return list
	}
	// Anybody can make up a method, so only those that are known are values of it.
	if slices.Contains(methods, a.Method) {
		list = append(list, attribute.String("http.request.method", a.Method))
	} else {
		list = append(list, attribute.String("http.request.method", "_OTHER"), attribute.String("http.request.method_original", a.Method))
	}
	list = append(list, attribute.String("url.scheme", t.scheme), attribute.String("url.path", a.Path))
	if a.Status != 0 {
		list = append(list, attribute.Int("http.response.status_code", a.Status))
	}
	return list
}

// failure says what makes the invocation a failed one, "" for nothing: how it ended, or
// the status that it was answered with. A client that leaves is no failure of ours.
func failure(r *sluice.Record, a *sluice.Access) (what, why string) {
	if r.Ending != sluice.EndingComplete && r.Ending != sluice.EndingClientGone {
		return cmp.Or(r.ErrorType, string(r.Ending)), string(r.Ending)
	}
	if a == nil {
		return "", ""
	}
	if a.Ending != sluice.EndingComplete && a.Ending != sluice.EndingClientGone {
		return string(a.Ending), cmp.Or(a.Reason, string(a.Ending))
	}
	if a.Status >= 500 {
		return strconv.Itoa(a.Status), ""
	}
	return "", ""
}

func randomSpanID() (id trace.SpanID) {
	rand.Read(id[:]) // never fails
	return id
}
