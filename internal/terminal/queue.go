package terminal

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// queueSize is how many bytes may wait for the writer.
	queueSize = 1 << 20
	// patience is how long an event waits for room.
	patience = 100 * time.Millisecond
	// closeWait is how long close waits for the writer.
	closeWait = 2 * time.Second
)

// queue hands events to the goroutine that writes them.
type queue struct {
	w io.Writer
	// notice is the event that stands for n dropped ones.
	notice func(n int) []byte
	// wake holds a token when the goroutine has something to look at.
	wake chan struct{}
	// done closes when the goroutine has ended.
	done chan struct{}

	mu      sync.Mutex
	pending []byte
	// room closes when pending was taken, and is then replaced.
	room chan struct{}
	// stalled says that an event has waited in vain since pending was last taken.
	stalled bool
	dropped int
	closed  bool
	// err is the writer's; after it nothing is written any more.
	err error
}

func newQueue(w io.Writer, notice func(int) []byte) *queue {
	q := &queue{
		w: w, notice: notice,
		wake: make(chan struct{}, 1), done: make(chan struct{}), room: make(chan struct{}),
	}
	go q.run()
	return q
}

// put queues event, whole lines, and keeps no reference to it. With keep it is
// never dropped and does not wait.
func (q *queue) put(event []byte, keep bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !keep && q.full(event) && !q.stalled {
		q.await(event)
	}
	switch {
	case q.closed || q.err != nil:
		return
	case !keep && q.full(event):
		q.stalled = true
		q.dropped++
	default:
		q.pending = append(q.pending, event...)
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// full tells whether event has to wait. An event larger than the queue goes into
// an empty one.
func (q *queue) full(event []byte) bool {
	return !q.closed && q.err == nil && len(q.pending) > 0 && len(q.pending)+len(event) > queueSize
}

// await releases mu until there is room for event or patience is over.
func (q *queue) await(event []byte) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for q.full(event) {
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
			q.mu.Lock()
		case <-timeout.C:
			q.mu.Lock()
			return
		}
	}
}

func (q *queue) run() {
	defer close(q.done)
	var spare []byte
	for {
		batch, ok := q.take(spare)
		if !ok {
			return
		}
		if len(batch) == 0 {
			spare = batch
			<-q.wake
			continue
		}
		if _, err := q.w.Write(batch); err != nil {
			q.fail(err)
			return
		}
		spare = batch[:0]
		if cap(spare) > 2*queueSize {
			spare = nil
		}
	}
}

// take returns what is pending, followed by the notice of what was dropped, and
// leaves spare in its place. It reports false when everything is written and the
// queue is closed.
func (q *queue) take(spare []byte) ([]byte, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := q.pending
	if q.dropped > 0 {
		batch = append(batch, q.notice(q.dropped)...)
		q.dropped = 0
	}
	if len(batch) == 0 {
		return spare, !q.closed
	}
	q.pending = spare
	q.release()
	return batch, true
}

// release wakes those who wait for room; mu is held.
func (q *queue) release() {
	q.stalled = false
	close(q.room)
	q.room = make(chan struct{})
}

func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.err = err
	q.pending = nil
	q.release()
}

// close writes what is queued and ends the goroutine. When the writer is stuck,
// close gives up after closeWait; the goroutine then ends with the stuck Write.
func (q *queue) close() error {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
	timeout := time.NewTimer(closeWait)
	defer timeout.Stop()
	select {
	case <-q.done:
	case <-timeout.C:
		return fmt.Errorf("terminal output: the reader has not taken the last lines within %v", closeWait)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return fmt.Errorf("terminal output: %w", q.err)
	}
	return nil
}
