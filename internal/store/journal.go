package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// maxEntry bounds one entry of a journal, in bytes: what a NATS server takes unless it
// is told otherwise, less some room.
const maxEntry = 1<<20 - 4<<10

// Journal is a log of entries, numbered one after the other. It forgets the oldest ones
// beyond an age and a size.
type Journal struct {
	store   *Store
	stream  jetstream.Stream
	subject string
}

var (
	// ErrTooLarge: an entry is larger than journals take.
	ErrTooLarge = errors.New("the entry is too large")
	// ErrNoRoom: the disk, or the account on an external server, has no room for a journal.
	ErrNoRoom = errors.New("there is no room")
)

// Journal opens a journal that keeps entries for age, and at most size bytes of them. A
// name is of lower-case letters. It fails with ErrNoRoom.
func (s *Store) Journal(ctx context.Context, name string, age time.Duration, size int64) (*Journal, error) {
	subject := "history." + name
	stream, err := s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: "HISTORY_" + name, Subjects: []string{subject}, Discard: jetstream.DiscardOld, MaxAge: age, MaxBytes: size,
		Storage: s.storage, Replicas: s.replicas, Compression: jetstream.S2Compression, Description: "what happened: " + name,
	})
	var refused *jetstream.APIError
	if errors.As(err, &refused) && (refused.ErrorCode == 10047 || refused.ErrorCode == 10023) {
		return nil, fmt.Errorf("%w for %d bytes of %s: %w", ErrNoRoom, size, name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", name, err)
	}
	return &Journal{s, stream, subject}, nil
}

// Append adds an entry and returns its number. It fails with ErrTooLarge.
func (j *Journal) Append(ctx context.Context, data []byte) (uint64, error) {
	if len(data) > maxEntry {
		return 0, ErrTooLarge
	}
	ack, err := j.store.js.Publish(ctx, j.subject, data)
	if err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	return ack.Sequence, nil
}

// Bounds returns the numbers of the oldest entry and of the newest; the newest is below
// the oldest if there is none.
func (j *Journal) Bounds(ctx context.Context) (oldest, newest uint64, err error) {
	info, err := j.stream.Info(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("journal: %w", err)
	}
	if info.State.Msgs == 0 {
		return info.State.LastSeq + 1, info.State.LastSeq, nil
	}
	return info.State.FirstSeq, info.State.LastSeq, nil
}

// Shared tells whether other servers may write to the journal.
func (j *Journal) Shared() bool { return j.store.embedded == nil }

// Follow calls each with every entry from a number on, one after the other, those that
// are there and those to come, until stop is called. Nothing is called when stop has
// returned.
func (j *Journal) Follow(ctx context.Context, from uint64, each func(entry []byte)) (stop func(), err error) {
	consumer, err := j.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from})
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	following, err := consumer.Consume(func(m jetstream.Msg) { each(m.Data()) })
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return func() {
		following.Stop()
		<-following.Closed()
	}, nil
}

// Read returns an entry, or ErrNotFound if it is not there: it was forgotten or lost.
func (j *Journal) Read(ctx context.Context, number uint64) ([]byte, error) {
	msg, err := j.get(ctx, number)
	if err != nil {
		return nil, err
	}
	return msg.Data, nil
}

// Next returns the first entry from a number on, and its number. It fails with
// ErrNotFound behind the newest.
func (j *Journal) Next(ctx context.Context, number uint64) (entry []byte, at uint64, err error) {
	msg, err := j.get(ctx, number, jetstream.WithGetMsgSubject(j.subject))
	if err != nil {
		return nil, 0, err
	}
	return msg.Data, msg.Sequence, nil
}

func (j *Journal) get(ctx context.Context, number uint64, options ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	msg, err := j.stream.GetMsg(ctx, number, options...)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return msg, nil
}
