package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/environment"
)

// Gauges are read when somebody asks for the metrics.
type Gauges struct {
	Environments func() []environment.Status
	// Depth counts the asynchronous invocations that wait.
	Depth func(context.Context) (int, error)
}

// patience is how long the depth of the queue may take to be told.
const patience = time.Second

var (
	environments = prometheus.NewDesc("sluice_environments", "Execution environments, by what they do.", []string{"function", "state"}, nil)
	streams      = prometheus.NewDesc("sluice_streams_open", "Streamed responses in progress.", []string{"function"}, nil)
	queued       = prometheus.NewDesc("sluice_queued_events", "Asynchronous invocations that wait.", nil, nil)
)

// Describe lists the gauges.
func (g Gauges) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- environments
	descriptions <- streams
	descriptions <- queued
}

// Collect reads them. A function has its series for as long as it has an environment,
// and all of them at once: a state that nothing is in is a zero, not a gap.
func (g Gauges) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(of *prometheus.Desc, value int, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, float64(value), labels...)
	}
	states, open := map[string]map[environment.State]int{}, map[string]int{}
	for _, e := range g.Environments() {
		if states[e.Function] == nil {
			states[e.Function] = map[environment.State]int{}
		}
		states[e.Function][e.State]++
		if e.Mode == sluice.ResponseStream {
			open[e.Function]++
		}
	}
	for function, in := range states {
		for _, state := range []environment.State{environment.Starting, environment.Busy, environment.Idle, environment.Stopping} {
			gauge(environments, in[state], function, string(state))
		}
		gauge(streams, open[function], function)
	}
	// A depth that is not known is no zero.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if n, err := g.Depth(ctx); err == nil {
		gauge(queued, n)
	}
}
