package logbook

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/registry"
)

// This file answers the reading part of CloudWatch Logs, so that `aws logs tail` and
// `sam logs` work.

// targetPrefix begins the header X-Amz-Target of its requests.
const targetPrefix = "Logs_20140328."

// MatchCloudWatch reports whether a request is one for CloudWatch Logs.
func MatchCloudWatch(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == "/" && strings.HasPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
}

const (
	// maxRequest bounds a request, in bytes.
	maxRequest = 1 << 20
	// maxEvents is how many events an answer has at most, as on AWS.
	maxEvents = 10_000
)

// cloudError is an error in the form of AWS's JSON protocol.
type cloudError struct{ kind, message string }

func (e *cloudError) Error() string { return e.kind + ": " + e.message }

// CloudWatch answers requests for the log groups of the functions of a registry.
func (b *Book) CloudWatch(functions *registry.Registry) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["x-amzn-RequestId"] = []string{sluice.NewRequestID()}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		groups, err := groupsOf(functions)
		var document any
		if err == nil {
			document, err = b.cloudWatch(r, groups)
		}
		if err != nil {
			refused, ok := err.(*cloudError)
			if !ok {
				refused = &cloudError{"InvalidParameterException", err.Error()}
			}
			w.WriteHeader(http.StatusBadRequest)
			json.NewEncoder(w).Encode(map[string]string{"__type": refused.kind, "message": refused.message})
			return
		}
		json.NewEncoder(w).Encode(document)
	})
}

// groupsOf returns log groups by function name.
func groupsOf(r *registry.Registry) (map[string]string, error) {
	functions, err := r.Functions()
	if err != nil {
		return nil, err
	}
	groups := map[string]string{}
	for _, f := range functions {
		groups[f.Name] = f.Latest.Logging.Group
	}
	return groups, nil
}

// cloudRequest has the members of all operations.
type cloudRequest struct {
	LogGroupName, LogGroupIdentifier, LogGroupNamePrefix string
	LogStreamName, LogStreamNamePrefix                   string
	LogStreamNames                                       []string
	StartTime, EndTime                                   *int64
	FilterPattern, NextToken                             string
	Limit                                                int
	StartFromHead, Descending                            bool
}

func (b *Book) cloudWatch(r *http.Request, groups map[string]string) (any, error) {
	var in cloudRequest
	data, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxRequest))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf("the request is not JSON: %w", err)
	}
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	if operation == "DescribeLogGroups" {
		return describeGroups(in, groups), nil
	}
	group := in.LogGroupName
	if group == "" {
		group = in.LogGroupIdentifier
	}
	if i := strings.Index(group, ":log-group:"); i >= 0 { // an ARN
		group = strings.TrimSuffix(group[i+len(":log-group:"):], ":*")
	}
	var functions []string
	for name, of := range groups {
		if of == group {
			functions = append(functions, name)
		}
	}
	if len(functions) == 0 {
		return nil, &cloudError{"ResourceNotFoundException", "The specified log group does not exist."}
	}
	switch operation {
	case "FilterLogEvents":
		return b.filterEvents(in, functions)
	case "GetLogEvents":
		return b.getEvents(in, functions)
	case "DescribeLogStreams":
		return b.describeStreams(in, functions), nil
	}
	return nil, &cloudError{"UnknownOperationException", operation + " is not served here; served are FilterLogEvents, GetLogEvents, DescribeLogStreams and DescribeLogGroups"}
}

func describeGroups(in cloudRequest, groups map[string]string) any {
	type group struct {
		LogGroupName string `json:"logGroupName"`
	}
	found := []group{}
	for _, name := range groups {
		if strings.HasPrefix(name, in.LogGroupNamePrefix) && !slices.Contains(found, group{name}) {
			found = append(found, group{name})
		}
	}
	slices.SortFunc(found, func(a, b group) int { return strings.Compare(a.LogGroupName, b.LogGroupName) })
	return map[string]any{"logGroups": found}
}

// numbered is a line with a number that is its own for ever.
type numbered struct {
	Line
	number uint64
}

// of returns the lines of functions, oldest first.
func (b *Book) of(functions []string) []numbered {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []numbered
	for i := range b.lines {
		line := b.lines[i]
		if len(b.lines) == capacity {
			line = b.lines[(b.next+i)%capacity]
		}
		if line.Source != string(sluice.SourceHint) && slices.Contains(functions, line.Function) {
			all = append(all, numbered{line, b.total - uint64(len(b.lines)) + uint64(i)})
		}
	}
	return all
}

type cloudEvent struct {
	LogStreamName string `json:"logStreamName,omitempty"`
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
	EventID       string `json:"eventId,omitempty"`
}

func eventOf(n numbered) cloudEvent {
	at := n.Time.UnixMilli()
	// AWS's are 56 digits; those who sort them sort ours too.
	return cloudEvent{n.Stream, at, n.Text + "\n", at, fmt.Sprintf("%056d", n.number)}
}

// within tells whether a line is in the time that was asked for.
func (in cloudRequest) within(t time.Time) bool {
	at := t.UnixMilli()
	return (in.StartTime == nil || at >= *in.StartTime) && (in.EndTime == nil || at <= *in.EndTime)
}

var errToken = &cloudError{"InvalidParameterException", "The specified nextToken is invalid."}

func number(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, errToken
	}
	return n, nil
}

