package serve

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/logbook"
	"github.com/sluice-run/sluice/internal/records"
	"github.com/sluice-run/sluice/internal/runtimes"
	"github.com/sluice-run/sluice/internal/terminal"
)

// restarted serves the data folder of a server that has to be closed first.
func (r *running) restarted(change func(*config.Config)) *running {
	r.t.Helper()
	r.server.Close(r.t.Context())
	return start(r.t, r.data, change)
}

// read decodes the JSON answer of a path.
func read[T any](t *testing.T, ask func(string) *http.Response, path string) T {
	t.Helper()
	resp := ask(path)
	text, err := io.ReadAll(resp.Body)
	var into T
	if err != nil || resp.StatusCode != 200 || json.Unmarshal(text, &into) != nil {
		t.Fatalf("%s: %s %s %v", path, resp.Status, text, err)
	}
	return into
}

// said are the texts of log lines that a function has written.
func said(t *testing.T, ask func(string) *http.Response, query string) (all []string) {
	t.Helper()
	lines := bufio.NewScanner(ask(logbook.Path + query).Body)
	for lines.Scan() {
		var line logbook.Line
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		if line.Source == "function" {
			all = append(all, line.Text[strings.LastIndex(line.Text, "\t")+1:])
		}
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
	return all
}

func TestThePastSurvivesARestart(t *testing.T) {
	r := start(t, "", nil)
	r.create("fn", `export const handler = awslambda.streamifyResponse(async (event, s) => {
	console.log(event.say); s.write('12345'); await new Promise(r => setTimeout(r, 50)); s.end('67890') })`, nil)
	stream := func(say string) {
		t.Helper()
		_, ask := r.asker()
		recorded := bufio.NewScanner(ask(records.EventsPath).Body)
		out, err := r.client.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("fn"), Payload: []byte(`{"say":"` + say + `"}`)})
		if err != nil {
			t.Fatal(err)
		}
		defer out.GetStream().Close()
		for range out.GetStream().Events() {
		}
		for recorded.Scan() {
			if recorded.Text() == "event: invocation" {
				return
			}
		}
		t.Fatalf("the record of %s did not come: %v", say, recorded.Err())
	}
	stream("first")
	stream("second")
	_, ask := r.asker()
	before := read[[]records.Record](t, ask, records.InvocationsPath)
	if len(before) != 2 || before[0].Timeline != nil || !before[0].Ended.After(before[1].Ended) {
		t.Fatalf("%+v", before)
	}

	r = r.restarted(nil)
	_, ask = r.asker()
	after := read[[]records.Record](t, ask, records.InvocationsPath)
	text, _ := json.Marshal(before)
	if again, _ := json.Marshal(after); string(again) != string(text) {
		t.Errorf("%s\nis not\n%s", again, text)
	}
	stream("third")

	// One that is asked for has its timeline and its lines.
	id := before[1].RequestID
	one := read[[]records.Record](t, ask, records.InvocationsPath+"?request="+id)
	if len(one) != 1 || one[0].RequestID != id || len(one[0].Timeline) != 2 {
		t.Fatalf("%+v", one)
	}
	first, last := one[0].Timeline[0], one[0].Timeline[1]
	if first.Bytes != 5 || last.Bytes != 10 || last.At-first.At < 40*time.Millisecond || first.At <= 0 || last.At > time.Duration(one[0].DurationMs*1e6) {
		t.Errorf("%v in %v ms", one[0].Timeline, one[0].DurationMs)
	}
	if lines := said(t, ask, "?request="+id); !slices.Equal(lines, []string{"first"}) {
		t.Errorf("%q", lines)
	}
	if none := read[[]records.Record](t, ask, records.InvocationsPath+"?request=none"); len(none) != 0 {
		t.Errorf("%+v", none)
	}

	// Bounds, pages, filters.
	for query, want := range map[string][]string{
		"": {"first", "second", "third"}, "?lines=0": nil, "?since=1h": {"first", "second", "third"}, "?filter=second": {"second"}, "?function=other": nil,
		"?until=" + before[0].Time.UTC().Format(time.RFC3339Nano): {"first"}, "?since=0s": nil,
		// A runtime's own times are in milliseconds.
		"?since=" + before[0].Time.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano): {"second", "third"}, "?function=fn&lines=4": {"third"},
	} {
		if lines := said(t, ask, query); !slices.Equal(lines, want) {
			t.Errorf("logs%s: %q", query, lines)
		}
	}
	var paged []records.Record
	for until := ""; ; until = "&until=" + paged[len(paged)-1].Ended.Format(time.RFC3339Nano) {
		page := read[[]records.Record](t, ask, records.InvocationsPath+"?limit=1"+until)
		if len(page) == 0 {
			break
		}
		paged = append(paged, page...)
	}
	if len(paged) != 3 || paged[2].RequestID != id {
		t.Errorf("%d records in pages: %+v", len(paged), paged)
	}
	if failed := read[[]records.Record](t, ask, records.InvocationsPath+"?ending=timeout"); len(failed) != 0 {
		t.Errorf("%+v", failed)
	}
	if since := read[[]records.Record](t, ask, records.InvocationsPath+"?since="+before[0].Ended.Format(time.RFC3339Nano)); len(since) != 2 {
		t.Errorf("%+v", since)
	}
	for path, want := range map[string]string{
		records.InvocationsPath + "?since=yesterday": "since: \"yesterday\" is neither", records.InvocationsPath + "?limit=0": "limit", records.UsagePath + "?since=-5m": "future",
		logbook.Path + "?until=x": "until", logbook.Path + "?lines=-1": "lines",
	} {
		resp := ask(path)
		if text, _ := io.ReadAll(resp.Body); resp.StatusCode != 400 || !strings.Contains(string(text), strings.ReplaceAll(want, `"`, `\"`)) {
			t.Errorf("%s: %s %s", path, resp.Status, text)
		}
	}

	// Usage since the start, and since earlier.
	if now := read[records.Report](t, ask, records.UsagePath); len(now.Functions) != 1 || now.Functions[0].Invocations != 1 {
		t.Errorf("%+v", now)
	}
	if all := read[records.Report](t, ask, records.UsagePath+"?since=1h"); len(all.Functions) != 1 || all.Functions[0].Invocations != 3 || all.Functions[0].Bytes != 30 || all.Functions[0].GBSeconds <= 0 {
		t.Errorf("%+v", all)
	}

	events, err := r.cloudWatch().FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/fn"), FilterPattern: aws.String("INFO")})
	if err != nil || len(events.Events) != 3 || !strings.Contains(*events.Events[0].Message, "first") {
		t.Errorf("%v %+v", err, events)
	}

	// What is not to be kept is gone with the server.
	r = r.restarted(func(c *config.Config) { c.History.Age = 0 })
	_, ask = r.asker()
	if kept := read[[]records.Record](t, ask, records.InvocationsPath); len(kept) != 0 {
		t.Errorf("%+v", kept)
	}
}

func TestWithoutRoomForHistoryThereIsTheNewest(t *testing.T) {
	cfg := config.Default()
	cfg.Addr, cfg.Data, cfg.Sandbox, cfg.History.Size = "127.0.0.1:0", t.TempDir(), config.SandboxProcess, 1<<60
	out := terminal.New(io.Discard, terminal.Options{JSON: true})
	defer out.Close()
	var log bytes.Buffer
	s, err := Open(t.Context(), Options{Config: cfg, Terminal: out, Runtimes: &runtimes.Resolver{}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	for _, of := range []string{"of=invocations", "of=logs"} {
		if text := log.String(); !strings.Contains(text, "lower history.size") || !strings.Contains(text, of) {
			t.Errorf("%s", text)
		}
	}
	r := &running{t: t, base: "http://" + s.Addr().String()}
	_, ask := r.asker()
	if kept := read[[]records.Record](t, ask, records.InvocationsPath); len(kept) != 0 {
		t.Errorf("%+v", kept)
	}
}
