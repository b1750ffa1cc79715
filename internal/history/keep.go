package history

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sluice-run/sluice/internal/store"
)

const (
	// flushEvery is how long items wait to be written together; a crash loses them.
	flushEvery = time.Second
	// maxPending bounds what waits for a disk that is too slow, or a server that is away.
	maxPending = 20_000
	// entrySize is how large entries of the journal become.
	entrySize = 256 << 10
	// retryAfter is the wait after a write that failed.
	retryAfter = time.Second
)

// keeper writes a log to its journal.
type keeper[T any] struct {
	log     *Log[T]
	journal *store.Journal
	// writer is this server's name in the journal.
	writer string
	// unfollow ends the reading of what other servers write, nil without them.
	unfollow func()
	warn     *slog.Logger
	// damaged guards the warning that a part of the journal can't be read.
	damaged sync.Once

	mu      sync.Mutex
	pending []Item[T]
	// dropped counts those that there was no room for.
	dropped int
	// wake tells that something is pending, stop that there will be no more, done that
	// it was written.
	wake, stop, done chan struct{}
	stopOnce         sync.Once
	// patience ends when what is pending is given up.
	patience context.Context
	giveUp   context.CancelFunc
}

// Keep reads what a journal has into memory, and from now on writes what is added to it.
// It is for a log that nothing was added to. End it with Close.
func (l *Log[T]) Keep(ctx context.Context, journal *store.Journal, log *slog.Logger) error {
	k := &keeper[T]{log: l, journal: journal, writer: rand.Text(), warn: log, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	k.patience, k.giveUp = context.WithCancel(context.WithoutCancel(ctx))
	_, newest, err := journal.Bounds(ctx)
	if err != nil {
		k.giveUp()
		return fmt.Errorf("history: %w", err)
	}
	var items []Item[T]
	var size int64
	var failed error
	k.backward(ctx, Query{Before: ^uint64(0)}, func(item Item[T], err error) bool {
		if failed = err; err != nil {
			return false
		}
		size += l.o.Size(&item.Value)
		items = append(items, item)
		return len(items) < l.o.Items && size < l.o.Bytes
	})
	if failed != nil {
		k.giveUp()
		return fmt.Errorf("history: %w", failed)
	}
	slices.SortFunc(items, func(a, b Item[T]) int { return cmp.Compare(a.Number, b.Number) })
	l.mu.Lock()
	for _, item := range items {
		l.push(item)
		l.last = max(l.last, item.Number)
	}
	l.keeper = k
	l.mu.Unlock()
	go k.write()
	if journal.Shared() {
		if k.unfollow, err = journal.Follow(k.patience, newest+1, k.others); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	return nil
}

// others takes what another server has written.
func (k *keeper[T]) others(entry []byte) {
	if _, writer, _ := firstOf(entry); writer == k.writer {
		return
	}
	for _, item := range k.items(entry, Query{}) {
		k.log.insert(item)
	}
}

// take notes an item to be written.
func (k *keeper[T]) take(item Item[T]) {
	k.mu.Lock()
	if len(k.pending) < maxPending {
		k.pending = append(k.pending, item)
	} else {
		k.dropped++
	}
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// write writes what is pending, together what came together, until stop is closed.
func (k *keeper[T]) write() {
	defer close(k.done)
	for {
		select {
		case <-k.wake:
		case <-k.stop:
		}
		select {
		case <-time.After(flushEvery):
		case <-k.stop:
			k.flush()
			return
		}
		k.flush()
	}
}

// flush writes what is pending now. It goes on trying until stop is closed, and then
// until the patience of Close ends.
func (k *keeper[T]) flush() {
	k.mu.Lock()
	items, dropped := k.pending, k.dropped
	k.pending, k.dropped = nil, 0
	k.mu.Unlock()
	if dropped > 0 {
		k.warn.Warn("the history on disk misses what could not be written in time", "items", dropped)
	}
	entries, err := encode(items, k.writer, entrySize)
	if err != nil {
		k.warn.Warn("a part of the history can't be written", "items", len(items), "error", err)
	}
	warned := false
	for _, entry := range entries {
		for {
			_, err := k.journal.Append(k.patience, entry)
			if errors.Is(err, store.ErrTooLarge) {
				k.warn.Warn("an item is too large for the history on disk", "bytes", len(entry))
				break
			}
			if err == nil || k.patience.Err() != nil {
				break
			}
			if !warned {
				warned = true
				k.warn.Warn("the history can't be written, it is tried again", "error", err)
			}
			select {
			case <-time.After(retryAfter):
			case <-k.patience.Done():
			}
		}
	}
}

// Close writes what is pending until ctx ends. What is added later stays in memory.
func (l *Log[T]) Close(ctx context.Context) {
	k := l.keeper
	if k == nil {
		return
	}
	stop := context.AfterFunc(ctx, k.giveUp)
	defer stop()
	k.stopOnce.Do(func() {
		if k.unfollow != nil {
			k.unfollow()
		}
		close(k.stop)
	})
	<-k.done
	k.giveUp()
}
