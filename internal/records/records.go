// Package records keeps what is known of invocations: the newest ones in full, sums of
// all, and live events for whoever watches.
package records

import (
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/pricing"
)

const (
	// capacity is how many records are kept in full.
	capacity = 10_000
	// backlog is how many events a watcher may be behind before it misses some.
	backlog = 1_000
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
	// Environments tells of every execution environment, in any order.
	Environments func() []environment.Status

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

// Report is what Usage answers.
type Report struct {
	Since time.Time `json:"since"`
	// Region and Prices say which prices the costs are computed with.
	Region    string  `json:"region"`
	Prices    string  `json:"prices"`
	Functions []Usage `json:"functions"`
}
