package records

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/history"
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

// How many invocations are listed without ?limit=, and at most; the next ones are those
// until the time of the last.
const (
	defaultLimit = 100
	maxLimit     = 10_000
)

// answerInvocations answers with records as a JSON array, the newest first: ?function=
// names whose, ?ending= is how they ended, ?since= and ?until= bound when (a time, or a
// duration ago; a record with just the time of until is not among them), ?limit= how
// many, 100 unless it says otherwise. ?request= asks for one, with its timeline.
func (b *Book) answerInvocations(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	limit := defaultLimit
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			refuse(w, fmt.Errorf("limit: %q is not a number from 1 to %d", text, maxLimit))
			return
		}
		limit = n
	}
	q, err := bounds(query)
	if err != nil {
		refuse(w, err)
		return
	}
	function, ending, request := query.Get("function"), query.Get("ending"), query.Get("request")
	if q.Hint = request; request == "" && function != "" {
		q.Hint = fmt.Sprintf("%q:%q", "function", function)
	}
	found := []Record{}
	for item, err := range b.history.Backward(r.Context(), q) {
		if err != nil {
			fail(w, err)
			return
		}
		v := &item.Value
		if function != "" && v.Function != function || ending != "" && string(v.Ending) != ending || request != "" && v.RequestID != request {
			continue
		}
		found = append(found, of(item, request != ""))
		if len(found) == limit || request != "" {
			break
		}
	}
	answer(w, http.StatusOK, found)
}

// bounds reads since and until.
func bounds(query url.Values) (q history.Query, err error) {
	for name, to := range map[string]*uint64{"since": &q.From, "until": &q.Before} {
		if text := query.Get(name); text != "" {
			at, err := history.When(text, time.Now())
			if err != nil {
				return q, fmt.Errorf("%s: %w", name, err)
			}
			*to = history.Number(at)
		}
	}
	return q, nil
}

// answerUsage answers with what every function has used: since the server started, or
// since a time, or a duration ago, that ?since= gives, as far back as records are kept.
func (b *Book) answerUsage(w http.ResponseWriter, r *http.Request) {
	q, err := bounds(r.URL.Query())
	if err != nil {
		refuse(w, err)
		return
	}
	report := Report{Since: b.since, Region: b.prices.Region, Prices: b.prices.Date, Functions: []Usage{}}
	usage := map[string]*Usage{}
	if q.From > 0 || q.Before > 0 {
		report.Since = time.Unix(0, int64(q.From))
		for item, err := range b.history.Backward(r.Context(), q) {
			if err != nil {
				fail(w, err)
				return
			}
			count(usage, &item.Value)
		}
	} else {
		b.mu.Lock()
		for name, u := range b.usage {
			copied := *u
			usage[name] = &copied
		}
		b.mu.Unlock()
	}
	for _, name := range slices.Sorted(maps.Keys(usage)) {
		report.Functions = append(report.Functions, *usage[name])
	}
	answer(w, http.StatusOK, report)
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

// refuse says what is wrong with a request.
func refuse(w http.ResponseWriter, err error) {
	answer(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
}

// fail says that the history can't be read.
func fail(w http.ResponseWriter, err error) {
	answer(w, http.StatusInternalServerError, map[string]string{"message": "records can't be read: " + err.Error()})
}

// lookEvery is the time between two looks at the environments for those who watch.
const lookEvery = 250 * time.Millisecond

// Limits are what a streamed response is held to, as those who watch one get it.
type Limits struct {
	// Burst bytes flow unpaced, and then Rate bytes a second; a Rate of 0 is no pace.
	Burst int64 `json:"streamBurst"`
	Rate  int64 `json:"streamRate"`
	// Payload bounds the response, in bytes, 0 for no bound.
	Payload int64 `json:"streamedPayload"`
}

// sendEvents sends server-sent events until the client leaves or stop ends: "limits"
// once, "invocation" with each record, and "environments" with all of them, at first and
// when they change.
func (b *Book) sendEvents(w http.ResponseWriter, r *http.Request, stop context.Context) {
	items, _, leave := b.history.Follow()
	defer leave()
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
	q := b.Quotas()
	limits, err := json.Marshal(Limits{q.StreamBurst, q.StreamRate, q.StreamedPayload})
	if err == nil {
		err = send("limits", limits)
	}
	if err == nil {
		err = tell()
	}
	for err == nil && http.NewResponseController(w).Flush() == nil {
		select {
		case item := <-items:
			var text []byte
			if text, err = json.Marshal(of(item, false)); err == nil {
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
