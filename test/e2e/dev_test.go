package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const mb = 1 << 20

// arrivals reads a body and notes when each read returned.
func arrivals(body io.Reader) (chunks []string, at []time.Duration, err error) {
	begin := time.Now()
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			chunks = append(chunks, string(buf[:n]))
			at = append(at, time.Since(begin))
		}
		if err == io.EOF {
			return chunks, at, nil
		}
		if err != nil {
			return chunks, at, err
		}
	}
}

func TestHelloArrivesPieceByPiece(t *testing.T) {
	d := startDev(t, "../../examples/hello")
	resp := d.get("Hello", "?pause=300&name=You")
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		t.Errorf("status %d, type %q", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	if id := resp.Header.Get("x-amzn-RequestId"); !regexp.MustCompile(`^[0-9a-f-]{36}$`).MatchString(id) {
		t.Errorf("request id %q", id)
	}
	chunks, at, err := arrivals(resp.Body)
	if err != nil || !strings.Contains(strings.Join(chunks, ""), "id=\"done\"") {
		t.Fatalf("%v %q", err, chunks)
	}
	if len(chunks) < 5 || at[len(at)-1]-at[0] < time.Second {
		t.Errorf("%d chunks in %v: the response was held back", len(chunks), at)
	}
	e := d.wait("request", func(e event) bool { return e.Function == "Hello" })
	if e.Method != "GET" || e.Status != 200 || e.Ending != "complete" || e.FirstByteMs >= e.TotalMs-900 {
		t.Errorf("request line %+v", e)
	}
	d.waitLog("REPORT RequestId: ")
}

func TestHostFormOfTheURL(t *testing.T) {
	d := startDev(t, "../../examples/hello")
	req, _ := http.NewRequest("GET", d.base()+"/?pause=0", nil)
	req.Host = "hello.lambda-url.localhost:" + d.port()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); resp.StatusCode != 200 || err != nil || !strings.Contains(string(b), "done") {
		t.Errorf("status %d, %v", resp.StatusCode, err)
	}
	if got := d.ready.Functions[0].URLs[0].Host; got != "http://hello.lambda-url.localhost:"+d.port()+"/" {
		t.Errorf("banner says %q", got)
	}
	if got := d.ready.Outputs; len(got) != 1 || got[0].Value != d.ready.Functions[0].URLs[0].Host {
		t.Errorf("outputs %+v", got)
	}
}

// checkPipeline verifies the checksum that the pipeline example sends last.
func checkPipeline(t *testing.T, body string, megabytes int) {
	t.Helper()
	data, last := body[:min(len(body), megabytes*mb)], body[min(len(body), megabytes*mb):]
	sum := sha256.Sum256([]byte(data))
	if want := "sha256 " + hex.EncodeToString(sum[:]) + "\n"; last != want {
		t.Errorf("body of %d bytes ends with %q, want %q", len(body), last, want)
	}
}

func TestPipelineIsByteIdentical(t *testing.T) {
	d := startDev(t, "../../examples/pipeline", "--limits", "streamedPayload=200MB,streamRate=0")
	_, body, err := d.body("Pipeline", "?mb=30")
	if err != nil {
		t.Fatal(err)
	}
	checkPipeline(t, body, 30)
	e := d.wait("request", func(e event) bool { return e.Function == "Pipeline" })
	if e.Bytes != int64(len(body)) || e.PastBurst != e.Bytes-6*mb || e.Ending != "complete" {
		t.Errorf("request line %+v", e)
	}
}

func TestStreamIsCutAtExactlyTheQuota(t *testing.T) {
	d := startDev(t, "../../examples/pipeline", "--limits", "streamRate=0")
	_, body, err := d.body("Pipeline", "?mb=30")
	if len(body) != 20*mb || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d bytes, %v; want exactly 20 MB and a broken body", len(body), err)
	}
	e := d.wait("request", func(e event) bool { return true })
	if e.Ending != "oversized" || e.Bytes != 20*mb {
		t.Errorf("request line %+v", e)
	}
	d.waitLog("raise streamedPayload")
}

