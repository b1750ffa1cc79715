// Package logbook keeps the newest log lines of functions and hands new ones to
// whoever follows them.
package logbook

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// capacity is how many lines are kept.
const capacity = 10_000

// backlog is how many lines a follower may be behind before it misses some.
const backlog = 1_000

// Book is an Observer that remembers log lines. It passes everything on.
type Book struct {
	sluice.Observer

	mu sync.Mutex
	// lines is a ring; next is where the next one goes.
	lines []Line
	next  int
	// total counts the lines that there ever were.
	total     uint64
	followers map[chan Line]bool
}

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
	line := Line{l.Time, l.Function, l.Stream, l.RequestID, string(l.Source), l.Level, l.Text}
	b.mu.Lock()
	if len(b.lines) < capacity {
		b.lines = append(b.lines, line)
	} else {
		b.lines[b.next] = line
	}
	b.next = (b.next + 1) % capacity
	b.total++
	for follower := range b.followers {
		select {
		case follower <- line:
		default: // it is too slow, and log lines don't wait
		}
	}
	b.mu.Unlock()
	b.Observer.Log(l)
}

// selection is what a client wants to see.
type selection struct {
	// function is "" for all, filter "" for any text.
	function, filter string
	since            time.Time
}

func (s selection) wants(l Line) bool {
	return (s.function == "" || l.Function == s.function) && !l.Time.Before(s.since) && strings.Contains(l.Text, s.filter)
}

// read returns the newest lines of a selection, oldest first, and follows on with a
// channel if asked to.
func (b *Book) read(s selection, most int, follow bool) ([]Line, chan Line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []Line
	for i := range b.lines {
		line := b.lines[(b.next+i)%len(b.lines)]
		if len(b.lines) < capacity {
			line = b.lines[i]
		}
		if s.wants(line) {
			lines = append(lines, line)
		}
	}
	lines = lines[max(0, len(lines)-most):]
	if !follow {
		return lines, nil
	}
	follower := make(chan Line, backlog)
	if b.followers == nil {
		b.followers = map[chan Line]bool{}
	}
	b.followers[follower] = true
	return lines, follower
}

func (b *Book) leave(follower chan Line) {
	b.mu.Lock()
	delete(b.followers, follower)
	b.mu.Unlock()
}

// Path is where ServeHTTP belongs.
const Path = "/_sluice/logs"

// Handler answers with lines, one JSON object each: ?function= names one, ?filter= is text
// that they hold, ?since= the time (RFC 3339) of the oldest, ?lines= bounds how many old
// ones come first, ?follow=1 goes on until the client leaves or stop ends.
func (b *Book) Handler(stop context.Context) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		most := capacity
		if text := query.Get("lines"); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				http.Error(w, `{"message":"lines is not a number"}`, http.StatusBadRequest)
				return
			}
			most = n
		}
		s := selection{function: query.Get("function"), filter: query.Get("filter")}
		if text := query.Get("since"); text != "" {
			since, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				http.Error(w, `{"message":"since is not a time"}`, http.StatusBadRequest)
				return
			}
			s.since = since
		}
		lines, follower := b.read(s, most, query.Get("follow") == "1")
		w.Header().Set("Content-Type", "application/x-ndjson")
		for _, line := range lines {
			if write(w, line) != nil {
				break
			}
		}
		if follower == nil {
			return
		}
		defer b.leave(follower)
		flush := http.NewResponseController(w).Flush
		for flush() == nil {
			select {
			case line := <-follower:
				if s.wants(line) && write(w, line) != nil {
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

func write(w io.Writer, line Line) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}
