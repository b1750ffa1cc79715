package lambdaapi

import (
	"context"
	"encoding/base64"
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// tailSize is how much of a log a caller gets, in bytes
// (docs/contract/invoke-api.md §2.1).
const tailSize = 4 << 10

// tailTimeout bounds the wait for the end of an invocation whose response is over.
const tailTimeout = 5 * time.Second

// Tails is an Observer that keeps the log of those invocations whose callers ask
// for it. The zero value is ready.
type Tails struct {
	sluice.Observer // what everybody else is told

	mu   sync.Mutex
	open map[string]*tail
}

// tail is the end of one invocation's log.
type tail struct {
	text []byte
	over chan struct{}
}

// Log keeps a line for its tail, if there is one.
func (t *Tails) Log(l sluice.LogLine) {
	if l.Source != sluice.SourceHint {
		t.mu.Lock()
		if open := t.open[l.RequestID]; open != nil {
			open.text = append(append(open.text, l.Text...), '\n')
			if extra := len(open.text) - tailSize; extra > 0 {
				open.text = append(open.text[:0], open.text[extra:]...)
			}
		}
		t.mu.Unlock()
	}
	t.Observer.Log(l)
}

// Invoked ends a tail.
func (t *Tails) Invoked(r sluice.Record) {
	t.mu.Lock()
	if open := t.open[r.RequestID]; open != nil {
		close(open.over)
		delete(t.open, r.RequestID)
	}
	t.mu.Unlock()
	t.Observer.Invoked(r)
}

// begin opens the tail of an invocation.
func (t *Tails) begin(requestID string) *tail {
	open := &tail{over: make(chan struct{})}
	t.mu.Lock()
	if t.open == nil {
		t.open = map[string]*tail{}
	}
	t.open[requestID] = open
	t.mu.Unlock()
	return open
}

// result waits for the end of the invocation and returns its log in base64.
func (t *Tails) result(ctx context.Context, requestID string, open *tail) string {
	timer := time.NewTimer(tailTimeout)
	defer timer.Stop()
	select {
	case <-open.over:
	case <-timer.C:
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, requestID)
	return base64.StdEncoding.EncodeToString(open.text)
}
