package environment

import (
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/sandbox"
	"github.com/sluice-run/sluice/internal/sandbox/process"
)

// recorder is an Observer that keeps everything.
type recorder struct {
	mu      sync.Mutex
	lines   []sluice.LogLine
	invoked chan sluice.Record
	// reporting, if it is there, holds records up until it is closed.
	reporting <-chan struct{}
}

func (r *recorder) Log(l sluice.LogLine) {
	r.mu.Lock()
	r.lines = append(r.lines, l)
	r.mu.Unlock()
}

func (r *recorder) Invoked(rec sluice.Record) {
	if r.reporting != nil {
		<-r.reporting
	}
	r.invoked <- rec
}

func (r *recorder) Answered(sluice.Access) {}

// log returns the text lines with ids, times and sizes made equal.
func (r *recorder) log(sources ...sluice.LogSource) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, l := range r.lines {
		for _, s := range sources {
			if l.Source == s {
				b.WriteString(normal(l.Text) + "\n")
			}
		}
	}
	return b.String()
}

var replacements = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`), "ID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`), "TIME"},
	{regexp.MustCompile(`Duration: \d+\.\d\d ms`), "Duration: N.NN ms"},
	{regexp.MustCompile(`Billed Duration: \d+ ms`), "Billed Duration: N ms"},
	{regexp.MustCompile(`Max Memory Used: \d+ MB`), "Max Memory Used: N MB"},
}

func normal(s string) string {
	for _, r := range replacements {
		s = r.re.ReplaceAllString(s, r.to)
	}
	return s
}

type harness struct {
	t    *testing.T
	rec  *recorder
	pool *Pool
	host *Host
}

func newHarness(t *testing.T, change func(*sluice.Function, *Host)) *harness {
	t.Helper()
	rec := &recorder{invoked: make(chan sluice.Record, 100)}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	quotas := sluice.DefaultQuotas()
	host := &Host{
		Driver: process.New(), Observer: rec, Identity: sluice.DefaultIdentity(),
		Quotas: func() sluice.Quotas { return quotas }, Dir: t.TempDir(),
	}
	fn := sluice.Function{
		Name: "fn", Version: sluice.LatestVersion, Runtime: "provided.al2023", Handler: "h",
		CodeDir: t.TempDir(), Timeout: 10 * time.Second, MemoryMB: 128,
		// A race-built test binary sleeps a second when it exits.
		Environment: map[string]string{"GORACE": "atexit_sleep_ms=0"},
	}
	if change != nil {
		change(&fn, host)
	}
	rt := Runtime{Command: func(sandbox.Layout) []string { return []string{self} }, Programs: []string{self}, Dir: fn.CodeDir, Version: "test:1"}
	h := &harness{t: t, rec: rec, host: host, pool: NewPool(host, fn, rt)}
	t.Cleanup(h.pool.Kill)
	return h
}

func (h *harness) invoke(event string) *sluice.Response {
	h.t.Helper()
	env, err := h.pool.Acquire()
	if err != nil {
		h.t.Fatal(err)
	}
	return env.Invoke(&sluice.Invocation{RequestID: sluice.NewRequestID(), Function: "fn", Mode: sluice.ResponseStream, Payload: []byte(event)}, "arn:fn")
}

// call invokes and reads the response to its end.
func (h *harness) call(event string) (functionError, body string, err error) {
	h.t.Helper()
	resp := h.invoke(event)
	data, err := io.ReadAll(resp.Body)
	return resp.FunctionError, string(data), err
}

func (h *harness) record() sluice.Record {
	h.t.Helper()
	select {
	case r := <-h.rec.invoked:
		return r
	case <-time.After(20 * time.Second):
		h.t.Fatal("the invocation did not end")
		return sluice.Record{}
	}
}

