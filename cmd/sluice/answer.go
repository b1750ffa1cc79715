package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/doctor"
	"github.com/sluice-run/sluice/internal/records"
	"github.com/sluice-run/sluice/internal/stream"
	"github.com/sluice-run/sluice/internal/terminal"
)

// answer prints a function's response: as it comes, or as JSON.
type answer struct {
	s     *session
	flags invokeFlags
	begin time.Time
	// split is nil with --raw.
	split *stream.Splitter
	// told: the prelude is.
	told bool
	// body is what has come, for --json without --stream; last its last byte.
	body     []byte
	last     byte
	arrivals doctor.Timeline

	requestID, version          string
	functionError, errorDetails string
	log                         string
	// record is the server's, nil where it has none, as on AWS.
	record *records.Record
}

func (s *session) newAnswer(flags invokeFlags) *answer {
	a := &answer{s: s, flags: flags, begin: time.Now()}
	if !flags.raw {
		a.split = &stream.Splitter{}
	}
	return a
}

// write takes the next bytes of the response.
func (a *answer) write(p []byte) error {
	if a.split != nil {
		p = a.split.Push(p)
		if err := a.tellPrelude(); err != nil {
			return err
		}
	}
	return a.print(p)
}

// print prints bytes of the body.
func (a *answer) print(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	at := time.Since(a.begin)
	a.arrivals.Add(at, len(p))
	a.last = p[len(p)-1]
	switch {
	case a.flags.json && a.flags.stream:
		return a.line("chunk", struct {
			AtMs float64 `json:"atMs"`
			Size int     `json:"size"`
			content
		}{sluice.Millis(at), len(p), contentOf(p, false)})
	case a.flags.json:
		a.body = append(a.body, p...)
		return nil
	}
	_, err := a.s.stdout.Write(p)
	return err
}

// preludeJSON is a prelude for programs.
type preludeJSON struct {
	StatusCode int                 `json:"statusCode"`
	Headers    map[string][]string `json:"headers"`
	Cookies    []string            `json:"cookies"`
}

func (a *answer) prelude() *preludeJSON {
	if a.split == nil || a.split.Prelude == nil {
		return nil
	}
	p := a.split.Prelude
	j := &preludeJSON{p.StatusCode, map[string][]string{}, append([]string{}, p.Cookies...)}
	for _, h := range append(p.Headers, p.MultiValueHeaders...) {
		j.Headers[h.Name] = append(j.Headers[h.Name], h.Values...)
	}
	return j
}

// tellPrelude says once what stands before the body.
func (a *answer) tellPrelude() error {
	p := a.split.Prelude
	if a.told || p == nil && a.split.Invalid == nil {
		return nil
	}
	a.told = true
	switch {
	case a.split.Invalid != nil:
		fmt.Fprintf(a.s.stderr, "warning: the prelude is not usable, and a Function URL would answer 502: %v\n", a.split.Invalid)
		return nil
	case a.flags.json && a.flags.stream:
		return a.line("prelude", a.prelude())
	case a.flags.json:
		return nil
	}
	lines := []string{strings.TrimSpace(fmt.Sprintf("%d %s", p.StatusCode, http.StatusText(p.StatusCode)))}
	for _, h := range append(p.Headers, p.MultiValueHeaders...) {
		for _, value := range h.Values {
			lines = append(lines, h.Name+": "+value)
		}
	}
	for _, cookie := range p.Cookies {
		lines = append(lines, "set-cookie: "+cookie)
	}
	terminal.Aside(a.s.stderr, a.s.environ, append(lines, "")...)
	return nil
}

