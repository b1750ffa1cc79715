// Package records keeps what is known of invocations: the newest ones in full, sums of
// all, and live events for whoever watches.
package records

import (
	"context"
	"log/slog"
	"sync"
	"time"
	"unsafe"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/history"
	"github.com/sluice-run/sluice/internal/pricing"
	"github.com/sluice-run/sluice/internal/store"
)

const (
	// capacity is how many records are in memory, as far as maxBytes hold them.
	capacity = 10_000
	maxBytes = 64 << 20
)

// Record is an invocation as clients get it.
type Record struct {
	Time time.Time `json:"time"`
	sluice.Summary
	// GBSeconds is the memory over the billed duration.
	GBSeconds float64 `json:"gbSeconds"`
	// Cost is in US dollars.
	Cost float64 `json:"cost"`
	// Ended is when the invocation was over; no two have the same.
	Ended time.Time `json:"ended,omitzero"`
	// Timeline is how a streamed response came; only who asks for one record gets it.
	Timeline []sluice.Point `json:"timeline,omitempty"`
}

// Usage is what a function has used in the time of its report.
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
	// Quotas are what responses are held to.
	Quotas func() sluice.Quotas

	prices  *pricing.Table
	since   time.Time
	history *history.Log[Record]

	mu sync.Mutex
	// usage since the book was opened, by function.
	usage map[string]*Usage
}

// New returns an empty book that computes costs with prices.
func New(next sluice.Observer, prices *pricing.Table) *Book {
	kept := history.New(history.Options[Record]{Items: capacity, Bytes: maxBytes, Size: size})
	return &Book{Observer: next, prices: prices, since: time.Now(), history: kept, usage: map[string]*Usage{}}
}

// size is about how much memory a record takes, in bytes.
func size(r *Record) int64 {
	return int64(unsafe.Sizeof(*r)) + int64(len(r.Function)+len(r.Stream)+len(r.ErrorType)) + int64(len(r.Timeline))*int64(unsafe.Sizeof(sluice.Point{}))
}

// Keep keeps records in a journal too; Close ends that.
func (b *Book) Keep(ctx context.Context, journal *store.Journal, log *slog.Logger) error {
	return b.history.Keep(ctx, journal, log)
}

// Close writes what is not in the journal yet until ctx ends.
func (b *Book) Close(ctx context.Context) { b.history.Close(ctx) }

// Invoked remembers an invocation.
func (b *Book) Invoked(r sluice.Record) {
	record := Record{Time: r.Time, Summary: r.Summary(), Cost: b.prices.Cost(&r), GBSeconds: pricing.GBSeconds(&r), Timeline: r.Timeline}
	b.history.Add(record)
	b.mu.Lock()
	count(b.usage, &record)
	b.mu.Unlock()
	b.Observer.Invoked(r)
}

// count adds a record to what its function has used.
func count(usage map[string]*Usage, r *Record) {
	u := usage[r.Function]
	if u == nil {
		u = &Usage{Function: r.Function}
		usage[r.Function] = u
	}
	u.Invocations++
	if r.ErrorType != "" {
		u.Errors++
	}
	u.GBSeconds += r.GBSeconds
	u.Bytes += r.Bytes
	u.PastBurst += r.PastBurst
	u.Cost += r.Cost
}

// of completes a record with what its history knows.
func of(item history.Item[Record], timeline bool) Record {
	r := item.Value
	r.Ended = time.Unix(0, int64(item.Number)).UTC()
	if !timeline {
		r.Timeline = nil
	}
	return r
}

// Report is what Usage answers.
type Report struct {
	Since time.Time `json:"since"`
	// Region and Prices say which prices the costs are computed with.
	Region    string  `json:"region"`
	Prices    string  `json:"prices"`
	Functions []Usage `json:"functions"`
}
