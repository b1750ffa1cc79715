// Package metrics counts and measures invocations and requests for Prometheus.
package metrics

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	sluice "github.com/sluice-run/sluice"
)

// Path is where the handler belongs.
const Path = "/_sluice/metrics"

// Observer measures what happens. It passes everything on.
type Observer struct {
	sluice.Observer
	registry *prometheus.Registry

	invocations, throttles, requests *prometheus.CounterVec
	bytes, pastBurst                 *prometheus.CounterVec
	throttled, billed                *prometheus.CounterVec
	duration, firstByte, init        *prometheus.HistogramVec
	gap                              *prometheus.HistogramVec
}

// seconds are the bounds of durations, from 1 ms to Lambda's 15 minutes.
var seconds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900}

// New returns an observer in front of next.
func New(next sluice.Observer, g Gauges) *Observer {
	o := &Observer{Observer: next, registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		o.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: seconds}, []string{"function"})
		o.registry.MustRegister(h)
		return h
	}
	o.invocations = counter("sluice_invocations_total", "Invocations that are over, by how they ended.", "function", "ending")
	o.throttles = counter("sluice_throttles_total", "Invocations that were refused at a limit of concurrency or rate, by AWS's reason.", "function", "reason")
	o.requests = counter("sluice_requests_total", "Function URL requests that were answered, by status.", "function", "status")
	o.bytes = counter("sluice_response_bytes_total", "Bytes of responses.", "function")
	o.pastBurst = counter("sluice_response_past_burst_bytes_total", "Bytes of streamed responses past their first 6 MB, which AWS charges for.", "function")
	o.throttled = counter("sluice_response_throttled_seconds_total", "Time for which the pace held responses back.", "function")
	o.billed = counter("sluice_billed_gigabyte_seconds_total", "Memory over billed duration.", "function")
	o.duration = histogram("sluice_invocation_duration_seconds", "From dispatch until the runtime asked for the next event.")
	o.firstByte = histogram("sluice_invocation_first_byte_seconds", "From dispatch to the start of the response.")
	o.init = histogram("sluice_init_duration_seconds", "INIT phases.")
	o.gap = histogram("sluice_response_largest_gap_seconds", "The longest time between two chunks of a streamed response.")
	o.registry.MustRegister(g, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return o
}

// Invoker counts what next refuses as a throttle, whoever the caller is.
func (o *Observer) Invoker(next sluice.Invoker) sluice.Invoker { return &invoker{next, o.throttles} }

type invoker struct {
	sluice.Invoker
	throttles *prometheus.CounterVec
}

func (i *invoker) Invoke(ctx context.Context, inv *sluice.Invocation) (*sluice.Response, error) {
	resp, err := i.Invoker.Invoke(ctx, inv)
	var refused *sluice.Error
	if errors.As(err, &refused) && refused.Status == http.StatusTooManyRequests {
		i.throttles.WithLabelValues(inv.Function, refused.Reason).Inc()
	}
	return resp, err
}

// Invoked measures an invocation.
func (o *Observer) Invoked(r sluice.Record) {
	o.invocations.WithLabelValues(r.Function, string(r.Ending)).Inc()
	o.bytes.WithLabelValues(r.Function).Add(float64(r.Bytes))
	o.pastBurst.WithLabelValues(r.Function).Add(float64(r.PastBurst))
	o.throttled.WithLabelValues(r.Function).Add(r.Throttled.Seconds())
	o.billed.WithLabelValues(r.Function).Add(float64(r.MemoryMB) / 1024 * r.Billed.Seconds())
	o.duration.WithLabelValues(r.Function).Observe(r.Duration.Seconds())
	if r.FirstByte > 0 {
		o.firstByte.WithLabelValues(r.Function).Observe(r.FirstByte.Seconds())
	}
	if r.Init > 0 {
		o.init.WithLabelValues(r.Function).Observe(r.Init.Seconds())
	}
	if r.Chunks > 1 {
		o.gap.WithLabelValues(r.Function).Observe(r.LargestGap.Seconds())
	}
	o.Observer.Invoked(r)
}

// Answered counts a request.
func (o *Observer) Answered(a sluice.Access) {
	o.requests.WithLabelValues(a.Function, strconv.Itoa(a.Status)).Inc()
	o.Observer.Answered(a)
}

// Handler answers in the formats that Prometheus reads.
func (o *Observer) Handler() http.Handler {
	return promhttp.HandlerFor(o.registry, promhttp.HandlerOpts{})
}