func TestWarmInvocationsShareAnEnvironment(t *testing.T) {
	h := newHarness(t, nil)
	for i, want := range []string{"hi 1", "hi 2"} {
		if _, body, err := h.call(`{"do":"echo","text":"hi"}`); body != want || err != nil {
			t.Fatalf("%q %v, want %q", body, err, want)
		}
		r := h.record()
		if (r.Init > 0) != (i == 0) || r.Ending != sluice.EndingComplete {
			t.Errorf("record %+v", r)
		}
	}
	want := `INIT_START Runtime Version: test:1
init
START RequestId: ID Version: $LATEST
log line
END RequestId: ID
REPORT RequestId: ID	Duration: N.NN ms	Billed Duration: N ms	Memory Size: 128 MB	Max Memory Used: N MB	Init Duration: N.NN ms	
START RequestId: ID Version: $LATEST
log line
END RequestId: ID
REPORT RequestId: ID	Duration: N.NN ms	Billed Duration: N ms	Memory Size: 128 MB	Max Memory Used: N MB	
`
	if got := h.rec.log(sluice.SourcePlatform, sluice.SourceFunction); got != want {
		t.Errorf("log:\n%s\nwant:\n%s", got, want)
	}
}

func TestParallelInvocationsGetAnEnvironmentEach(t *testing.T) {
	h := newHarness(t, nil)
	slow := h.invoke
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			resp := slow(`{"do":"sleep","n":300}`)
			io.ReadAll(resp.Body)
		})
	}
	wg.Wait()
	streams := map[string]bool{}
	for range 3 {
		streams[h.record().Stream] = true
	}
	if len(streams) != 3 {
		t.Errorf("%d environments, want 3", len(streams))
	}
}

func TestReservedConcurrencyThrottles(t *testing.T) {
	one := 1
	h := newHarness(t, func(f *sluice.Function, _ *Host) { f.ReservedConcurrency = &one })
	env, err := h.pool.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	var refused *sluice.Error
	if _, err := h.pool.Acquire(); !errors.As(err, &refused) || refused.Status != 429 || refused.Reason != sluice.ThrottleReserved {
		t.Errorf("error %v", err)
	}
	h.pool.release(env)
}

func TestAccountConcurrencyThrottles(t *testing.T) {
	h := newHarness(t, func(_ *sluice.Function, host *Host) {
		host.Quotas = func() sluice.Quotas { return sluice.Quotas{Concurrency: 1} }
	})
	env, _ := h.pool.Acquire()
	var refused *sluice.Error
	if _, err := h.pool.Acquire(); !errors.As(err, &refused) || refused.Reason != sluice.ThrottleAccount {
		t.Errorf("error %v", err)
	}
	h.pool.release(env)
	if env, err := h.pool.Acquire(); err != nil {
		t.Errorf("after release: %v", err)
	} else {
		h.pool.release(env)
	}
}

func TestTimeout(t *testing.T) {
	h := newHarness(t, func(f *sluice.Function, _ *Host) { f.Timeout = time.Second })
	fe, body, _ := h.call(`{"do":"sleep","n":60000}`)
	if fe != "Sandbox.Timedout" || normal(body) != `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 1.00 seconds"}` {
		t.Errorf("%s %s", fe, body)
	}
	if r := h.record(); r.Ending != sluice.EndingTimeout || r.Duration != time.Second || r.Billed < time.Second {
		t.Errorf("record %+v", r)
	}
	log := h.rec.log(sluice.SourcePlatform)
	for _, want := range []string{"TIME ID Task timed out after 1.00 seconds\n", "\tStatus: timeout\n"} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %q:\n%s", want, log)
		}
	}
	// The environment is reset, not lost: the next invocation starts cold in it.
	if _, body, err := h.call(`{"do":"echo","text":"again"}`); body != "again 1" || err != nil {
		t.Errorf("after the timeout: %q %v", body, err)
	}
	if r := h.record(); r.Init == 0 {
		t.Error("the process survived its timeout")
	}
}

func TestTimeoutMidStreamBreaksTheBody(t *testing.T) {
	h := newHarness(t, func(f *sluice.Function, _ *Host) { f.Timeout = time.Second })
	_, body, err := h.call(`{"do":"stream-hang"}`)
	var broken *sluice.StreamError
	if body != "part" || !errors.As(err, &broken) || broken.Ending != sluice.EndingTimeout {
		t.Errorf("%q %v", body, err)
	}
	if r := h.record(); r.Ending != sluice.EndingTimeout {
		t.Errorf("record %+v", r)
	}
}

