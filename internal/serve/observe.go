package serve

import (
	"context"
	"net/http"
	"time"

	"github.com/sluice-run/sluice/internal/lambdaapi"
	"github.com/sluice-run/sluice/internal/metrics"
)

// at matches one path.
func at(path string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.URL.Path == path }
}

// gauges read what is there now.
func (s *Server) gauges() metrics.Gauges {
	return metrics.Gauges{
		Environments: func() float64 { return float64(len(s.hosted.Environments())) },
		Streams:      func() float64 { return float64(s.hosted.Busy()) },
		Queued: func() float64 {
			queue := s.queue.Load()
			if queue == nil {
				return 0
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			n, err := queue.Depth(ctx)
			if err != nil {
				return 0
			}
			return float64(n)
		},
	}
}

// guardMetrics lets everybody on this machine read them; where other machines can
// connect, a key has to allow it.
func (s *Server) guardMetrics(api *lambdaapi.API, handler http.Handler) http.Handler {
	if s.o.Config.Reachable() {
		return api.Guard("sluice:ReadMetrics", handler)
	}
	return api.GuardHost(handler)
}
