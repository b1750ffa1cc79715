// Package async runs asynchronous invocations: an event is queued on disk, invoked
// later, retried with AWS's waits when the function fails, and its outcome is sent
// to the function's destinations (docs/contract/invoke-api.md §5).
package async

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/destination"
	"github.com/sluice-run/sluice/internal/registry"
	"github.com/sluice-run/sluice/internal/store"
	"github.com/sluice-run/sluice/internal/stream"
)

const (
	// defaultRetries and defaultAge are those of a function without an
	// event-invoke configuration.
	defaultRetries = 2
	defaultAge     = 6 * time.Hour
	// slowest is the longest wait of an event that was throttled.
	slowest = 5 * time.Minute
	// maxDeliveries is how often a destination is tried, which takes about as long
	// as an event may be old.
	maxDeliveries = 80
	// workers is how many events are invoked at a time.
	workers = 64
)

// Service takes and runs events.
type Service struct {
	Queue    *store.Queue
	Registry *registry.Registry
	Invoker  sluice.Invoker
	Identity sluice.Identity
	// Sender reaches destinations that are not functions.
	Sender *destination.Sender
	// Wait is the wait before the first retry of a function that failed; the
	// second is twice as long.
	Wait time.Duration
	Log  *slog.Logger

	stop    context.CancelFunc
	stopped chan struct{}
}

// event is a queued invocation.
type event struct {
	RequestID, Function, Qualifier string
	// TraceID is the X-Ray header that the event came with, TraceState W3C's.
	TraceID    string
	TraceState string `json:",omitempty"`
	Payload    json.RawMessage
	Received   time.Time
	// Attempts is how often the function ran, and NotBefore when it may again.
	Attempts  int       `json:",omitempty"`
	NotBefore time.Time `json:",omitzero"`
	// Last is what the last attempt gave, for the destination.
	Last *outcome `json:",omitempty"`
	// Condition is how it ended, "" while it has not; then Outbox is what is still
	// to be told of it, and Deliveries how often that was tried.
	Condition  string   `json:",omitempty"`
	Outbox     []letter `json:",omitempty"`
	Deliveries int      `json:",omitempty"`
}

// letter is what one ARN is to be told.
type letter struct {
	To string
	// Dead letters carry the event, others the record of its outcome.
	Dead bool `json:",omitempty"`
}

// outcome is what an attempt gave.
type outcome struct {
	Version string
	Error   string          `json:",omitempty"`
	Result  json.RawMessage `json:",omitempty"`
	// TraceID is the X-Ray header that the function got.
	TraceID string `json:",omitempty"`
}

// Put queues an invocation; it is on disk when Put returns.
func (s *Service) Put(ctx context.Context, inv *sluice.Invocation) error {
	return s.put(ctx, &event{
		RequestID: inv.RequestID, Function: inv.Function, Qualifier: inv.Qualifier, TraceID: inv.Trace.Received(), TraceState: inv.Trace.State,
		Payload: inv.Payload, Received: time.Now(),
	})
}

func (s *Service) put(ctx context.Context, e *event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return s.Queue.Put(ctx, data)
}

// Start runs events until Close.
func (s *Service) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop, s.stopped = cancel, make(chan struct{})
	go func() {
		defer close(s.stopped)
		s.Queue.Consume(ctx, workers, s.work)
	}()
}

// Stop takes no more events.
func (s *Service) Stop() {
	if s.stop != nil {
		s.stop()
	}
}

// Close stops, and waits for the events that run; they end with the invocations
// they wait for.
func (s *Service) Close() {
	if s.stop != nil {
		s.stop()
		<-s.stopped
	}
}

// work brings one event a step further.
func (s *Service) work(ctx context.Context, d *store.Delivery) {
	defer d.Working()()
	var e event
	if err := json.Unmarshal(d.Data, &e); err != nil {
		s.Log.Error("an event in the queue can't be read", "error", err)
		s.done(d)
		return
	}
	if wait := time.Until(e.NotBefore); wait > 0 {
		s.again(d, wait)
		return
	}
	if e.Condition != "" {
		s.deliver(ctx, d, &e)
		return
	}
	f, err := s.Registry.Function(e.Function)
	if err != nil {
		s.Log.Warn("the function of an event is gone; the event is dropped", "function", e.Function, "request", e.RequestID)
		s.done(d)
		return
	}
	retries, age := settings(f, e.Qualifier)
	if f.ReservedConcurrency != nil && *f.ReservedConcurrency == 0 {
		e.Last = nil
		s.finish(ctx, d, f, &e, "ZeroReservedConcurrency")
		return
	}
	if time.Since(e.Received) > age {
		s.finish(ctx, d, f, &e, "EventAgeExceeded")
		return
	}
	s.attempt(ctx, d, f, &e, retries, age)
}

