package serve

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/records"
)

func TestWhatHappenedCanBeAsked(t *testing.T) {
	r := start(t, "", nil)
	r.create("fn", `export const handler = awslambda.streamifyResponse(async (event, s) => {
	if (event.fail) throw new RangeError('ordered')
	s.write('one'); await new Promise(r => setTimeout(r, 60)); s.end('two') })`, nil)
	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections) // after the bodies are closed
	ask := func(path string) *http.Response {
		t.Helper()
		req, _ := http.NewRequest("GET", r.base+path, nil)
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
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
	for len(seen) < 2 && events.Scan() {
		if text, ok := strings.CutPrefix(events.Text(), "data: "); ok {
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
	if err := json.NewDecoder(ask(records.InvocationsPath + "?function=fn&limit=5").Body).Decode(&kept); err != nil || len(kept) != 2 || kept[0].ErrorType == "" || kept[1] != first {
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
		`sluice_invocations_total{ending="complete",function="fn"} 1`, `sluice_response_bytes_total{function="fn"}`, `sluice_environments 1`, `sluice_queued_events 0`,
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

func TestPricesOfOnesOwn(t *testing.T) {
	cfg := config.Default()
	cfg.Addr, cfg.Data, cfg.Sandbox, cfg.Prices = "127.0.0.1:0", t.TempDir(), config.SandboxProcess, "/nope.yaml"
	if _, err := Open(t.Context(), Options{Config: cfg}); err == nil || !strings.Contains(err.Error(), "/nope.yaml") {
		t.Errorf("%v", err)
	}
}
