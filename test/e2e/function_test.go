package e2e

import (
	"archive/zip"
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// withProperties is the template with more properties of its function, each line
// indented by six.
func withProperties(lines string) string { return template + lines }

func TestQuirksAreFaithfulAndCanBeFixed(t *testing.T) {
	const code = `awslambda.HttpResponseStream.from(s, {statusCode: 201, headers: {'x-a': 'b'}}).end()`
	for quirks, want := range map[string]int{"aws": 200, "fixed": 201} {
		d := startDev(t, project(t, map[string]string{"template.yaml": template, "index.mjs": streaming(code)}), "--quirks", quirks)
		if status, body, err := d.body("Fn", ""); status != want || body != "" || err != nil {
			t.Errorf("%s: %d %q %v", quirks, status, body, err)
		}
		if quirks == "aws" {
			d.wait("log", func(e event) bool { return e.Source == "hint" && strings.Contains(e.Text, "quirks: fixed") })
		}
	}
}

func TestStackTracesNameTheTypeScript(t *testing.T) {
	d := startDev(t, project(t, map[string]string{
		"template.yaml": strings.Replace(template, "index.handler", "src/app.handler", 1),
		"src/app.ts":    "import { fail } from './fail'\nexport const handler = async (): Promise<void> => fail('bad')\n",
		"src/fail.ts":   "\n\nexport function fail(text: string): never {\n  throw new RangeError(text)\n}\n",
	}))
	if status, _, _ := d.body("Fn", ""); status != 502 {
		t.Errorf("status %d", status)
	}
	d.wait("log", func(e event) bool {
		return strings.Contains(e.Text, "RangeError") && strings.Contains(e.Text, "src/fail.ts:4:9")
	})
}

func TestJavaScriptSyntaxErrorHeals(t *testing.T) {
	dir := project(t, map[string]string{"template.yaml": template, "index.mjs": "export const handler = ("})
	d := startDev(t, dir)
	if status, _, _ := d.body("Fn", ""); status != 502 {
		t.Errorf("status %d", status)
	}
	d.wait("log", func(e event) bool { return strings.Contains(e.Text, "Runtime.UserCodeSyntaxError") })
	write(t, filepath.Join(dir, "index.mjs"), streaming(`s.write('healed'); s.end()`))
	d.wait("reloaded", func(event) bool { return true })
	if status, body, _ := d.body("Fn", ""); status != 200 || body != "healed" {
		t.Errorf("%d %q", status, body)
	}
}

func TestTheTemplateReloads(t *testing.T) {
	dir := project(t, map[string]string{"index.mjs": streaming(`s.write(process.env.GREETING ?? 'none'); s.end()`), "template.yaml": template})
	d := startDev(t, dir)
	if _, body, _ := d.body("Fn", ""); body != "none" {
		t.Fatalf("%q", body)
	}
	write(t, filepath.Join(dir, "template.yaml"), withProperties("      Timeout: 1\n"))
	if failed := d.wait("buildFailed", func(event) bool { return true }); !strings.Contains(failed.Diagnostic, "template.yaml:11:7: ") {
		t.Errorf("%q", failed.Diagnostic)
	}
	if _, body, _ := d.body("Fn", ""); body != "none" {
		t.Errorf("%q: the old template has to stay in service", body)
	}
	write(t, filepath.Join(dir, "template.yaml"), strings.ReplaceAll(withProperties("      Environment: {Variables: {GREETING: hi}}\n"), "  Fn:", "  Other:"))
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, body, _ := d.body("Other", ""); body == "hi" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the new function is not served")
		}
	}
	if status, _, _ := d.body("Fn", ""); status != 403 {
		t.Errorf("the removed function answers %d", status)
	}
}

func TestReservedConcurrencyThrottles(t *testing.T) {
	d := startDev(t, project(t, map[string]string{
		"template.yaml": withProperties("      ReservedConcurrentExecutions: 2\n"),
		"index.mjs":     streaming(`s.write('a'); await sleep(1500); s.end()`),
	}))
	for range 2 {
		io.ReadFull(d.get("Fn", "").Body, make([]byte, 1))
	}
	if status, body, _ := d.body("Fn", ""); status != 429 || !strings.Contains(body, "ReservedFunctionConcurrentInvocationLimitExceeded") {
		t.Errorf("%d %s", status, body)
	}
}