// settings are the retries and the age of a qualifier's configuration.
func settings(f *registry.Function, qualifier string) (retries int, age time.Duration) {
	retries, age = defaultRetries, defaultAge
	if c := f.EventInvoke[configured(qualifier)]; c != nil {
		if c.Attempts != nil {
			retries = *c.Attempts
		}
		if c.Age != nil {
			age = time.Duration(*c.Age) * time.Second
		}
	}
	return retries, age
}

// configured is the qualifier under which configurations are kept.
func configured(qualifier string) string {
	if qualifier == "" {
		return sluice.LatestVersion
	}
	return qualifier
}

// attempt invokes the function once.
func (s *Service) attempt(ctx context.Context, d *store.Delivery, f *registry.Function, e *event, retries int, age time.Duration) {
	inv := &sluice.Invocation{RequestID: e.RequestID, Function: e.Function, Qualifier: e.Qualifier, Mode: sluice.Buffered, Payload: e.Payload, Trace: sluice.NewTrace(e.TraceID, "", e.TraceState, time.Now())}
	resp, err := s.Invoker.Invoke(context.Background(), inv)
	if err != nil {
		s.refused(ctx, d, f, e, sluice.AsError(err), age)
		return
	}
	result, ending := collect(resp, &inv.Meter)
	result.TraceID = inv.Trace.Header()
	if ending == sluice.EndingShutdown {
		s.again(d, time.Second) // the next server runs it
		return
	}
	e.Attempts++
	e.Last = result
	if result.Error == "" {
		s.finish(ctx, d, f, e, "Success")
		return
	}
	if e.Attempts > retries {
		s.finish(ctx, d, f, e, "RetriesExhausted")
		return
	}
	wait := s.Wait << (e.Attempts - 1)
	if time.Since(e.Received)+wait > age {
		s.finish(ctx, d, f, e, "EventAgeExceeded")
		return
	}
	e.NotBefore = time.Now().Add(wait)
	s.requeue(ctx, d, e)
}

// refused puts back an event that the function did not see; such tries don't count.
func (s *Service) refused(ctx context.Context, d *store.Delivery, f *registry.Function, e *event, refused *sluice.Error, age time.Duration) {
	if refused.Status == http.StatusNotFound {
		s.Log.Warn("the function of an event is gone; the event is dropped", "function", e.Function, "request", e.RequestID)
		s.done(d)
		return
	}
	wait := min(time.Second<<min(d.Tries-1, 10), slowest)
	wait = wait/2 + rand.N(wait/2) // or all that were throttled together come together again
	if time.Since(e.Received)+wait > age {
		s.finish(ctx, d, f, e, "EventAgeExceeded")
		return
	}
	s.again(d, wait)
}

// collect reads a response to its end.
func collect(resp *sluice.Response, meter *sluice.Meter) (*outcome, sluice.Ending) {
	defer resp.Body.Close(nil)
	body := io.Reader(resp.Body)
	if resp.FunctionError == "" {
		body = stream.Counted(body, meter)
	}
	data, err := io.ReadAll(body)
	o := &outcome{Version: resp.ExecutedVersion, Result: data}
	var broken *sluice.StreamError
	switch {
	case errors.As(err, &broken):
		o.Error, o.Result = "Unhandled", broken.Document
		if len(o.Result) == 0 {
			o.Result, _ = json.Marshal(map[string]string{"errorType": broken.Type, "errorMessage": broken.Message}) // strings only
		}
		return o, broken.Ending
	case err != nil:
		o.Error, o.Result = "Unhandled", nil
	case resp.FunctionError != "":
		o.Error = "Unhandled"
		if strings.Contains(string(data), "the server was shut down") && resp.FunctionError == "Sandbox.Failure" {
			return o, sluice.EndingShutdown
		}
	}
	if !json.Valid(o.Result) {
		o.Result, _ = json.Marshal(string(o.Result)) // a string
	}
	return o, sluice.EndingComplete
}

// finish notes how an event ended, and tells its destinations.
func (s *Service) finish(ctx context.Context, d *store.Delivery, f *registry.Function, e *event, condition string) {
	e.Condition, e.Outbox = condition, nil
	if c := f.EventInvoke[configured(e.Qualifier)]; c != nil {
		target := c.OnFailure
		if condition == "Success" {
			target = c.OnSuccess
		}
		if target != "" {
			e.Outbox = append(e.Outbox, letter{To: target})
		}
	}
	if letters := s.version(f, e).DeadLetter; letters != "" && condition != "Success" {
		e.Outbox = append(e.Outbox, letter{To: letters, Dead: true})
	}
	s.deliver(ctx, d, e)
}

