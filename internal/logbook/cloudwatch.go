package logbook

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/history"
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

// Action is what a policy has to allow for a request that MatchCloudWatch matches.
func Action(r *http.Request) string {
	return "logs:" + strings.TrimPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
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
			status, refused := http.StatusBadRequest, (*cloudError)(nil)
			if !errors.As(err, &refused) {
				status, refused = http.StatusServiceUnavailable, &cloudError{"ServiceUnavailableException", "The log can't be read: " + err.Error()}
			}
			w.WriteHeader(status)
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
	FilterPattern, NextToken, OrderBy                    string
	Limit                                                int
	StartFromHead, Descending                            bool
}

func (b *Book) cloudWatch(r *http.Request, groups map[string]string) (any, error) {
	var in cloudRequest
	data, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxRequest))
	if err != nil {
		return nil, &cloudError{"SerializationException", "The request can't be read: " + err.Error()}
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, &cloudError{"SerializationException", "The request is not JSON: " + err.Error()}
	}
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	switch operation {
	case "DescribeLogGroups":
		return describeGroups(in, groups), nil
	case "FilterLogEvents", "GetLogEvents", "DescribeLogStreams":
	default:
		return nil, &cloudError{"UnknownOperationException", operation + " is not served here; served are FilterLogEvents, GetLogEvents, DescribeLogStreams and DescribeLogGroups"}
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
		return b.filterEvents(r.Context(), in, functions)
	case "GetLogEvents":
		return b.getEvents(r.Context(), in, functions)
	}
	return b.describeStreams(r.Context(), in, functions)
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

// query bounds what is read for a request, of one function or several. A stream is of one.
func (in cloudRequest) query(functions []string, stream string) history.Query {
	var q history.Query
	switch {
	case stream != "":
		q.Hint = hint("stream", stream)
	case len(functions) == 1:
		q.Hint = hint("function", functions[0])
	}
	if in.StartTime != nil {
		q.From = history.Number(time.UnixMilli(*in.StartTime))
	}
	return q
}

// has tells whether a line is in the log group of functions.
func has(functions []string, l *Line) bool {
	return l.Source != string(sluice.SourceHint) && slices.Contains(functions, l.Function)
}

type cloudEvent struct {
	LogStreamName string `json:"logStreamName,omitempty"`
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
	EventID       string `json:"eventId,omitempty"`
}

func eventOf(item history.Item[Line]) cloudEvent {
	l, at := &item.Value, item.Value.Time.UnixMilli()
	// AWS's ids are 56 digits; those who sort them sort ours too.
	return cloudEvent{l.Stream, at, l.Text + "\n", at, fmt.Sprintf("%056d", item.Number)}
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

func (b *Book) filterEvents(ctx context.Context, in cloudRequest, functions []string) (any, error) {
	matches, err := pattern(in.FilterPattern)
	if err != nil {
		return nil, err
	}
	q := in.query(functions, "")
	if in.NextToken != "" {
		if q.From, err = number(in.NextToken); err != nil {
			return nil, err
		}
	}
	answer := struct {
		Events    []cloudEvent `json:"events"`
		Searched  []string     `json:"searchedLogStreams"`
		NextToken string       `json:"nextToken,omitempty"`
	}{Events: []cloudEvent{}, Searched: []string{}}
	for item, err := range b.history.Forward(ctx, q) {
		if err != nil {
			return nil, err
		}
		l := &item.Value
		if !has(functions, l) || !in.within(l.Time) || !strings.HasPrefix(l.Stream, in.LogStreamNamePrefix) ||
			len(in.LogStreamNames) > 0 && !slices.Contains(in.LogStreamNames, l.Stream) || !matches(l.Text) {
			continue
		}
		if len(answer.Events) == in.limit() {
			answer.NextToken = strconv.FormatUint(item.Number, 10)
			break
		}
		answer.Events = append(answer.Events, eventOf(item))
	}
	return answer, nil
}

func (b *Book) getEvents(ctx context.Context, in cloudRequest, functions []string) (any, error) {
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
	q := in.query(functions, in.LogStreamName)
	read := b.history.Backward
	if forward {
		read = b.history.Forward
	}
	var at uint64
	if text != "" {
		var err error
		if at, err = number(text); err != nil {
			return nil, err
		}
		if forward {
			q.From = max(q.From, at)
		} else {
			q.Before = at
		}
	}
	found, exists := []history.Item[Line]{}, text != ""
	for item, err := range read(ctx, q) {
		if err != nil {
			return nil, err
		}
		if l := &item.Value; l.Stream != in.LogStreamName || !has(functions, l) {
			continue
		}
		exists = true
		if !in.within(item.Value.Time) {
			continue
		}
		if len(found) == in.limit() {
			break
		}
		found = append(found, item)
	}
	if !exists {
		return nil, &cloudError{"ResourceNotFoundException", "The specified log stream does not exist."}
	}
	if !forward {
		slices.Reverse(found)
	}
	first, end := at, at
	events := []cloudEvent{}
	for i, item := range found {
		if i == 0 {
			first = item.Number
		}
		end = item.Number + 1
		e := eventOf(item)
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

func (b *Book) describeStreams(ctx context.Context, in cloudRequest, functions []string) (any, error) {
	streams, places := []cloudStream{}, map[string]int{}
	for item, err := range b.history.Forward(ctx, in.query(functions, "")) {
		if err != nil {
			return nil, err
		}
		l := &item.Value
		if !has(functions, l) || !strings.HasPrefix(l.Stream, in.LogStreamNamePrefix) {
			continue
		}
		at := l.Time.UnixMilli()
		i, known := places[l.Stream]
		if !known {
			i = len(streams)
			places[l.Stream] = i
			streams = append(streams, cloudStream{LogStreamName: l.Stream, CreationTime: at, FirstTimestamp: at})
		}
		streams[i].LastTimestamp, streams[i].LastIngestion = at, at
	}
	slices.SortStableFunc(streams, func(x, y cloudStream) int {
		order := strings.Compare(x.LogStreamName, y.LogStreamName)
		if in.OrderBy == "LastEventTime" {
			order = cmp.Compare(x.LastTimestamp, y.LastTimestamp)
		}
		if in.Descending {
			return -order
		}
		return order
	})
	page := 50 // AWS's default
	if in.Limit > 0 {
		page = min(in.Limit, page)
	}
	begin := 0
	if in.NextToken != "" {
		n, err := number(in.NextToken)
		if err != nil || n > uint64(len(streams)) {
			return nil, errToken
		}
		begin = int(n)
	}
	end := min(len(streams), begin+page)
	answer := map[string]any{"logStreams": streams[begin:end]}
	if end < len(streams) {
		answer["nextToken"] = strconv.Itoa(end)
	}
	return answer, nil
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
