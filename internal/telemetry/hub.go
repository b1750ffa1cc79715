package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Dial connects to a port inside of the sandbox.
type Dial func(ctx context.Context, port int) (net.Conn, error)

// Event is one thing that happened.
type Event struct {
	Time time.Time
	// Type is "platform.start" and so on, "function" or "extension".
	Type string
	// Record is an object, or a log line as text.
	Record any
}

// class is the type of subscription that an event belongs to.
func (e Event) class() string {
	class, _, _ := strings.Cut(e.Type, ".")
	return class
}

func (e Event) encode() []byte {
	record := e.Record
	if line, ok := record.(string); ok && e.class() != "platform" && len(line) > 0 && line[0] == '{' && json.Valid([]byte(line)) {
		record = json.RawMessage(line) // a log line in JSON is an object
	}
	text, err := json.Marshal(map[string]any{"time": e.Time.UTC().Format("2006-01-02T15:04:05.000Z"), "type": e.Type, "record": record})
	if err != nil {
		text = []byte(`{"type":"platform.fault","record":"a telemetry event could not be encoded"}`)
	}
	return text
}

const (
	// maxEarly is how many events before the first subscription are kept for it.
	maxEarly = 1000
	// deliveryTimeout bounds one delivery.
	deliveryTimeout = 5 * time.Second
	// backlog is how many deliveries a subscriber may be behind before it misses some.
	backlog = 64
)

// Hub hands events to subscribers. It is safe for concurrent use.
type Hub struct {
	dial Dial
	// idle tells that nobody has subscribed and nobody can any more.
	idle atomic.Bool

	mu          sync.Mutex
	early       []Event
	sealed      bool
	subscribers []*subscriber
}

// New returns a hub whose subscribers are reached with dial.
func New(dial Dial) *Hub { return &Hub{dial: dial} }

// Active reports whether events are worth making.
func (h *Hub) Active() bool { return h != nil && !h.idle.Load() }

// Publish hands an event to the subscribers; it does not wait for them.
func (h *Hub) Publish(e Event) {
	if !h.Active() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.sealed && len(h.early) < maxEarly {
		h.early = append(h.early, e)
	}
	for _, s := range h.subscribers {
		s.add(e)
	}
}

// Subscribe adds a subscriber, which gets what has happened before too.
func (h *Hub) Subscribe(sub Subscription) {
	s := &subscriber{Subscription: sub, dial: h.dial, batches: make(chan batch, backlog), done: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	go s.run()
	for _, e := range h.early {
		s.add(e)
	}
	h.subscribers = append(h.subscribers, s)
}

// Seal ends the time of subscriptions.
func (h *Hub) Seal() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sealed, h.early = true, nil
	h.idle.Store(len(h.subscribers) == 0)
}

// Flush sends what has been collected.
func (h *Hub) Flush() {
	if !h.Active() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.subscribers {
		s.mu.Lock()
		s.flush()
		s.mu.Unlock()
	}
}

// Close sends what has been collected and ends. It waits, for as long as deliveries may
// take.
func (h *Hub) Close() {
	if h == nil {
		return
	}
	h.mu.Lock()
	subscribers := h.subscribers
	h.subscribers = nil
	h.idle.Store(true)
	h.mu.Unlock()
	for _, s := range subscribers {
		s.close()
	}
}

// batch is what is sent at once.
type batch struct {
	events [][]byte
	bytes  int
}

// subscriber collects events; its goroutine sends them.
type subscriber struct {
	Subscription
	dial    Dial
	batches chan batch
	done    chan struct{}

	mu     sync.Mutex
	next   batch
	timer  *time.Timer
	closed bool
	// missed counts the events and bytes that were dropped.
	missedEvents, missedBytes int
	conn                      net.Conn
}

func (s *subscriber) add(e Event) {
	if !slices.Contains(s.Types, e.class()) {
		return
	}
	text := e.encode()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if len(s.next.events) > 0 && (len(s.next.events) >= s.MaxItems || s.next.bytes+len(text) > s.MaxBytes) {
		s.flush()
	}
	s.next.events, s.next.bytes = append(s.next.events, text), s.next.bytes+len(text)
	if s.timer == nil {
		s.timer = time.AfterFunc(s.Timeout, func() {
			s.mu.Lock()
			s.flush()
			s.mu.Unlock()
		})
	} else if len(s.next.events) == 1 {
		s.timer.Reset(s.Timeout)
	}
}

// flush queues what has been collected; s.mu is held.
func (s *subscriber) flush() {
	if len(s.next.events) == 0 || s.closed {
		return
	}
	full := s.next
	if s.missedEvents > 0 {
		lost := Event{time.Now(), "platform.logsDropped", map[string]any{
			"droppedRecords": s.missedEvents, "droppedBytes": s.missedBytes, "reason": "Consumer seems to have fallen behind",
		}}.encode()
		full.events, full.bytes = append(slices.Clip(full.events), lost), full.bytes+len(lost)
	}
	select {
	case s.batches <- full:
		s.missedEvents, s.missedBytes = 0, 0
	default: // it does not keep up, and invocations don't wait for it
		s.missedEvents, s.missedBytes = s.missedEvents+len(s.next.events), s.missedBytes+s.next.bytes
	}
	s.next = batch{}
}

func (s *subscriber) close() {
	s.mu.Lock()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.flush()
	s.closed = true
	close(s.batches)
	s.mu.Unlock()
	<-s.done
}

func (s *subscriber) run() {
	defer close(s.done)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.dial(ctx, s.Port) }}
	defer transport.CloseIdleConnections()
	for b := range s.batches {
		ctx, cancel := context.WithTimeout(context.Background(), deliveryTimeout)
		if s.Path == "" {
			s.sendTCP(ctx, b)
		} else {
			s.sendHTTP(ctx, transport, b)
		}
		cancel()
	}
	if s.conn != nil {
		s.conn.Close()
	}
}

// sendHTTP posts a batch as a JSON array. One that can't be delivered is lost: its
// reader is gone, or does not want it.
func (s *subscriber) sendHTTP(ctx context.Context, transport *http.Transport, b batch) {
	body := make([]byte, 0, b.bytes+len(b.events)+2)
	body = append(body, '[')
	body = append(body, bytes.Join(b.events, []byte(","))...)
	body = append(body, ']')
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://sandbox.localdomain:%d%s", s.Port, s.Path), bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	if resp, err := transport.RoundTrip(req); err == nil {
		resp.Body.Close()
	}
}

// sendTCP writes a batch as lines of JSON.
func (s *subscriber) sendTCP(ctx context.Context, b batch) {
	if s.conn == nil {
		conn, err := s.dial(ctx, s.Port)
		if err != nil {
			return
		}
		s.conn = conn
	}
	deadline, _ := ctx.Deadline()
	s.conn.SetWriteDeadline(deadline)
	if _, err := s.conn.Write(append(bytes.Join(b.events, []byte("\n")), '\n')); err != nil {
		s.conn.Close()
		s.conn = nil
	}
}