// version is the version that ran, or the unpublished one when none did.
func (s *Service) version(f *registry.Function, e *event) *registry.Version {
	if e.Last != nil && e.Last.Version != sluice.LatestVersion {
		if v, err := s.Registry.Version(f.Name, e.Last.Version); err == nil {
			return v
		}
	}
	return &f.Latest
}

// deliver empties the outbox and removes the event. What can't be delivered is
// queued again, without the function.
func (s *Service) deliver(ctx context.Context, d *store.Delivery, e *event) {
	var left []letter
	for _, l := range e.Outbox {
		if err := s.send(ctx, e, l); err != nil {
			s.Log.Error("a destination could not be reached", "destination", l.To, "request", e.RequestID, "tries", e.Deliveries+1, "error", err)
			left = append(left, l)
		}
	}
	if e.Deliveries++; len(left) == 0 || e.Deliveries >= maxDeliveries {
		s.done(d)
		return
	}
	e.Outbox, e.NotBefore = left, time.Now().Add(min(time.Second<<min(e.Deliveries-1, 10), slowest))
	s.requeue(ctx, d, e)
}

// requeue puts the event back as it is now.
func (s *Service) requeue(ctx context.Context, d *store.Delivery, e *event) {
	if err := s.put(ctx, e); err != nil {
		s.Log.Error("an event could not be queued again", "request", e.RequestID, "error", err)
		s.again(d, time.Second)
		return
	}
	s.done(d)
}

// record is what a destination gets (docs/contract/invoke-api.md §5.2).
func (s *Service) record(e *event) []byte {
	type requestContext struct {
		RequestID string `json:"requestId"`
		ARN       string `json:"functionArn"`
		Condition string `json:"condition"`
		Count     int    `json:"approximateInvokeCount"`
	}
	type responseContext struct {
		StatusCode int    `json:"statusCode"`
		Version    string `json:"executedVersion"`
		Error      string `json:"functionError,omitempty"`
	}
	record := struct {
		Version         string           `json:"version"`
		Timestamp       string           `json:"timestamp"`
		RequestContext  requestContext   `json:"requestContext"`
		RequestPayload  json.RawMessage  `json:"requestPayload"`
		ResponseContext *responseContext `json:"responseContext,omitempty"`
		ResponsePayload json.RawMessage  `json:"responsePayload,omitempty"`
	}{
		Version: "1.0", Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		RequestContext: requestContext{e.RequestID, s.Identity.FunctionARN(e.Function, configured(e.Qualifier)), e.Condition, e.Attempts},
		RequestPayload: e.Payload,
	}
	if e.Last != nil {
		record.ResponseContext = &responseContext{http.StatusOK, e.Last.Version, e.Last.Error}
		record.ResponsePayload = e.Last.Result
	}
	text, err := json.Marshal(record)
	if err != nil {
		s.Log.Error("the record of an event can't be written", "request", e.RequestID, "error", err)
	}
	return text
}

// sendTimeout bounds one delivery to a destination.
const sendTimeout = 30 * time.Second

// send brings one letter on its way: a function's is queued.
func (s *Service) send(ctx context.Context, e *event, l letter) error {
	body := []byte(e.Payload)
	if !l.Dead {
		body = s.record(e)
	}
	if _, name, found := strings.Cut(l.To, ":function:"); found {
		name, qualifier, _ := strings.Cut(name, ":")
		trace := e.TraceID
		if e.Last != nil && e.Last.TraceID != "" {
			trace = e.Last.TraceID // what the function led to belongs below it
		}
		return s.put(ctx, &event{
			RequestID: sluice.NewRequestID(), Function: name, Qualifier: qualifier, TraceID: trace, TraceState: e.TraceState,
			Payload: body, Received: time.Now(),
		})
	}
	if !s.Sender.Reaches() {
		return errors.New("the server was started without an AWS endpoint; set one with --aws-endpoint")
	}
	m := destination.Message{
		Body: body, Success: e.Condition == "Success", RequestID: e.RequestID, Time: time.Now(),
		FunctionARN: s.Identity.FunctionARN(e.Function, configured(e.Qualifier)),
	}
	if l.Dead {
		m.Failure = failure(e)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return s.Sender.Send(ctx, l.To, m)
}

// failure is the error message of the last attempt.
func failure(e *event) string {
	if e.Last != nil {
		var result struct{ ErrorMessage string }
		if json.Unmarshal(e.Last.Result, &result) == nil && result.ErrorMessage != "" {
			return result.ErrorMessage
		}
	}
	return e.Condition
}

func (s *Service) done(d *store.Delivery) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := d.Done(ctx); err != nil {
		s.Log.Warn("an event may be run twice", "error", err)
	}
}

func (s *Service) again(d *store.Delivery, after time.Duration) {
	if err := d.Again(after); err != nil {
		s.Log.Warn("an event may be late", "error", err)
	}
}