// end prints what comes after the response.
func (a *answer) end() error {
	if a.split != nil {
		if err := a.print(a.split.Rest()); err != nil {
			return err
		}
	}
	a.arrivals.Total = time.Since(a.begin)
	if a.flags.json {
		return a.endJSON()
	}
	// A body that goes into a file is that of the answer, byte for byte.
	whole := a.flags.raw || a.told && !terminal.IsTerminal(a.s.stdout)
	if len(a.arrivals.Arrivals) > 0 && a.last != '\n' && !whole {
		if _, err := fmt.Fprintln(a.s.stdout); err != nil {
			return err
		}
	}
	if a.log != "" {
		fmt.Fprintln(a.s.stderr, terminal.Harmless(a.s.stderr, a.s.environ, strings.TrimSuffix(a.log, "\n")))
	}
	if a.flags.timeline {
		a.arrivals.Draw(a.s.stderr)
		summary := a.arrivals.Summary()
		if r := a.record; r != nil {
			summary += ", throttled " + (time.Duration(r.ThrottledMs * float64(time.Millisecond))).Round(time.Millisecond).String() + ", ended " + string(r.Ending)
		}
		fmt.Fprintln(a.s.stderr, summary)
	}
	return nil
}

// outcomeJSON is what is known of a response once it is over.
type outcomeJSON struct {
	RequestID       string `json:"requestId"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError"`
	ErrorDetails    string `json:"errorDetails,omitempty"`
	Log             string `json:"log,omitempty"`
	// Record is what the server knows, with --timeline.
	Record *records.Record `json:"record,omitempty"`
}

func (a *answer) endJSON() error {
	outcome := outcomeJSON{a.requestID, a.version, a.functionError, a.errorDetails, a.log, a.record}
	times := timelineJSON(&a.arrivals)
	if a.flags.stream {
		times.Pieces = nil // each had its line
		return a.line("end", struct {
			outcomeJSON
			*timesJSON
		}{outcome, times})
	}
	if !a.flags.timeline {
		times = nil
	}
	return a.s.printJSON(struct {
		outcomeJSON
		Prelude *preludeJSON `json:"prelude,omitempty"`
		content
		*timesJSON
	}{outcome, a.prelude(), contentOf(a.body, true), times})
}

// line prints an object on a line of its own. about is a struct or a pointer to one.
func (a *answer) line(kind string, about any) error {
	text, err := marshal(about)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.s.stdout, "{\"type\":%q,%s\n", kind, text[1:])
	return err
}

func marshal(v any) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return []byte(strings.TrimSuffix(b.String(), "\n")), err
}

// content is bytes in JSON: as the JSON that they are, as text, or in base64.
type content struct {
	Payload json.RawMessage `json:"payload,omitempty"`
	Text    string          `json:"text,omitempty"`
	Base64  []byte          `json:"base64,omitempty"`
}

// contentOf takes whole bytes for JSON if they are some, and a piece for text.
func contentOf(p []byte, whole bool) content {
	switch {
	case whole && json.Valid(p):
		return content{Payload: p}
	case utf8.Valid(p):
		return content{Text: string(p)}
	}
	return content{Base64: p}
}

// timesJSON is a timeline for programs.
type timesJSON struct {
	FirstByteMs  float64     `json:"firstByteMs"`
	LargestGapMs float64     `json:"largestGapMs"`
	TotalMs      float64     `json:"totalMs"`
	Bytes        int         `json:"bytes"`
	Pieces       []pieceJSON `json:"pieces,omitempty"`
}

// pieceJSON is an arrival for programs.
type pieceJSON struct {
	AtMs float64 `json:"atMs"`
	Size int     `json:"size"`
}

func timelineJSON(t *doctor.Timeline) *timesJSON {
	return &timesJSON{sluice.Millis(t.FirstByte()), sluice.Millis(t.LargestGap()), sluice.Millis(t.Total), t.Bytes(), piecesJSON(t)}
}

func piecesJSON(t *doctor.Timeline) []pieceJSON {
	pieces := []pieceJSON{}
	for _, a := range t.Arrivals {
		pieces = append(pieces, pieceJSON{sluice.Millis(a.At), a.Size})
	}
	return pieces
}
