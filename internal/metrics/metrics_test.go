package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/environment"
)

type nobody struct{}

func (nobody) Log(sluice.LogLine)     {}
func (nobody) Invoked(sluice.Record)  {}
func (nobody) Answered(sluice.Access) {}

type refusing struct{ error }

func (r refusing) Invoke(context.Context, *sluice.Invocation) (*sluice.Response, error) {
	return nil, r.error
}

// family is a metric as an answer has it.
type family struct {
	kind, help string
	labels     []string
}

var (
	comment = regexp.MustCompile(`^# (HELP|TYPE) (\S+) (.*)$`)
	sample  = regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? \S+$`)
	label   = regexp.MustCompile(`([a-z_]+)="[^"]*"`)
)

// answered is the text of an answer that has a value for every metric.
func answered(t *testing.T) string {
	t.Helper()
	o := New(nobody{}, Gauges{
		Environments: func() []environment.Status {
			return []environment.Status{
				{Function: "fn", State: environment.Busy, Mode: sluice.ResponseStream},
				{Function: "fn", State: environment.Busy, Mode: sluice.Buffered},
				{Function: "fn", State: environment.Idle},
			}
		},
		Depth: func(context.Context) (int, error) { return 7, nil },
	})
	o.Invoked(sluice.Record{
		Function: "fn", Ending: sluice.EndingTimeout, Init: 20 * time.Millisecond, FirstByte: 3 * time.Millisecond, Duration: 2 * time.Second, Billed: 2 * time.Second,
		MemoryMB: 512, Bytes: 70, PastBurst: 30, Throttled: 1500 * time.Millisecond, Chunks: 2, LargestGap: 700 * time.Millisecond,
	})
	o.Answered(sluice.Access{Function: "fn", Status: 502})
	for _, err := range []error{sluice.ErrThrottled(sluice.ThrottleReserved), sluice.ErrNotFound("arn"), nil} {
		o.Invoker(refusing{err}).Invoke(t.Context(), &sluice.Invocation{Function: "fn"})
	}
	return scrape(o)
}

func scrape(o *Observer) string {
	w := httptest.NewRecorder()
	o.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, Path, nil))
	return w.Body.String()
}

// families reads an answer.
func families(t *testing.T, text string) map[string]*family {
	t.Helper()
	all := map[string]*family{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if match := comment.FindStringSubmatch(line); match != nil {
			if all[match[2]] == nil {
				all[match[2]] = &family{}
			}
			if f := all[match[2]]; match[1] == "HELP" {
				f.help = match[3]
			} else {
				f.kind = match[3]
			}
			continue
		}
		match := sample.FindStringSubmatch(line)
		if match == nil {
			t.Fatalf("%q is not a sample", line)
		}
		f := familyOf(all, match[1])
		if f == nil {
			t.Fatalf("%s has no type", match[1])
		}
		for _, l := range label.FindAllStringSubmatch(match[2], -1) {
			if !slices.Contains(f.labels, l[1]) {
				f.labels = append(f.labels, l[1])
			}
		}
	}
	return all
}

// familyOf finds the family of a series, nil if there is none: a histogram has three.
func familyOf(all map[string]*family, name string) *family {
	if f := all[name]; f != nil && f.kind != "histogram" {
		return f
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, suffix); ok && all[base] != nil && (all[base].kind == "histogram" || all[base].kind == "summary") {
			return all[base]
		}
	}
	return nil
}

