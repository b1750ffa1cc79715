// Package logbook keeps the newest log lines of functions and hands new ones to
// whoever follows them.
package logbook

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unsafe"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/history"
	"github.com/sluice-run/sluice/internal/store"
)

const (
	// capacity is how many lines are in memory, as far as maxBytes hold them.
	capacity = 10_000
	maxBytes = 64 << 20
)

// Book is an Observer that remembers log lines. It passes everything on.
type Book struct {
	sluice.Observer
	history *history.Log[Line]
}

// New returns an empty book in front of next.
func New(next sluice.Observer) *Book {
	return &Book{next, history.New(history.Options[Line]{Items: capacity, Bytes: maxBytes, Size: size})}
}

// size is about how much memory a line takes, in bytes.
func size(l *Line) int64 { return int64(unsafe.Sizeof(*l)) + int64(len(l.Text)) }

// Keep keeps lines in a journal too; Close ends that.
func (b *Book) Keep(ctx context.Context, journal *store.Journal, log *slog.Logger) error {
	return b.history.Keep(ctx, journal, log)
}

// Close writes what is not in the journal yet until ctx ends.
func (b *Book) Close(ctx context.Context) { b.history.Close(ctx) }

// Line is a log line as clients get it.
type Line struct {
	Time      time.Time `json:"time"`
	Function  string    `json:"function"`
	Stream    string    `json:"stream"`
	RequestID string    `json:"requestId"`
	// Source is function, platform or hint.
	Source string `json:"source"`
	Level  string `json:"level,omitempty"`
	Text   string `json:"text"`
}

// Log remembers a line.
func (b *Book) Log(l sluice.LogLine) {
	b.history.Add(Line{l.Time, l.Function, l.Stream, l.RequestID, string(l.Source), l.Level, l.Text})
	b.Observer.Log(l)
}

// selection is what a client wants to see.
type selection struct {
	// Each is "" for any.
	function, request, filter string
	history.Query
	// since is the time of the oldest.
	since time.Time
	// most is how many old lines come at most, those of the end, or -1 for all.
	most   int
	follow bool
}

func (s *selection) wants(l *Line) bool {
	return (s.function == "" || l.Function == s.function) && (s.request == "" || l.RequestID == s.request) &&
		!l.Time.Before(s.since) && strings.Contains(l.Text, s.filter)
}

// selected reads what a client asks for.
func selected(query url.Values) (*selection, error) {
	s := &selection{function: query.Get("function"), request: query.Get("request"), filter: query.Get("filter"), follow: query.Get("follow") == "1", most: capacity}
	if s.Hint = s.request; s.request == "" && s.function != "" {
		s.Hint = hint("function", s.function)
	}
	if text := query.Get("since"); text != "" {
		at, err := history.When(text, time.Now())
		if err != nil {
			return nil, fmt.Errorf("since: %w", err)
		}
		s.since, s.From, s.most = at, history.Number(at), -1
	}
	if text := query.Get("until"); text != "" {
		at, err := history.When(text, time.Now())
		if err != nil {
			return nil, fmt.Errorf("until: %w", err)
		}
		s.Before = history.Number(at)
	}
	if text := query.Get("lines"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("lines: %q is not a number", text)
		}
		s.most = n
	}
	return s, nil
}

// hint is how a member looks in a line's JSON.
func hint(name, value string) string {
	text, _ := json.Marshal(value) // a string can't fail
	return strconv.Quote(name) + ":" + string(text)
}

// old yields the old lines of a selection, oldest first.
func (b *Book) old(ctx context.Context, s *selection) iter.Seq2[*Line, error] {
	return func(yield func(*Line, error) bool) {
		if s.most < 0 {
			for item, err := range b.history.Forward(ctx, s.Query) {
				if (err != nil || s.wants(&item.Value)) && !yield(&item.Value, err) {
					return
				}
			}
			return
		}
		var lines []Line
		for item, err := range b.history.Backward(ctx, s.Query) {
			if err != nil {
				yield(nil, err)
				return
			}
			if len(lines) == s.most {
				break
			}
			if s.wants(&item.Value) {
				lines = append(lines, item.Value)
			}
		}
		for i := len(lines) - 1; i >= 0; i-- {
			if !yield(&lines[i], nil) {
				return
			}
		}
	}
}

// Path is where Handler belongs.
const Path = "/_sluice/logs"

// Handler answers with lines, one JSON object each, oldest first: ?function= names one,
// ?request= is an invocation's id, ?filter= is text that they hold, ?since= and ?until=
// bound their time (a time, or a duration ago), ?lines= how many old ones come first,
// the newest; ?follow=1 goes on until the client leaves or stop ends.
func (b *Book) Handler(stop context.Context) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := selected(r.URL.Query())
		if err != nil {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			json.NewEncoder(w).Encode(map[string]string{"message": err.Error()})
			return
		}
		var fresh <-chan history.Item[Line]
		if s.follow {
			items, after, leave := b.history.Follow()
			defer leave()
			fresh, s.Before = items, after+1
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		out := bufio.NewWriter(w)
		for line, err := range b.old(r.Context(), s) {
			if err != nil || write(out, line) != nil {
				// What has been sent can't be taken back, so it must look broken.
				panic(http.ErrAbortHandler)
			}
		}
		if out.Flush() != nil || fresh == nil {
			return
		}
		flush := http.NewResponseController(w).Flush
		for flush() == nil {
			select {
			case item := <-fresh:
				if s.wants(&item.Value) && write(w, &item.Value) != nil {
					return
				}
			case <-r.Context().Done():
				return
			case <-stop.Done():
				return
			}
		}
	})
}

func write(w io.Writer, line *Line) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}