func TestRuntimeExit(t *testing.T) {
	for event, want := range map[string]string{
		`{"do":"exit","n":7}`: "Runtime exited with error: exit status 7",
		`{"do":"exit","n":0}`: "Runtime exited without providing a reason",
		`{"do":"kill"}`:       "Runtime exited with error: signal: killed",
	} {
		h := newHarness(t, nil)
		fe, body, _ := h.call(event)
		if fe != "Runtime.ExitError" || normal(body) != `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: `+want+`"}` {
			t.Errorf("%s: %s %s", event, fe, body)
		}
		h.record()
		log := h.rec.log(sluice.SourcePlatform)
		if !strings.Contains(log, "RequestId: ID Error: "+want+"\nRuntime.ExitError\n") || !strings.Contains(log, "\tStatus: error\tError Type: Runtime.ExitError\n") {
			t.Errorf("%s: log\n%s", event, log)
		}
		if _, body, err := h.call(`{"do":"echo","text":"a"}`); body != "a 1" || err != nil {
			t.Errorf("%s: afterwards %q %v", event, body, err)
		}
		h.record()
	}
}

func TestWhoComesRightAfterAnExitGetsTheSameEnvironment(t *testing.T) {
	h := newHarness(t, nil)
	// The exit is still being reported when its caller has the answer.
	reporting := make(chan struct{})
	h.rec.reporting = reporting
	h.call(`{"do":"exit","n":7}`)
	h.pool.mu.Lock()
	almost := h.pool.almost
	h.pool.mu.Unlock()
	close(reporting)
	if almost != 1 {
		t.Errorf("%d environments can be waited for", almost)
	}
	h.record()
}

func TestExitMidStreamDeliversWhatWasWritten(t *testing.T) {
	h := newHarness(t, nil)
	_, body, err := h.call(`{"do":"stream-exit","n":1}`)
	var broken *sluice.StreamError
	if body != "part" || !errors.As(err, &broken) || broken.Ending != sluice.EndingExit || broken.Message != "Runtime exited with error: exit status 1" {
		t.Errorf("%q %v", body, err)
	}
	if r := h.record(); r.Ending != sluice.EndingExit || r.ErrorType != "Runtime.ExitError" {
		t.Errorf("record %+v", r)
	}
}

func TestErrorMidStreamThenExitKeepsThePostedError(t *testing.T) {
	h := newHarness(t, nil)
	_, body, err := h.call(`{"do":"stream-error-exit"}`)
	var broken *sluice.StreamError
	if body != "part" || !errors.As(err, &broken) || broken.Type != "Runtime.Unhandled" {
		t.Errorf("%q %v", body, err)
	}
	if r := h.record(); r.ErrorType != "Runtime.Unhandled" {
		t.Errorf("record %+v", r)
	}
}

func TestExitAfterTheResponse(t *testing.T) {
	h := newHarness(t, nil)
	if _, body, err := h.call(`{"do":"respond-then-exit"}`); body != "done" || err != nil {
		t.Errorf("%q %v", body, err)
	}
	if r := h.record(); r.Ending != sluice.EndingComplete || r.ErrorType != "Runtime.ExitError" {
		t.Errorf("record %+v", r)
	}
}

func TestFunctionErrorKeepsTheEnvironmentWarm(t *testing.T) {
	h := newHarness(t, nil)
	if fe, body, _ := h.call(`{"do":"error"}`); fe != "Runtime.Unknown" || body != `{"errorType":"E"}` {
		t.Errorf("%s %s", fe, body)
	}
	if r := h.record(); r.Ending != sluice.EndingFunctionError {
		t.Errorf("record %+v", r)
	}
	if _, body, _ := h.call(`{"do":"echo","text":"a"}`); body != "a 2" {
		t.Errorf("the environment did not survive: %q", body)
	}
	h.record()
}