func TestWhatHappensIsMeasured(t *testing.T) {
	text := answered(t)
	for _, want := range []string{
		`sluice_invocations_total{ending="timeout",function="fn"} 1`,
		`sluice_throttles_total{function="fn",reason="ReservedFunctionConcurrentInvocationLimitExceeded"} 1`,
		`sluice_requests_total{function="fn",status="502"} 1`,
		`sluice_response_bytes_total{function="fn"} 70`,
		`sluice_response_past_burst_bytes_total{function="fn"} 30`,
		`sluice_response_throttled_seconds_total{function="fn"} 1.5`,
		`sluice_billed_gigabyte_seconds_total{function="fn"} 1`,
		`sluice_invocation_first_byte_seconds_bucket{function="fn",le="0.005"} 1`,
		`sluice_invocation_duration_seconds_sum{function="fn"} 2`,
		`sluice_init_duration_seconds_sum{function="fn"} 0.02`,
		`sluice_response_largest_gap_seconds_sum{function="fn"} 0.7`,
		`sluice_environments{function="fn",state="busy"} 2`,
		`sluice_environments{function="fn",state="idle"} 1`,
		`sluice_environments{function="fn",state="starting"} 0`,
		`sluice_streams_open{function="fn"} 1`,
		`sluice_queued_events 7`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	if n := strings.Count(text, "\nsluice_throttles_total{"); n != 1 {
		t.Errorf("%d kinds of throttles: other refusals are none", n)
	}
}

func TestAQueueOfUnknownLengthHasNone(t *testing.T) {
	o := New(nobody{}, Gauges{Environments: func() []environment.Status { return nil }, Depth: func(context.Context) (int, error) { return 0, errors.New("gone") }})
	if text := scrape(o); strings.Contains(text, "sluice_queued_events") || !strings.Contains(text, "go_goroutines ") {
		t.Errorf("%s", text)
	}
}

// The document's table and a real answer name the same metrics, types, labels and
// meanings.
func TestTheDocumentListsTheMetrics(t *testing.T) {
	documented := map[string]family{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| ([\\w, ]*)\\| (.+) \\|$").FindAllStringSubmatch(read(t, "METRICS.md"), -1) {
		documented[row[1]] = family{row[2], row[4], slices.Sorted(slices.Values(strings.FieldsFunc(row[3], func(r rune) bool { return r == ',' || r == ' ' })))}
	}
	for name, f := range families(t, answered(t)) {
		if !strings.HasPrefix(name, "sluice_") {
			continue
		}
		labels := slices.Sorted(slices.Values(slices.DeleteFunc(f.labels, func(l string) bool { return l == "le" })))
		d, ok := documented[name]
		if delete(documented, name); !ok || d.kind != f.kind || d.help != f.help || !slices.Equal(d.labels, labels) {
			t.Errorf("docs/METRICS.md has %+v for %s, an answer %s %q %q", d, name, f.kind, f.help, labels)
		}
	}
	for name := range documented {
		t.Errorf("docs/METRICS.md names %s, which no answer has", name)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// dashboard is what matters here of docs/grafana.json.
type dashboard struct {
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []struct {
		ID          int
		Title, Type string
		Datasource  struct{ UID string }
		GridPos     struct{ X, Y, W, H int }
		Targets     []struct {
			RefID, Expr, LegendFormat string
			Datasource                struct{ UID string }
		}
	}
}

func TestTheDashboardShowsWhatThereIs(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "grafana.json")), &d); err != nil {
		t.Fatal(err)
	}
	all := families(t, answered(t))
	unseen := map[string]bool{}
	for name := range all {
		if strings.HasPrefix(name, "sluice_") {
			unseen[name] = true
		}
	}
	variables := map[string]bool{"__rate_interval": true}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
	}
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			query := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(v.Definition)
			if query == nil {
				t.Errorf("variable %s: %q asks for no label", v.Name, v.Definition)
				continue
			}
			for _, problem := range check(all, variables, "sum by ("+query[2]+") ("+query[1]+")", nil) {
				t.Errorf("variable %s: %s", v.Name, problem)
			}
		}
	}
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("%s: there are two panels %d", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, taken := cells[[2]int{x, y}]; taken || x >= 24 {
					t.Errorf("%s lies over %s, or beyond the edge, at %d, %d", p.Title, other, x, y)
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("%s has the data source %q and %d queries", p.Title, p.Datasource.UID, len(p.Targets))
		}
		for _, target := range p.Targets {
			if target.Datasource.UID != "${datasource}" {
				t.Errorf("%s %s has the data source %q", p.Title, target.RefID, target.Datasource.UID)
			}
			var legend []string
			for _, l := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				legend = append(legend, l[1])
			}
			for _, problem := range check(all, variables, target.Expr, legend) {
				t.Errorf("%s: %s: %s", p.Title, problem, target.Expr)
			}
			for _, name := range word.FindAllString(target.Expr, -1) {
				for _, suffix := range []string{"", "_bucket"} {
					delete(unseen, strings.TrimSuffix(name, suffix))
				}
			}
		}
	}
	for name := range unseen {
		t.Errorf("no panel shows %s", name)
	}
}

