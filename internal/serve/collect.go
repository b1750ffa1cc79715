package serve

import (
	"context"
	"time"
)

// collectEvery is the time between two collections of code packages, and the age
// below which they are left alone: a function may be about to refer to them.
const collectEvery = time.Hour

// collect deletes the code packages that nothing refers to, until ctx ends.
func (s *Server) collect(ctx context.Context) {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if n, err := s.registry.CollectCode(ctx, collectEvery); err != nil && ctx.Err() == nil {
				s.o.Log.Warn("unused code packages could not be removed", "error", err)
			} else if n > 0 {
				s.o.Log.Debug("unused code packages were removed", "count", n)
			}
		}
	}
}
