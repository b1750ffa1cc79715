package records

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/sluice-run/sluice/internal/environment"
)

// Where the handlers belong.
const (
	InvocationsPath  = "/_sluice/invocations"
	EnvironmentsPath = "/_sluice/environments"
	EventsPath       = "/_sluice/events"
	UsagePath        = "/_sluice/usage"
)

// Handlers are what clients read, by path. What they follow ends with stop.
func (b *Book) Handlers(stop context.Context) map[string]http.Handler {
	return map[string]http.Handler{
		InvocationsPath:  http.HandlerFunc(b.answerInvocations),
		EnvironmentsPath: http.HandlerFunc(b.answerEnvironments),
		UsagePath:        http.HandlerFunc(b.answerUsage),
		EventsPath:       http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.sendEvents(w, r, stop) }),
	}
}

// answerInvocations answers with the newest records as a JSON array, newest first:
// ?function= names one, ?limit= bounds how many, 100 unless it says otherwise.
func (b *Book) answerInvocations(w http.ResponseWriter, r *http.Request) {
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

// answerUsage answers with what every function has used since the server started.
func (b *Book) answerUsage(w http.ResponseWriter, _ *http.Request) {
	b.mu.Lock()
	functions := []Usage{}
	for _, name := range slices.Sorted(maps.Keys(b.usage)) {
		functions = append(functions, *b.usage[name])
	}
	b.mu.Unlock()
	answer(w, http.StatusOK, Report{b.since, b.prices.Region, b.prices.Date, functions})
}

// environments lists those of a function, of all for "", oldest first.
func (b *Book) environments(function string) []environment.Status {
	all := b.Environments()
	if function != "" {
		all = slices.DeleteFunc(all, func(s environment.Status) bool { return s.Function != function })
	}
	slices.SortFunc(all, func(x, y environment.Status) int {
		return cmp.Or(x.Created.Compare(y.Created), cmp.Compare(x.Stream, y.Stream))
	})
	if all == nil {
		all = []environment.Status{} // an array in JSON
	}
	return all
}

// answerEnvironments answers with the execution environments that there are, oldest
// first: ?function= names whose.
func (b *Book) answerEnvironments(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, b.environments(r.URL.Query().Get("function")))
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

// lookEvery is the time between two looks at the environments for those who watch.
const lookEvery = 250 * time.Millisecond

// sendEvents sends server-sent events until the client leaves or stop ends: "invocation"
// with each record, and "environments" with all of them, at first and when they change.
func (b *Book) sendEvents(w http.ResponseWriter, r *http.Request, stop context.Context) {
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
	send := func(event string, data []byte) error {
		_, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, data)
		return err
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var last []byte
	tell := func() error {
		now, err := json.Marshal(b.environments(""))
		if err == nil && !bytes.Equal(now, last) {
			last, err = now, send("environments", now)
		}
		return err
	}
	err := tell()
	for err == nil && http.NewResponseController(w).Flush() == nil {
		select {
		case record := <-watcher:
			var text []byte
			if text, err = json.Marshal(record); err == nil {
				err = send("invocation", text)
			}
		case <-look.C:
			err = tell()
		case <-r.Context().Done():
			return
		case <-stop.Done():
			return
		}
	}
}
