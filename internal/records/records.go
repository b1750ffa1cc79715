// Package records keeps what is known of invocations: the newest ones in full, sums of
// all, and live events for whoever watches.
package records

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/pricing"
)

const (
	// capacity is how many records are kept in full.
	capacity = 10_000
	// backlog is how many events a watcher may be behind before it misses some.
	backlog = 1_000
)

// Where the handlers belong.
const (
	InvocationsPath = "/_sluice/invocations"
	EventsPath      = "/_sluice/events"
	UsagePath       = "/_sluice/usage"
)

// Record is an invocation as clients get it. Times are milliseconds, sizes bytes unless
// they say MB, the cost is dollars.
type Record struct {
	Time         time.Time         `json:"time"`
	RequestID    string            `json:"requestId"`
	Function     string            `json:"function"`
	Version      string            `json:"version"`
	Stream       string            `json:"stream"`
	Mode         sluice.InvokeMode `json:"mode"`
	InitMs       float64           `json:"initMs"`
	FirstByteMs  float64           `json:"firstByteMs"`
	DurationMs   float64           `json:"durationMs"`
	BilledMs     float64           `json:"billedMs"`
	MemoryMB     int               `json:"memoryMB"`
	MaxMemoryMB  int               `json:"maxMemoryMB"`
	Bytes        int64             `json:"bytes"`
	PastBurst    int64             `json:"pastBurst"`
	ThrottledMs  float64           `json:"throttledMs"`
	Chunks       int64             `json:"chunks"`
	LargestGapMs float64           `json:"largestGapMs"`
	Ending       sluice.Ending     `json:"ending"`
	ErrorType    string            `json:"errorType"`
	Cost         float64           `json:"cost"`
}

// Usage is what a function has used since the server started.
type Usage struct {
	Function    string  `json:"function"`
	Invocations int64   `json:"invocations"`
	Errors      int64   `json:"errors"`
	GBSeconds   float64 `json:"gbSeconds"`
	Bytes       int64   `json:"bytes"`
	PastBurst   int64   `json:"pastBurst"`
	Cost        float64 `json:"cost"`
}

// Book is an Observer that remembers records. It passes everything on.
type Book struct {
	sluice.Observer
	prices *pricing.Table
	since  time.Time

	mu sync.Mutex
	// ring holds the newest records; next is where the next one goes.
	ring     []Record
	next     int
	usage    map[string]*Usage
	watchers map[chan Record]bool
}

// New returns an empty book that computes costs with prices.
func New(next sluice.Observer, prices *pricing.Table) *Book {
	return &Book{Observer: next, prices: prices, since: time.Now(), usage: map[string]*Usage{}, watchers: map[chan Record]bool{}}
}

// Invoked remembers an invocation.
func (b *Book) Invoked(r sluice.Record) {
	record := Record{
		r.Time, r.RequestID, r.Function, r.Version, r.Stream, r.Mode, ms(r.Init), ms(r.FirstByte), ms(r.Duration), ms(r.Billed), r.MemoryMB, r.MaxMemoryMB,
		r.Bytes, r.PastBurst, ms(r.Throttled), r.Chunks, ms(r.LargestGap), r.Ending, r.ErrorType, b.prices.Cost(&r),
	}
	b.mu.Lock()
	if len(b.ring) < capacity {
		b.ring = append(b.ring, record)
	} else {
		b.ring[b.next] = record
	}
	b.next = (b.next + 1) % capacity
	u := b.usage[r.Function]
	if u == nil {
		u = &Usage{Function: r.Function}
		b.usage[r.Function] = u
	}
	u.Invocations++
	if r.ErrorType != "" {
		u.Errors++
	}
	u.GBSeconds += pricing.GBSeconds(&r)
	u.Bytes += r.Bytes
	u.PastBurst += r.PastBurst
	u.Cost += record.Cost
	for watcher := range b.watchers {
		select {
		case watcher <- record:
		default: // it is too slow, and invocations don't wait
		}
	}
	b.mu.Unlock()
	b.Observer.Invoked(r)
}

func ms(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond).Microseconds()) / 1000
}

// newest returns records of a function, of all for "", newest first.
func (b *Book) newest(function string, most int) []Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := []Record{}
	for i := range b.ring {
		r := b.ring[(b.next-1-i+capacity)%capacity]
		if function != "" && r.Function != function {
			continue
		}
		if len(found) == most {
			break
		}
		found = append(found, r)
	}
	return found
}

// Invocations answers with the newest records as a JSON array, newest first:
// ?function= names one, ?limit= bounds how many, 100 unless it says otherwise.
func (b *Book) Invocations(w http.ResponseWriter, r *http.Request) {
	limit := 100
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			answer(w, http.StatusBadRequest, map[string]string{"message": "limit is not a positive number"})
			return
		}
		limit = n
	}
	answer(w, http.StatusOK, b.newest(r.URL.Query().Get("function"), limit))
}

// Usage answers with what every function has used since the server started.
func (b *Book) Usage(w http.ResponseWriter, _ *http.Request) {
	b.mu.Lock()
	functions := []Usage{}
	for _, name := range slices.Sorted(maps.Keys(b.usage)) {
		functions = append(functions, *b.usage[name])
	}
	b.mu.Unlock()
	answer(w, http.StatusOK, Report{b.since, b.prices.Region, b.prices.Date, functions})
}

// Report is what Usage answers.
type Report struct {
	Since time.Time `json:"since"`
	// Region and Prices say which prices the costs are computed with.
	Region    string  `json:"region"`
	Prices    string  `json:"prices"`
	Functions []Usage `json:"functions"`
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

// Events sends records as server-sent events until the client leaves or stop ends.
func (b *Book) Events(stop context.Context) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		watcher := make(chan Record, backlog)
		b.mu.Lock()
		b.watchers[watcher] = true
		b.mu.Unlock()
		defer func() {
			b.mu.Lock()
			delete(b.watchers, watcher)
			b.mu.Unlock()
		}()
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprint(w, ": records of invocations follow\n\n")
		for http.NewResponseController(w).Flush() == nil {
			select {
			case record := <-watcher:
				text, err := json.Marshal(record)
				if err != nil {
					return
				}
				if _, err := fmt.Fprintf(w, "event: invocation\ndata: %s\n\n", text); err != nil {
					return
				}
			case <-r.Context().Done():
				return
			case <-stop.Done():
				return
			}
		}
	}
}