func TestInitErrorIsRepeatedInTheInvocation(t *testing.T) {
	h := newHarness(t, func(f *sluice.Function, _ *Host) { f.Environment["INIT"] = "error" })
	fe, body, _ := h.call(`{}`)
	if fe != "Runtime.Boom" || body != `{"errorType":"Boom","errorMessage":"no"}` {
		t.Errorf("%s %s", fe, body)
	}
	h.record()
	want := `INIT_START Runtime Version: test:1
INIT_REPORT Init Duration: N.NN ms	Phase: init	Status: error	Error Type: Runtime.Boom
START RequestId: ID Version: $LATEST
INIT_REPORT Init Duration: N.NN ms	Phase: invoke	Status: error	Error Type: Runtime.Boom
END RequestId: ID
REPORT RequestId: ID	Duration: N.NN ms	Billed Duration: N ms	Memory Size: 128 MB	Max Memory Used: N MB	Status: error	Error Type: Runtime.Boom
`
	if got := h.rec.log(sluice.SourcePlatform); got != want {
		t.Errorf("log:\n%s\nwant:\n%s", got, want)
	}
}

func TestSuppressedInitThatSucceedsServesTheInvocation(t *testing.T) {
	h := newHarness(t, func(f *sluice.Function, _ *Host) { f.Environment["INIT"] = "error-once" })
	if fe, body, err := h.call(`{"do":"echo","text":"ok"}`); body != "ok 1" || err != nil {
		t.Errorf("%s %q %v", fe, body, err)
	}
	if r := h.record(); r.Init != 0 {
		t.Errorf("a suppressed init belongs to the duration, not to Init Duration: %+v", r)
	}
}

func TestExitDuringInit(t *testing.T) {
	h := newHarness(t, func(f *sluice.Function, _ *Host) { f.Environment["INIT"] = "exit" })
	fe, body, _ := h.call(`{}`)
	if fe != "Runtime.ExitError" || normal(body) != `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 3"}` {
		t.Errorf("%s %s", fe, body)
	}
	h.record()
}

func TestMissingEntrypoint(t *testing.T) {
	h := newHarness(t, nil)
	h.pool.runtime.Command = func(sandbox.Layout) []string { return []string{"/no/such/bootstrap"} }
	fe, body, _ := h.call(`{}`)
	if fe != "Runtime.InvalidEntrypoint" || !strings.Contains(body, "/no/such/bootstrap") {
		t.Errorf("%s %s", fe, body)
	}
	h.record()
}

func TestEnvironmentVariables(t *testing.T) {
	t.Setenv("SECRET_OF_THE_HOST", "x")
	h := newHarness(t, func(f *sluice.Function, host *Host) {
		f.Environment["TZ"] = "Europe/Berlin"
		f.Environment["OWN"] = "1"
		host.Credentials = []string{"AWS_ACCESS_KEY_ID=AK"}
		f.Layers = []string{t.TempDir(), t.TempDir()}
	})
	_, body, _ := h.call(`{"do":"env"}`)
	h.record()
	env := "\n" + body + "\n"
	for _, want := range []string{
		"_HANDLER=h", "AWS_REGION=us-east-1", "AWS_LAMBDA_FUNCTION_NAME=fn",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128", "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/fn",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "TZ=Europe/Berlin", "OWN=1", "AWS_ACCESS_KEY_ID=AK", "LAMBDA_TASK_ROOT=" + h.pool.fn.CodeDir,
	} {
		if !strings.Contains(env, "\n"+want+"\n") {
			t.Errorf("%s is missing in\n%s", want, body)
		}
	}
	if !strings.Contains(env, "\nPATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:") || strings.Contains(env, "AWS_EXECUTION_ENV") {
		t.Errorf("an OS-only runtime has\n%s", body)
	}
	if strings.Contains(env, "SECRET_OF_THE_HOST") {
		t.Error("the host's environment leaks into the function")
	}
}