func (in cloudRequest) limit() int {
	if in.Limit <= 0 {
		return maxEvents
	}
	return min(in.Limit, maxEvents)
}

func (b *Book) filterEvents(in cloudRequest, functions []string) (any, error) {
	matches, err := pattern(in.FilterPattern)
	if err != nil {
		return nil, err
	}
	from := uint64(0)
	if in.NextToken != "" {
		if from, err = number(in.NextToken); err != nil {
			return nil, err
		}
	}
	answer := struct {
		Events    []cloudEvent `json:"events"`
		Searched  []string     `json:"searchedLogStreams"`
		NextToken string       `json:"nextToken,omitempty"`
	}{Events: []cloudEvent{}, Searched: []string{}}
	for _, n := range b.of(functions) {
		if n.number < from || !in.within(n.Time) || !strings.HasPrefix(n.Stream, in.LogStreamNamePrefix) ||
			len(in.LogStreamNames) > 0 && !slices.Contains(in.LogStreamNames, n.Stream) || !matches(n.Text) {
			continue
		}
		if len(answer.Events) == in.limit() {
			answer.NextToken = strconv.FormatUint(n.number, 10)
			break
		}
		answer.Events = append(answer.Events, eventOf(n))
	}
	return answer, nil
}

func (b *Book) getEvents(in cloudRequest, functions []string) (any, error) {
	// A token is the number of the line at which a page begins, or before which it ends.
	forward, text := in.StartFromHead, ""
	switch {
	case strings.HasPrefix(in.NextToken, "f/"):
		forward, text = true, in.NextToken[2:]
	case strings.HasPrefix(in.NextToken, "b/"):
		forward, text = false, in.NextToken[2:]
	case in.NextToken != "":
		return nil, errToken
	}
	lines := slices.DeleteFunc(b.of(functions), func(n numbered) bool { return n.Stream != in.LogStreamName })
	if len(lines) == 0 {
		return nil, &cloudError{"ResourceNotFoundException", "The specified log stream does not exist."}
	}
	first, end := lines[0].number, lines[len(lines)-1].number+1
	if text != "" {
		at, err := number(text)
		if err != nil {
			return nil, err
		}
		if first = at; !forward {
			first, end = 0, at
		}
	}
	lines = slices.DeleteFunc(lines, func(n numbered) bool { return n.number < first || n.number >= end || !in.within(n.Time) })
	switch most := in.limit(); {
	case len(lines) > most && forward:
		lines = lines[:most]
	case len(lines) > most:
		lines = lines[len(lines)-most:]
	}
	switch {
	case len(lines) > 0:
		first, end = lines[0].number, lines[len(lines)-1].number+1
	case forward:
		end = first
	default:
		first = end
	}
	events := []cloudEvent{}
	for _, n := range lines {
		e := eventOf(n)
		e.LogStreamName, e.EventID = "", ""
		events = append(events, e)
	}
	return map[string]any{"events": events, "nextForwardToken": fmt.Sprintf("f/%d", end), "nextBackwardToken": fmt.Sprintf("b/%d", first)}, nil
}

type cloudStream struct {
	LogStreamName  string `json:"logStreamName"`
	CreationTime   int64  `json:"creationTime"`
	FirstTimestamp int64  `json:"firstEventTimestamp"`
	LastTimestamp  int64  `json:"lastEventTimestamp"`
	LastIngestion  int64  `json:"lastIngestionTime"`
}

func (b *Book) describeStreams(in cloudRequest, functions []string) any {
	streams := []cloudStream{}
	for _, n := range b.of(functions) {
		at := n.Time.UnixMilli()
		i := slices.IndexFunc(streams, func(s cloudStream) bool { return s.LogStreamName == n.Stream })
		if i < 0 {
			if strings.HasPrefix(n.Stream, in.LogStreamNamePrefix) {
				streams = append(streams, cloudStream{n.Stream, at, at, at, at})
			}
			continue
		}
		streams[i].LastTimestamp, streams[i].LastIngestion = at, at
	}
	if in.Descending {
		slices.Reverse(streams)
	}
	return map[string]any{"logStreams": streams[:min(len(streams), in.limit())]}
}

// pattern reads a filter pattern of words: all of them have to be there, those after ? at
// least one, those after - none; a phrase is in quotes.
func pattern(text string) (func(string) bool, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		return nil, &cloudError{"InvalidParameterException", "Filter patterns of JSON and of fields are not supported here; write words, ?any -none \"a phrase\"."}
	}
	var all, some, none []string
	for text != "" {
		to := &all
		switch text[0] {
		case '?':
			to, text = &some, text[1:]
		case '-':
			to, text = &none, text[1:]
		}
		var word string
		if rest, quoted := strings.CutPrefix(text, `"`); quoted {
			var closed bool
			if word, text, closed = strings.Cut(rest, `"`); !closed {
				return nil, &cloudError{"InvalidParameterException", "Invalid filter pattern: a quote is not closed."}
			}
		} else {
			word, text, _ = strings.Cut(text, " ")
		}
		if word != "" {
			*to = append(*to, word)
		}
		text = strings.TrimLeft(text, " ")
	}
	return func(line string) bool {
		holds := func(word string) bool { return strings.Contains(line, word) }
		return !slices.ContainsFunc(all, func(w string) bool { return !holds(w) }) && (len(some) == 0 || slices.ContainsFunc(some, holds)) && !slices.ContainsFunc(none, holds)
	}, nil
}