func TestDevHasMetrics(t *testing.T) {
	d := startDev(t, "../../examples/pipeline", "--limits", "streamRate=0")
	if _, _, err := d.body("Pipeline", "?mb=7"); err != nil {
		t.Fatal(err)
	}
	d.wait("request", func(event) bool { return true })
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) { // the runtime goes on after the response
		resp, err := http.Get(d.base() + "/_sluice/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		missing := slices.DeleteFunc([]string{
			`sluice_invocations_total{ending="complete",function="Pipeline"} 1`, `sluice_requests_total{function="Pipeline",status="200"} 1`,
			`sluice_response_past_burst_bytes_total{function="Pipeline"} 1.048`, `sluice_environments{function="Pipeline",state="idle"} 1`, `sluice_queued_events 0`,
		}, func(line string) bool { return strings.Contains(string(text), line) })
		if len(missing) == 0 {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%q are missing in:\n%s", missing, text)
		}
	}
}

func TestStreamIsPacedAfterTheBurst(t *testing.T) {
	d := startDev(t, "../../examples/pipeline")
	begin := time.Now()
	_, body, err := d.body("Pipeline", "?mb=8")
	if err != nil {
		t.Fatal(err)
	}
	checkPipeline(t, body, 8)
	// 2 MB past the burst at 2 MB/s.
	if took := time.Since(begin); took < 800*time.Millisecond {
		t.Errorf("8 MB took %v: not paced", took)
	}
	if e := d.wait("request", func(e event) bool { return true }); e.PastBurst < 2*mb {
		t.Errorf("request line %+v", e)
	}
}

func TestTypeScriptExample(t *testing.T) {
	d := startDev(t, "../../examples/typescript")
	resp := d.get("Countdown", "?from=3&pause=200")
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Errorf("type %q", got)
	}
	chunks, at, err := arrivals(resp.Body)
	if err != nil || len(chunks) < 3 || at[len(at)-1]-at[0] < 300*time.Millisecond {
		t.Errorf("%q %v %v", chunks, at, err)
	}
}