func TestTmpIsPrivateToEachEnvironmentAndSurvivesAReset(t *testing.T) {
	h := newHarness(t, nil)
	probe, err := h.host.Driver.Open(t.Context(), sandbox.Spec{Tmp: t.TempDir(), Run: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	private := probe.Layout().Tmp == "/tmp"
	probe.Close()
	for _, l := range probe.Listeners() {
		l.Close()
	}
	if !private {
		t.Log("no mount namespaces on this machine: /tmp is not private here")
		return
	}
	for _, want := range []string{"1 <nil>", "2 <nil>"} {
		if _, body, _ := h.call(`{"do":"write","text":"mark-` + want[:1] + `"}`); body != want {
			t.Errorf("files in /tmp: %q, want %q", body, want)
		}
		h.record()
		h.call(`{"do":"exit"}`)
		h.record()
	}
	first, _ := h.pool.Acquire()
	if _, body, _ := h.call(`{"do":"write","text":"mark-other"}`); body != "1 <nil>" {
		t.Errorf("another environment sees %q", body)
	}
	h.record()
	h.pool.release(first)
	if _, err := os.Stat("/tmp/mark-1"); err == nil {
		t.Error("a function wrote to the host's /tmp")
	}
}

func TestIdleEnvironmentsAreRetired(t *testing.T) {
	h := newHarness(t, func(_ *sluice.Function, host *Host) { host.Idle = 50 * time.Millisecond })
	h.call(`{"do":"echo"}`)
	h.record()
	deadline := time.Now().Add(10 * time.Second)
	for {
		h.pool.mu.Lock()
		n := len(h.pool.all)
		h.pool.mu.Unlock()
		if n == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the idle environment was not retired")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if entries, _ := os.ReadDir(h.host.Dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestRetiredPoolFinishesWhatRuns(t *testing.T) {
	h := newHarness(t, nil)
	h.call(`{"do":"echo"}`)
	h.record()
	done := make(chan string)
	go func() {
		_, body, _ := h.call(`{"do":"sleep","n":300}`)
		done <- body
	}()
	for h.pool.Busy() == 0 {
		time.Sleep(time.Millisecond)
	}
	h.pool.Retire()
	if _, err := h.pool.Acquire(); !errors.Is(err, ErrRetired) {
		t.Errorf("acquire: %v", err)
	}
	if body := <-done; body != "slept" {
		t.Errorf("body %q", body)
	}
	<-h.pool.Gone()
}

func TestKillCutsOffAStream(t *testing.T) {
	h := newHarness(t, nil)
	resp := h.invoke(`{"do":"stream-hang"}`)
	buf := make([]byte, 10)
	if _, err := resp.Body.Read(buf); err != nil {
		t.Fatal(err)
	}
	go h.pool.Kill()
	_, err := resp.Body.Read(buf)
	var broken *sluice.StreamError
	if !errors.As(err, &broken) || broken.Ending != sluice.EndingShutdown {
		t.Errorf("error %v", err)
	}
	if r := h.record(); r.Ending != sluice.EndingShutdown {
		t.Errorf("record %+v", r)
	}
}

func TestKillDuringInit(t *testing.T) {
	h := newHarness(t, func(f *sluice.Function, _ *Host) { f.Environment["INIT"] = "hang-once" })
	done := make(chan string)
	go func() {
		fe, _, _ := h.call(`{}`)
		done <- fe
	}()
	for h.pool.Busy() == 0 {
		time.Sleep(time.Millisecond)
	}
	h.pool.Kill()
	if fe := <-done; fe != "Sandbox.Failure" {
		t.Errorf("function error %s", fe)
	}
	if r := h.record(); r.Ending != sluice.EndingShutdown {
		t.Errorf("record %+v", r)
	}
}

func TestJSONPlatformLines(t *testing.T) {
	h := newHarness(t, func(f *sluice.Function, _ *Host) { f.Logging.JSON = true })
	h.call(`{"do":"echo"}`)
	h.record()
	log := h.rec.log(sluice.SourcePlatform)
	for _, want := range []string{`"type":"platform.initStart"`, `"type":"platform.start"`, `"type":"platform.report"`, `"billedDurationMs":`} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %s:\n%s", want, log)
		}
	}
}
