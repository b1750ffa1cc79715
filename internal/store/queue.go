package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	queueStream   = "EVENTS"
	queueSubject  = "events"
	queueConsumer = "workers"
	// ackWait is how long a worker may be silent before somebody else gets its
	// event.
	ackWait = 30 * time.Second
)

// Queue keeps events until they are done. An event is delivered at least once.
type Queue struct {
	store    *Store
	consumer jetstream.Consumer
}

// Delivery is an event in the hands of a worker.
type Delivery struct {
	Data []byte
	// Tries counts the deliveries of this event, this one included.
	Tries uint64
	msg   jetstream.Msg
}

// Queue opens the queue.
func (s *Store) Queue(ctx context.Context) (*Queue, error) {
	_, err := s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: queueStream, Subjects: []string{queueSubject}, Retention: jetstream.WorkQueuePolicy, Storage: s.storage, Replicas: s.replicas,
		Description: "asynchronous invocations",
	})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	if s.embedded != nil {
		// Nobody else takes events: what the last server had in hand is free now,
		// and need not wait until it would count as lost.
		if err := s.js.DeleteConsumer(ctx, queueStream, queueConsumer); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return nil, fmt.Errorf("queue: %w", err)
		}
	}
	consumer, err := s.js.CreateOrUpdateConsumer(ctx, queueStream, jetstream.ConsumerConfig{
		Durable: queueConsumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, MaxDeliver: -1,
		// Events that wait for their next try count as pending.
		MaxAckPending: -1,
	})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return &Queue{s, consumer}, nil
}

// Put adds an event. It is on disk when Put returns.
func (q *Queue) Put(ctx context.Context, data []byte) error {
	if _, err := q.store.js.Publish(ctx, queueSubject, data); err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	return nil
}

// Consume hands events to work, at most concurrency at a time, until ctx ends; then
// it waits for those in hand. An event that work neither finishes nor puts back is
// delivered again.
func (q *Queue) Consume(ctx context.Context, concurrency int, work func(context.Context, *Delivery)) {
	var busy sync.WaitGroup
	defer busy.Wait()
	slots := make(chan struct{}, concurrency)
	for ctx.Err() == nil {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		msg, err := q.next(ctx)
		if msg == nil {
			<-slots
			if err != nil && ctx.Err() == nil {
				q.store.log.Error("queue", "error", err)
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
				}
			}
			continue
		}
		busy.Go(func() {
			defer func() { <-slots }()
			d := &Delivery{Data: msg.Data(), msg: msg}
			if meta, err := msg.Metadata(); err == nil {
				d.Tries = meta.NumDelivered
			}
			work(ctx, d)
		})
	}
}

// Depth counts the events in the queue, those that are being run included.
func (q *Queue) Depth(ctx context.Context) (int, error) {
	info, err := q.consumer.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("queue: %w", err)
	}
	return int(info.NumPending) + info.NumAckPending, nil
}

// pollTime is how long one request for an event stands.
const pollTime = 5 * time.Second

// next waits for an event; none within a while is no error.
func (q *Queue) next(ctx context.Context) (jetstream.Msg, error) {
	waiting, cancel := context.WithTimeout(ctx, pollTime)
	defer cancel()
	msg, err := q.consumer.Next(jetstream.FetchContext(waiting))
	if err != nil && (waiting.Err() != nil || errors.Is(err, nats.ErrTimeout) || errors.Is(err, jetstream.ErrNoMessages) || errors.Is(err, jetstream.ErrMsgIteratorClosed)) {
		return nil, nil
	}
	return msg, err
}

// Done removes the event.
func (d *Delivery) Done(ctx context.Context) error { return d.msg.DoubleAck(ctx) }

// Again puts the event back for a while.
func (d *Delivery) Again(after time.Duration) error { return d.msg.NakWithDelay(after) }

// Working keeps the event from being given to somebody else, until the returned
// function is called.
func (d *Delivery) Working() (stop func()) {
	ticker := time.NewTicker(ackWait / 3)
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			select {
			case <-ticker.C:
				d.msg.InProgress()
			case <-done:
				return
			}
		}
	})
	return func() {
		ticker.Stop()
		close(done)
		ended.Wait()
	}
}