func TestConcurrentRequestsHaveEnvironmentsOfTheirOwn(t *testing.T) {
	d := startDev(t, project(t, map[string]string{"template.yaml": template, "index.mjs": `import fs from 'node:fs'
` + streaming(`
  fs.appendFileSync('/tmp/mark', 'x')
  s.write(String(process.pid) + ' ' + fs.readFileSync('/tmp/mark', 'utf8'))
  await sleep(700); s.end()`)}))
	var wg sync.WaitGroup
	var mu sync.Mutex
	pids := map[string]bool{}
	for range 4 {
		wg.Go(func() {
			_, body, err := d.body("Fn", "")
			pid, mark, _ := strings.Cut(body, " ")
			mu.Lock()
			defer mu.Unlock()
			if pids[pid] = true; err != nil || mark != "x" {
				t.Errorf("%q %v: /tmp is shared", body, err)
			}
		})
	}
	wg.Wait()
	if len(pids) != 4 {
		t.Errorf("%d processes for 4 concurrent requests", len(pids))
	}
	// The next request takes a warm one.
	if _, body, _ := d.body("Fn", ""); !strings.HasSuffix(body, " xx") {
		t.Errorf("%q", body)
	}
}

func TestLayersAndArchives(t *testing.T) {
	dir := project(t, map[string]string{
		"template.yaml": strings.Replace(template, "CodeUri: .", "CodeUri: code.zip", 1) + `      Layers: [!Ref Lib]
  Lib:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: lib}
`,
		"lib/nodejs/node_modules/greeting/index.js": "module.exports = 'from the layer'",
	})
	file, err := os.Create(filepath.Join(dir, "code.zip"))
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(file)
	entry, _ := w.Create("index.js")
	io.WriteString(entry, "const text = require('greeting')\nexports.handler = async () => text")
	if err := errors.Join(w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	d := startDev(t, dir)
	if status, body, _ := d.body("Fn", ""); status != 200 || body != `"from the layer"` {
		t.Errorf("%d %s", status, body)
	}
}

func TestASlowReaderHoldsTheFunctionBack(t *testing.T) {
	d := startDev(t, project(t, map[string]string{"template.yaml": template, "index.mjs": `import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
let sent = 0
` + streaming(`
  if (event.rawPath === '/sent') { s.write(String(sent)); return s.end() }
  async function * pieces () { for (let i = 0; i < 1600; i++) { sent += 65536; yield Buffer.alloc(65536) } }
  await pipeline(Readable.from(pieces()), s)`)}), "--limits", "streamedPayload=0,streamRate=0")
	resp := d.get("Fn", "")
	if _, err := io.ReadFull(resp.Body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	for _, pid := range processesBelow(t, d.cmd.Process.Pid) {
		if rss := residentMB(t, pid); rss > 150 {
			t.Errorf("process %d holds %d MB while its client reads nothing", pid, rss)
		}
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != 1600*65536-1<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestInspectorStopsTheClock(t *testing.T) {
	d := startDev(t, project(t, map[string]string{
		"template.yaml": strings.Replace(template, "Timeout: 20", "Timeout: 1", 1),
		"index.mjs":     streaming(`s.write('begun '); await sleep(Number(event.queryStringParameters?.ms ?? 0)); s.write('ended'); s.end()`),
	}), "--inspect=0")
	if _, body, err := d.body("Fn", ""); body != "begun ended" || err != nil {
		t.Fatalf("%q %v", body, err)
	}
	if _, body, err := d.body("Fn", "?ms=1500"); body != "begun " || err == nil {
		t.Errorf("%q %v: without a debugger the clock runs", body, err)
	}
	d.body("Fn", "") // a fresh process after the timeout
	conn := attachDebugger(t, d)
	if _, body, err := d.body("Fn", "?ms=1500"); body != "begun ended" || err != nil {
		t.Errorf("%q %v: with a debugger it stands still", body, err)
	}
	conn.Close()
}

// attachDebugger opens a session the way Chrome's tools do.
func attachDebugger(t *testing.T, d *devServer) net.Conn {
	t.Helper()
	addr := ""
	for _, w := range d.ready.Warnings {
		if _, rest, found := strings.Cut(w, "debugger at "); found {
			addr, _, _ = strings.Cut(rest, ";")
		}
	}
	resp, err := http.Get("http://" + addr + "/json/list")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var targets []struct {
		URL string `json:"webSocketDebuggerUrl"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&targets); err != nil || len(targets) != 1 {
		t.Fatalf("%v %v", targets, err)
	}
	_, path, _ := strings.Cut(strings.TrimPrefix(targets[0].URL, "ws://"), "/")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET /"+path+" HTTP/1.1\r\nHost: "+addr+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
	if status, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(status, "101") {
		t.Fatalf("%q %v", status, err)
	}
	return conn
}
