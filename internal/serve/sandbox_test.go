package serve

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/records"
)

// contained starts a server that runs functions in containers. CI demands it.
func contained(t *testing.T) *running {
	t.Helper()
	cfg := config.Default()
	cfg.Sandbox = config.SandboxOCI
	if _, _, err := chooseDriver(t.Context(), cfg, t.TempDir()); err != nil {
		if os.Getenv("SLUICE_TEST_OCI") != "" {
			t.Fatal(err)
		}
		t.Skipf("no containers on this machine: %v", err)
	}
	return start(t, "", func(c *config.Config) { c.Sandbox = config.SandboxOCI })
}

func TestFunctionsRunInContainers(t *testing.T) {
	r := contained(t)
	layer, err := r.client.PublishLayerVersion(t.Context(), &lambda.PublishLayerVersionInput{LayerName: aws.String("lib"),
		Content: layerOf(t, map[string]string{"nodejs/node_modules/lib/index.js": "module.exports = 'layered'"})})
	if err != nil {
		t.Fatal(err)
	}
	r.create("fn", `import { createRequire } from 'node:module'
import { existsSync, writeFileSync, readdirSync } from 'node:fs'
export const handler = awslambda.streamifyResponse(async (event, stream) => {
	if (event.exit) process.exit(3)
	if (event.hoard) { const all = []; for (;;) all.push(Buffer.alloc(8 << 20, 1)) }
	writeFileSync('/tmp/' + event.n, '')
	let writable = true
	try { writeFileSync('/var/task/x', '') } catch { writable = false }
	stream.end(JSON.stringify({
		task: process.env.LAMBDA_TASK_ROOT, runtime: process.env.LAMBDA_RUNTIME_DIR, cwd: process.cwd(), api: process.env.AWS_LAMBDA_RUNTIME_API,
		lib: createRequire(import.meta.url)('lib'), home: existsSync('/root'), tmp: readdirSync('/tmp').filter(f => f !== 'lost+found'), writable,
	}))
})`, func(in *lambda.CreateFunctionInput) {
		in.Layers, in.MemorySize = []string{*layer.LayerVersionArn}, aws.Int32(256)
	})
	var got struct {
		Task, Runtime, Cwd, API, Lib string
		Home, Writable               bool
		Tmp                          []string
	}
	out := r.invoke("fn", `{"n":1}`, &got)
	if got.Task != "/var/task" || got.Runtime != "/var/runtime" || got.Cwd != "/var/task" || got.API != "127.0.0.1:9001" || got.Lib != "layered" || got.Home || got.Writable {
		t.Errorf("%s", out.Payload)
	}
	if out := r.invoke("fn", `{"exit":true}`, nil); aws.ToString(out.FunctionError) == "" || !strings.Contains(string(out.Payload), "exit status 3") {
		t.Errorf("%s", out.Payload)
	}
	r.settled()
	if r.invoke("fn", `{"n":2}`, &got); len(got.Tmp) != 2 {
		t.Errorf("/tmp does not outlive a reset: %v", got.Tmp)
	}
	if out := r.invoke("fn", `{"hoard":true}`, nil); !strings.Contains(string(out.Payload), "signal: killed") {
		t.Errorf("%s", out.Payload)
	}
	r.invoke("fn", `{"n":3}`, nil)
}

// settled waits until no execution environment does anything: a caller that comes before
// may get another one.
func (r *running) settled() {
	r.t.Helper()
	_, ask := r.asker()
	var all []environment.Status
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		all = nil
		if err := json.NewDecoder(ask(records.EnvironmentsPath).Body).Decode(&all); err != nil {
			r.t.Fatal(err)
		}
		if !slices.ContainsFunc(all, func(s environment.Status) bool { return s.State != environment.Idle }) {
			return
		}
	}
	r.t.Fatalf("not idle: %+v", all)
}

func TestAServerThatOthersReachIsSandboxed(t *testing.T) {
	cfg := config.Default()
	cfg.Addr, cfg.Sandbox, cfg.ExposeOpen = "0.0.0.0:0", config.SandboxProcess, true
	if _, _, err := chooseDriver(t.Context(), cfg, t.TempDir()); err == nil || !strings.Contains(err.Error(), "--expose-unsandboxed") {
		t.Errorf("%v", err)
	}
	cfg.Sandbox, cfg.OCIRuntime = config.SandboxAuto, "no-such-runtime"
	if _, _, err := chooseDriver(t.Context(), cfg, t.TempDir()); err == nil || !strings.Contains(err.Error(), "no-such-runtime") && !strings.Contains(err.Error(), "root") && !strings.Contains(err.Error(), "Linux") {
		t.Errorf("%v", err)
	}
	cfg.ExposeUnsandboxed = true
	driver, about, err := chooseDriver(t.Context(), cfg, t.TempDir())
	if err != nil || driver.Name() != "process" || !strings.Contains(about, "containers don't work here") {
		t.Errorf("%q %v", about, err)
	}
}
