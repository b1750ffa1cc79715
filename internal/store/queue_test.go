package store_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/sluice-run/sluice/internal/store"
)

// An idle queue asks again and again, which is nothing to complain about.
func TestAnIdleQueueIsSilent(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := mustOpen(t, store.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	defer s.Close()
	queue, err := s.Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer time.AfterFunc(7*time.Second, cancel).Stop() // the first request for an event ends after 5
	queue.Consume(ctx, 1, func(context.Context, *store.Delivery) { t.Error("an event") })
	if log.Len() > 0 {
		t.Errorf("%s", &log)
	}
}
