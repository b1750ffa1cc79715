// Package metrics counts and measures invocations and requests for Prometheus.
package metrics

import (
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

	invocations, requests     *prometheus.CounterVec
	bytes, pastBurst          *prometheus.CounterVec
	throttled, cost           *prometheus.CounterVec
	duration, firstByte, init *prometheus.HistogramVec
	gap                       *prometheus.HistogramVec
}

// Gauges are read when somebody asks for the metrics.
type Gauges struct {
	// Environments counts execution environments, Streams the responses that are open,
	// Queued the asynchronous invocations that wait.
	Environments, Streams, Queued func() float64
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
	o.requests = counter("sluice_requests_total", "Function URL requests that were answered, by status.", "function", "status")
	o.bytes = counter("sluice_response_bytes_total", "Bytes of responses.", "function")
	o.pastBurst = counter("sluice_response_past_burst_bytes_total", "Bytes of responses past the burst, which AWS charges for.", "function")
	o.throttled = counter("sluice_response_throttled_seconds_total", "Time for which the pace held responses back.", "function")
	o.cost = counter("sluice_billed_gigabyte_seconds_total", "Memory over billed duration.", "function")
	o.duration = histogram("sluice_invocation_duration_seconds", "From dispatch until the runtime asked for the next event.")
	o.firstByte = histogram("sluice_invocation_first_byte_seconds", "From dispatch to the start of the response.")
	o.init = histogram("sluice_init_duration_seconds", "INIT phases.")
	o.gap = histogram("sluice_response_largest_gap_seconds", "The longest time between two chunks of a streamed response.")
	for name, gauge := range map[string]struct {
		help string
		read func() float64
	}{
		"sluice_environments":  {"Execution environments.", g.Environments},
		"sluice_streams_open":  {"Responses that are open.", g.Streams},
		"sluice_queued_events": {"Asynchronous invocations that wait.", g.Queued},
	} {
		if gauge.read != nil {
			o.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: gauge.help}, gauge.read))
		}
	}
	o.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return o
}

// Invoked measures an invocation.
func (o *Observer) Invoked(r sluice.Record) {
	o.invocations.WithLabelValues(r.Function, string(r.Ending)).Inc()
	o.bytes.WithLabelValues(r.Function).Add(float64(r.Bytes))
	o.pastBurst.WithLabelValues(r.Function).Add(float64(r.PastBurst))
	o.throttled.WithLabelValues(r.Function).Add(r.Throttled.Seconds())
	o.cost.WithLabelValues(r.Function).Add(float64(r.MemoryMB) / 1024 * r.Billed.Seconds())
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