// What the dashboard's test relies on.
func TestCheckSeesWhatIsWrong(t *testing.T) {
	all := families(t, answered(t))
	variables := map[string]bool{"function": true, "__rate_interval": true}
	for expr, problem := range map[string]string{
		`sum by (ending) (rate(sluice_invocations_total{function=~"$function"}[$__rate_interval]))`: "",
		`histogram_quantile(0.5, sum by (le) (rate(sluice_init_duration_seconds_bucket[5m])))`:      "",
		`sum(sluice_invocation_total)`:                                "sluice_invocation_total is no metric",
		`rate(sluice_init_duration_seconds[5m])`:                      "sluice_init_duration_seconds is no metric",
		`sluice_queued_events{function="x"}`:                          "there is no label function",
		`sum by (cause) (sluice_invocations_total)`:                   "there is no label cause",
		`sum(sluice_queued_events`:                                    "brackets",
		`sluice_queued_events)(`:                                      "brackets",
		`sluice_requests_total{status="$state"}`:                      "there is no variable state",
		`mean(sluice_queued_events)`:                                  "mean is no function",
		`sluice_queued_events / sluice_requests_total{function=x}`:    "{function=x} selects nothing",
		`sum(sluice_throttles_total) + sum(sluice_throttles_total) +`: "an operand",
	} {
		if got := strings.Join(check(all, variables, expr, nil), "; "); problem == "" && got != "" || !strings.Contains(got, problem) {
			t.Errorf("%s: %q, want %q", expr, got, problem)
		}
	}
	if got := check(all, variables, `sum by (ending) (sluice_invocations_total)`, []string{"function"}); len(got) != 1 {
		t.Errorf("a legend of a label that is summed away: %q", got)
	}
}

var (
	word      = regexp.MustCompile(`[A-Za-z_]\w*`)
	selector  = regexp.MustCompile(`(\w*)\{([^}]*)\}`)
	matcher   = regexp.MustCompile(`^(\w+)(?:=~|!~|!=|=)"([^"]*)"$`)
	grouping  = regexp.MustCompile(`\b(by|without)\s*\(([^)]*)\)`)
	interval  = regexp.MustCompile(`\[(?:\$__rate_interval|\d+[smhd])\]`)
	variable  = regexp.MustCompile(`\$\{?(\w+)`)
	called    = regexp.MustCompile(`([A-Za-z_]\w*)\s*\(`)
	dangling  = regexp.MustCompile(`[-+*/]\s*(?:\)|$)`)
	ofTargets = []string{"job", "instance"} // Prometheus's own labels
)

// check says what is wrong with a query, in the part of PromQL that we use: metrics and
// labels that no answer has, unknown functions and variables, brackets that don't match.
func check(all map[string]*family, variables map[string]bool, expr string, legend []string) (problems []string) {
	problem := func(text string) { problems = append(problems, text) }
	for _, v := range variable.FindAllStringSubmatch(expr, -1) {
		if !variables[v[1]] {
			problem("there is no variable " + v[1])
		}
	}
	labels := slices.Clone(ofTargets)
	rest := selector.ReplaceAllStringFunc(expr, func(text string) string {
		parts := selector.FindStringSubmatch(text)
		f := familyOf(all, parts[1])
		for _, m := range strings.Split(parts[2], ",") {
			if match := matcher.FindStringSubmatch(m); match == nil {
				problem("{" + parts[2] + "} selects nothing")
			} else if f != nil && !slices.Contains(append(f.labels, ofTargets...), match[1]) {
				problem("there is no label " + match[1] + " of " + parts[1])
			}
		}
		return parts[1]
	})
	var groups []string
	rest = grouping.ReplaceAllStringFunc(rest, func(text string) string {
		groups = append(groups, word.FindAllString(grouping.FindStringSubmatch(text)[2], -1)...)
		return ""
	})
	rest = interval.ReplaceAllString(rest, "")
	functions := map[string]bool{}
	for _, name := range called.FindAllStringSubmatch(rest, -1) {
		functions[name[1]] = true
	}
	for name := range functions {
		if !slices.Contains([]string{"sum", "max", "rate", "histogram_quantile"}, name) {
			problem(name + " is no function that we use")
		}
	}
	for _, name := range word.FindAllString(rest, -1) {
		if f := familyOf(all, name); f != nil {
			labels = append(labels, f.labels...)
		} else if !functions[name] {
			problem(name + " is no metric")
		}
	}
	for _, name := range groups {
		if !slices.Contains(labels, name) {
			problem("there is no label " + name)
		}
	}
	for _, name := range legend {
		if !slices.Contains(groups, name) && (len(groups) > 0 || !slices.Contains(labels, name)) {
			problem("the legend's " + name + " is not in the result")
		}
	}
	if dangling.MatchString(rest) {
		problem("an operand is missing")
	}
	depth := 0
	for _, r := range rest {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 {
		problem("brackets do not match")
	}
	return problems
}
