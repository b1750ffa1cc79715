package serve

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/lambdaapi"
	"github.com/sluice-run/sluice/internal/logbook"
	"github.com/sluice-run/sluice/internal/metrics"
	"github.com/sluice-run/sluice/internal/records"
	"github.com/sluice-run/sluice/internal/store"
)

// at matches one path.
func at(path string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.URL.Path == path }
}

// gauges read what is there now.
func (s *Server) gauges() metrics.Gauges {
	return metrics.Gauges{
		Environments: func() []environment.Status { return s.hosted.Environments() },
		Depth:        func(ctx context.Context) (int, error) { return s.queue.Load().Depth(ctx) },
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

// keepHistory keeps records and log lines where the state is.
func (s *Server) keepHistory(ctx context.Context, recorded *records.Book, book *logbook.Book) error {
	kept := s.o.Config.History
	if kept.Age == 0 || kept.Size == 0 {
		return nil
	}
	s.records, s.logs = recorded, book
	for name, keep := range map[string]func(context.Context, *store.Journal, *slog.Logger) error{"invocations": recorded.Keep, "logs": book.Keep} {
		journal, err := s.store.Journal(ctx, name, kept.Age, kept.Size)
		if errors.Is(err, store.ErrNoRoom) {
			s.o.Log.Warn("the newest are kept in memory only: the store has no room; lower history.size, or make some", "of", name, "size", sluice.FormatSize(kept.Size), "error", err)
			continue
		}
		if err != nil {
			return err
		}
		if err := keep(ctx, journal, s.o.Log); err != nil {
			return err
		}
	}
	return nil
}

// historyTimeout bounds how long the end of the history may take to be written.
const historyTimeout = 5 * time.Second

// closeHistory writes what is not on disk yet.
func (s *Server) closeHistory() {
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	if s.records != nil {
		s.records.Close(ctx)
	}
	if s.logs != nil {
		s.logs.Close(ctx)
	}
}
