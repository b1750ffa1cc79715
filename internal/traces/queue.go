package traces

import (
	"context"
	"log/slog"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// maxWaiting is how many spans may wait to be sent, those that are just being sent
// included.
const maxWaiting = 2048

// queue holds spans until they are sent in batches. The SDK's own drops what does not
// fit in silence, so nothing is handed to it that would not.
type queue struct {
	sdktrace.SpanProcessor
	log     *slog.Logger
	waiting *atomic.Int64
	dropped atomic.Int64
}

func newQueue(e *exporter, log *slog.Logger) *queue {
	q := &queue{log: log, waiting: &e.waiting}
	q.SpanProcessor = sdktrace.NewBatchSpanProcessor(e, sdktrace.WithMaxQueueSize(maxWaiting))
	return q
}

// OnEnd queues a span, if there is room. It does not block.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	if q.waiting.Add(1) > maxWaiting {
		q.waiting.Add(-1)
		if q.dropped.Add(1) == 1 {
			q.log.Warn("spans are dropped: they end faster than the collector takes them", "waiting", maxWaiting)
		}
		return
	}
	q.SpanProcessor.OnEnd(s)
}

// report says how many were dropped, in the end.
func (q *queue) report() {
	if n := q.dropped.Load(); n > 0 {
		q.log.Warn("spans were dropped", "count", n)
	}
}

// exporter says once when the collector can't be reached, and once when it can again.
type exporter struct {
	sdktrace.SpanExporter
	endpoint string
	log      *slog.Logger
	waiting  atomic.Int64
	// lost counts the spans since it was reached; only ExportSpans uses it, and the
	// processor does not call that twice at a time.
	lost int
}

// ExportSpans returns no error: the SDK would print it, for each batch.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	e.waiting.Add(-int64(len(spans)))
	switch {
	case err != nil && e.lost == 0:
		e.log.Warn("spans can't be delivered; they are lost until the collector takes them", "collector", e.endpoint, "error", err)
		e.lost = len(spans)
	case err != nil:
		e.lost += len(spans)
	case e.lost > 0:
		e.log.Warn("the collector takes spans again", "collector", e.endpoint, "lost", e.lost)
		e.lost = 0
	}
	return nil
}