func TestBufferedExample(t *testing.T) {
	d := startDev(t, "../../examples/buffered")
	resp := d.get("Buffered", "")
	body, _ := io.ReadAll(resp.Body)
	if string(body) != `{"message":"Welcome.","visits":1}`+"\n" || resp.ContentLength != int64(len(body)) {
		t.Errorf("%q, length %d", body, resp.ContentLength)
	}
	if got := resp.Header.Get("Set-Cookie"); !strings.HasPrefix(got, "visits=1;") {
		t.Errorf("cookie %q", got)
	}
	req, _ := http.NewRequest("GET", d.url("Buffered", ""), nil)
	req.Header.Set("Cookie", "visits=4")
	again, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Body.Close()
	if b, _ := io.ReadAll(again.Body); !strings.Contains(string(b), `"visits":5`) {
		t.Errorf("%q", b)
	}
	post, err := http.Post(d.url("Buffered", "a%2Fb?x=1&x=2"), "application/json", strings.NewReader(`{"k":"ü"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer post.Body.Close()
	var echo struct {
		Path  string
		Query map[string]string
		JSON  map[string]string
	}
	if err := json.NewDecoder(post.Body).Decode(&echo); err != nil || echo.Path != "/a%2Fb" || echo.Query["x"] != "1,2" || echo.JSON["k"] != "ü" {
		t.Errorf("%+v %v", echo, err)
	}
}

const template = `Transform: AWS::Serverless-2016-10-31
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: index.handler
      Runtime: nodejs20.x
      Timeout: 20
      FunctionUrlConfig: {AuthType: NONE, InvokeMode: RESPONSE_STREAM}
`

// streaming wraps the body of a streaming handler; s is the response stream.
func streaming(body string) string {
	return `import { setTimeout as sleep } from 'node:timers/promises'
export const handler = awslambda.streamifyResponse(async (event, s, context) => {
` + body + `
})
`
}

func TestReloadIsLiveForTheNextRequest(t *testing.T) {
	dir := project(t, map[string]string{"template.yaml": template, "index.mjs": streaming(`s.write('one'); s.end()`)})
	d := startDev(t, dir)
	if _, body, _ := d.body("Fn", ""); body != "one" {
		t.Fatalf("body %q", body)
	}
	for _, want := range []string{"two", "three"} {
		write(t, filepath.Join(dir, "index.mjs"), streaming(`s.write('`+want+`'); s.end()`))
		d.wait("reloaded", func(e event) bool { return e.Function == "Fn" })
		deadline := time.Now().Add(patience)
		for body := ""; body != want; {
			if time.Now().After(deadline) {
				t.Fatalf("body %q, want %q", body, want)
			}
			_, body, _ = d.body("Fn", "")
		}
	}
}

func TestStreamsInFlightFinishOnTheOldCode(t *testing.T) {
	slow := streaming(`s.write('old '); await sleep(1500); s.write('end'); s.end()`)
	dir := project(t, map[string]string{"template.yaml": template, "index.mjs": slow})
	d := startDev(t, dir)
	resp := d.get("Fn", "")
	first := make([]byte, 4)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "index.mjs"), streaming(`s.write('new'); s.end()`))
	d.wait("reloaded", func(event) bool { return true })
	if _, body, _ := d.body("Fn", ""); body != "new" {
		t.Errorf("next request %q", body)
	}
	rest, err := io.ReadAll(resp.Body)
	if string(first)+string(rest) != "old end" || err != nil {
		t.Errorf("stream in flight %q%q %v", first, rest, err)
	}
}

func TestSyntaxErrorIsShownAndHeals(t *testing.T) {
	dir := project(t, map[string]string{
		"template.yaml": strings.Replace(template, "index.handler", "app.handler", 1),
		"app.ts":        "export const handler = awslambda.streamifyResponse(async (e: any, s: any) => { s.write('ok'); s.end() })\ndeclare const awslambda: any\n",
	})
	d := startDev(t, dir)
	if status, body, err := d.body("Fn", ""); status != 200 || body != "ok" || err != nil {
		t.Fatalf("%d %q %v", status, body, err)
	}
	write(t, filepath.Join(dir, "app.ts"), "export const handler = (\n")
	failed := d.wait("buildFailed", func(event) bool { return true })
	if !strings.Contains(failed.Diagnostic, "app.ts:") {
		t.Errorf("diagnostic %q", failed.Diagnostic)
	}
	if status, body, _ := d.body("Fn", ""); status != 502 || !strings.Contains(body, "app.ts:") {
		t.Errorf("the client got %d %q", status, body)
	}
	write(t, filepath.Join(dir, "app.ts"), "export const handler = async () => 'healed'\n")
	d.wait("buildHealed", func(event) bool { return true })
	if status, body, _ := d.body("Fn", ""); status != 200 || body != `"healed"` {
		t.Errorf("%d %q", status, body)
	}
}

func TestFailuresMidStreamBreakTheBody(t *testing.T) {
	for _, tt := range []struct{ name, code, ending, log string }{
		{"error", `s.write('part'); await sleep(50); throw new TypeError('boom')`, "function-error", "boom"},
		{"exit", `s.write('part'); await sleep(50); process.exit(3)`, "exit", "Runtime exited with error: exit status 3"},
		{"timeout", `s.write('part'); await sleep(60000)`, "timeout", "Task timed out after 1.00 seconds"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := project(t, map[string]string{
				"template.yaml": strings.Replace(template, "Timeout: 20", "Timeout: 1", 1), "index.mjs": streaming(tt.code),
			})
			d := startDev(t, dir)
			status, body, err := d.body("Fn", "")
			if status != 200 || body != "part" || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d %q %v; want a body that breaks after 'part'", status, body, err)
			}
			if e := d.wait("request", func(event) bool { return true }); e.Ending != tt.ending {
				t.Errorf("ending %q, want %q", e.Ending, tt.ending)
			}
			d.waitLog(tt.log)
		})
	}
}

func TestFailuresBeforeTheFirstByteAre502(t *testing.T) {
	for name, code := range map[string]string{
		"throw": `throw new Error('early')`, "exit": `process.exit(1)`, "from then end": `awslambda.HttpResponseStream.from(s, {statusCode: 201}).end('x')`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := project(t, map[string]string{"template.yaml": template, "index.mjs": streaming(code)})
			d := startDev(t, dir)
			if status, body, err := d.body("Fn", ""); status != 502 || body != "Internal Server Error" || err != nil {
				t.Errorf("%d %q %v", status, body, err)
			}
			if name == "from then end" {
				d.wait("log", func(e event) bool { return e.Source == "hint" && strings.Contains(e.Text, "write('')") })
			}
		})
	}
}

func TestClientThatLeavesDoesNotStopTheFunction(t *testing.T) {
	dir := project(t, map[string]string{"template.yaml": template, "index.mjs": streaming(
		`for (let i = 0; i < 10; i++) { s.write('x'.repeat(100000)); await sleep(50) }
		 s.end(); console.log('ran to its end')`)})
	d := startDev(t, dir)
	resp := d.get("Fn", "")
	if _, err := io.ReadFull(resp.Body, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	d.waitLog("ran to its end")
	if e := d.wait("request", func(event) bool { return true }); e.Ending != "client-gone" {
		t.Errorf("ending %q", e.Ending)
	}
}

func TestInterruptDrainsOpenStreams(t *testing.T) {
	dir := project(t, map[string]string{"template.yaml": template, "index.mjs": streaming(`s.write('a'); await sleep(1000); s.write('b'); s.end()`)})
	d := startDev(t, dir)
	resp := d.get("Fn", "")
	if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	go d.stop()
	rest, err := io.ReadAll(resp.Body)
	if string(rest) != "b" || err != nil {
		t.Errorf("%q %v", rest, err)
	}
	<-d.ended
}

func TestInterruptCutsOffWhatOutlivesTheDrain(t *testing.T) {
	dir := project(t, map[string]string{"template.yaml": template, "index.mjs": streaming(`s.write('a'); await sleep(15000); s.end()`)})
	d := startDev(t, dir, "--drain", "300ms")
	resp := d.get("Fn", "")
	if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	go d.stop()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the stream ended cleanly although it was cut off")
	}
	<-d.ended
}

func TestHandlerFileAlone(t *testing.T) {
	dir := project(t, map[string]string{"chat.mjs": streaming(`s.setContentType('text/plain'); s.write('alone'); s.end()`)})
	d := startDev(t, filepath.Join(dir, "chat.mjs"))
	if status, body, err := d.body("chat", ""); status != 200 || body != "alone" || err != nil {
		t.Errorf("%d %q %v", status, body, err)
	}
}

func TestMistakesInTheTemplateNameTheirPlace(t *testing.T) {
	dir := project(t, map[string]string{"index.mjs": "", "template.yaml": strings.Replace(template, "Timeout: 20", "Timeout: 2000", 1)})
	out, err := exec.Command(binary, "dev", dir, "--addr", "127.0.0.1:0").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("%v, want exit code 3", err)
	}
	if !regexp.MustCompile(`template\.yaml:9:\d+: .*Timeout`).Match(out) || !strings.Contains(string(out), "900") {
		t.Errorf("message:\n%s", out)
	}
}

func TestWhatIsNotRunIsListedOnce(t *testing.T) {
	dir := project(t, map[string]string{"index.mjs": streaming(`s.write(process.env.TABLE); s.end()`), "template.yaml": template + `      Environment: {Variables: {TABLE: !Ref Table}}
      Events: {Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties: {TableName: things}
`})
	d := startDev(t, dir)
	var names []string
	for _, n := range d.ready.NotRun {
		names = append(names, n.Name)
	}
	if got := strings.Join(names, " "); !strings.Contains(got, "Table") || !strings.Contains(got, "Nightly") {
		t.Errorf("not run: %q", got)
	}
	if _, body, _ := d.body("Fn", ""); body != "things" {
		t.Errorf("body %q", body)
	}
}

func TestUnknownHostIsForbidden(t *testing.T) {
	d := startDev(t, "../../examples/hello")
	got := d.rawRequest("GET / HTTP/1.1\r\nHost: nosuch.lambda-url.localhost\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 403 ") || !strings.HasSuffix(got, `{"Message":null}`) {
		t.Errorf("%s", got)
	}
}
