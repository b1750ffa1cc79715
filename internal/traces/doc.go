// Package traces makes an OpenTelemetry span of every invocation that is recorded, and
// sends the spans to a collector, in OTLP over HTTP.
//
// An invocation is *recorded* when its caller sampled the trace, or when the sampler
// chose it. That is decided before the function is told of the trace, so that its own
// spans have ours as their parent; the span itself is made when the invocation is over,
// from its record.
//
// Spans never hold an invocation up: they wait in a queue with bounds, and what does not
// fit is dropped and counted.
//
// The SDK reads some of OpenTelemetry's variables itself, from the process's
// environment: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, the limits of spans, and
// OTEL_BSP_… for batches. Those about the endpoint and the sampler come with the
// configuration.
package traces
