package serve

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/records"
)

func TestWhatHappenedCanBeAsked(t *testing.T) {
	r := start(t, "", nil)
	r.create("fn", `export const handler = awslambda.streamifyResponse(async (event, s) => {
	if (event.fail) throw new RangeError('ordered')
	s.write('one'); await new Promise(r => setTimeout(r, 60)); s.end('two') })`, nil)
	client, ask := r.asker()
	live := ask(records.EventsPath)
	out, err := r.client.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("fn")})
	if err != nil {
		t.Fatal(err)
	}
	for range out.GetStream().Events() {
	}
	out.GetStream().Close()
	r.invoke("fn", `{"fail":true}`, nil)
	events := bufio.NewScanner(live.Body)
	var seen []records.Record
	kind := ""
	for len(seen) < 2 && events.Scan() {
		if name, ok := strings.CutPrefix(events.Text(), "event: "); ok {
			kind = name
		}
		if text, ok := strings.CutPrefix(events.Text(), "data: "); ok && kind == "invocation" {
			var record records.Record
			if err := json.Unmarshal([]byte(text), &record); err != nil {
				t.Fatal(err)
			}
			seen = append(seen, record)
		}
	}
	first := seen[0]
	if first.Function != "fn" || first.Bytes != 6 || first.Chunks != 2 || first.LargestGapMs < 40 || first.Ending != "complete" || first.Cost <= 0.2e-6 || first.FirstByteMs <= 0 {
		t.Errorf("%+v", first)
	}
	var kept []records.Record
	if err := json.NewDecoder(ask(records.InvocationsPath + "?function=fn&limit=5").Body).Decode(&kept); err != nil || len(kept) != 2 || kept[0].ErrorType == "" || kept[0].Bytes != 0 || kept[0].Account != "function" || first.Account != "" || !reflect.DeepEqual(kept[1], first) {
		t.Errorf("%v %+v", err, kept)
	}
	var report records.Report
	if err := json.NewDecoder(ask(records.UsagePath).Body).Decode(&report); err != nil || len(report.Functions) != 1 || report.Functions[0].Invocations != 2 || report.Functions[0].Errors != 1 || report.Region != "us-east-1" {
		t.Errorf("%v %+v", err, report)
	}
	metrics, err := client.Get(r.base + "/_sluice/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	text, _ := io.ReadAll(metrics.Body)
	for _, want := range []string{
		`sluice_invocations_total{ending="complete",function="fn"} 1`, `sluice_response_bytes_total{function="fn"}`, `sluice_environments{function="fn",state="starting"} 0`, `sluice_queued_events 0`,
		`sluice_invocation_first_byte_seconds_count{function="fn"}`, `sluice_response_largest_gap_seconds_count{function="fn"} 1`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is missing", want)
		}
	}
	for path, status := range map[string]int{records.InvocationsPath: 403, records.EventsPath: 403, records.UsagePath: 403} {
		resp, err := client.Get(r.base + path)
		if err != nil || resp.StatusCode != status {
			t.Errorf("%s without a signature: %v %v", path, resp.StatusCode, err)
		}
		resp.Body.Close()
	}
	req, _ := http.NewRequest("GET", r.base+"/_sluice/metrics", nil)
	req.Host = "rebound.example"
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 403 {
		t.Errorf("metrics for a foreign host: %s", resp.Status)
	}
}

// asker returns a client and a way to read with something like a signature.
func (r *running) asker() (*http.Client, func(path string) *http.Response) {
	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	r.t.Cleanup(transport.CloseIdleConnections) // after the bodies are closed
	return client, func(path string) *http.Response {
		r.t.Helper()
		req, _ := http.NewRequest("GET", r.base+path, nil)
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x")
		resp, err := client.Do(req)
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
}

func TestEnvironmentsAreSeenAsTheyStartServeAndStop(t *testing.T) {
	r := start(t, "", nil)
	gates := map[string]chan bool{"/init": make(chan bool, 1), "/end": make(chan bool, 1)}
	keeper := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-gates[r.URL.Path]:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(keeper.Close)
	r.create("fn", `const passed = gate => fetch(process.env.GATES + gate)
await passed('/init')
export const handler = awslambda.streamifyResponse(async (event, s) => { s.write('12345'); await passed('/end'); s.end() })`, func(in *lambda.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"GATES": keeper.URL}}
	})
	_, ask := r.asker()
	events := bufio.NewScanner(ask(records.EventsPath).Body)
	// await returns the environments once they are as wanted.
	await := func(want func([]environment.Status) bool) []environment.Status {
		t.Helper()
		for events.Scan() {
			if text, ok := strings.CutPrefix(events.Text(), "data: ["); ok {
				var all []environment.Status
				if err := json.Unmarshal([]byte("["+text), &all); err != nil {
					t.Fatal(err)
				}
				if want(all) {
					return all
				}
			}
		}
		t.Fatalf("the events ended: %v", events.Err())
		return nil
	}
	is := func(state environment.State) func([]environment.Status) bool {
		return func(all []environment.Status) bool { return len(all) == 1 && all[0].State == state }
	}
	await(func(all []environment.Status) bool { return len(all) == 0 })
	invoked := make(chan error, 1)
	go func() {
		_, err := r.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("fn")})
		invoked <- err
	}()
	starting := await(is(environment.Starting))[0]
	gates["/init"] <- true
	busy := await(is(environment.Busy))[0]
	if busy.Stream != starting.Stream || busy.Function != "fn" || busy.Version != "$LATEST" || busy.RequestID == "" || busy.Invocations != 0 || busy.MemoryMB != 128 || busy.Since.Before(busy.Created) {
		t.Errorf("%+v", busy)
	}
	gates["/end"] <- true
	idle := await(is(environment.Idle))[0]
	if err := <-invoked; err != nil {
		t.Error(err)
	}
	if idle.Invocations != 1 || idle.RequestID != "" || idle.Stream != busy.Stream || !idle.Since.After(busy.Since) || idle.MaxMemoryMB < 10 {
		t.Errorf("%+v", idle)
	}
	var asked []environment.Status
	if err := json.NewDecoder(ask(records.EnvironmentsPath + "?function=fn").Body).Decode(&asked); err != nil || !is(environment.Idle)(asked) {
		t.Errorf("%v %+v", err, asked)
	}
	none := []environment.Status(nil)
	if err := json.NewDecoder(ask(records.EnvironmentsPath + "?function=other").Body).Decode(&none); err != nil || none == nil || len(none) > 0 {
		t.Errorf("%v %+v", err, none)
	}
	if _, err := r.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")}); err != nil {
		t.Fatal(err)
	}
	await(func(all []environment.Status) bool { return len(all) == 0 })
}

func TestPricesOfOnesOwn(t *testing.T) {
	cfg := config.Default()
	cfg.Addr, cfg.Data, cfg.Sandbox, cfg.Prices = "127.0.0.1:0", t.TempDir(), config.SandboxProcess, "/nope.yaml"
	if _, err := Open(t.Context(), Options{Config: cfg}); err == nil || !strings.Contains(err.Error(), "/nope.yaml") {
		t.Errorf("%v", err)
	}
}
