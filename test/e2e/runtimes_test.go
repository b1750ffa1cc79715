package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func needProgram(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not on the PATH", name)
		}
	}
}

// A function in any language streams on the same terms.
func TestEveryRuntimeStreams(t *testing.T) {
	for _, tt := range []struct {
		example, function, query string
		needs                    []string
		want                     string
		chunks                   int
		takes                    time.Duration
	}{
		{"go", "Primes", "?count=4&pause=150", []string{"go"}, `^2\n3\n5\n7\n$`, 4, 300 * time.Millisecond},
		{"shell", "Clock", "?count=2", []string{"curl"}, `^\d\d:\d\d:\d\d\n\d\d:\d\d:\d\d\n$`, 2, 500 * time.Millisecond},
		{"python", "Story", "?pause=10", []string{"python3"}, `^Once there was a river`, 10, 150 * time.Millisecond},
		{"python-asgi", "Ticker", "?count=3&pause=150", []string{"python3"}, `^id: 0\ndata: \{"tick": 0, "from": "127.0.0.1"\}\n\nid: 1`, 3, 150 * time.Millisecond},
		{"extension", "Watched", "", nil, `^one two three\n$`, 3, 200 * time.Millisecond},
	} {
		t.Run(tt.example, func(t *testing.T) {
			needProgram(t, tt.needs...)
			d := startDev(t, "../../examples/"+tt.example)
			resp := d.get(tt.function, tt.query)
			chunks, at, err := arrivals(resp.Body)
			if err != nil || resp.StatusCode != 200 || !regexp.MustCompile(tt.want).MatchString(strings.Join(chunks, "")) {
				t.Fatalf("%s %q %v", resp.Status, chunks, err)
			}
			if len(chunks) < tt.chunks || at[len(at)-1]-at[0] < tt.takes {
				t.Errorf("%d chunks at %v: the response was held back", len(chunks), at)
			}
			if tt.example == "extension" {
				d.waitLog("watch: ")
			}
		})
	}
}

func TestGoFunctionsAreCompiledAgain(t *testing.T) {
	needProgram(t, "go")
	dir := project(t, map[string]string{
		"go.mod": "module fn\n\ngo 1.24\n",
		"main.go": `package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		next, err := http.Get(api + "next")
		if err != nil {
			return
		}
		io.Copy(io.Discard, next.Body)
		next.Body.Close()
		id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
		resp, _ := http.Post(api+id+"/response", "text/plain", strings.NewReader(fmt.Sprint("version one")))
		resp.Body.Close()
	}
}
`,
		"template.yaml": strings.NewReplacer("index.handler", "bootstrap", "nodejs20.x", "provided.al2023").Replace(template),
	})
	d := startDev(t, dir)
	read := func() string {
		t.Helper()
		resp := d.get("Fn", "")
		chunks, _, err := arrivals(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(chunks, "")
	}
	if got := read(); got != "version one" {
		t.Fatalf("%q", got)
	}
	file := filepath.Join(dir, "main.go")
	text, _ := os.ReadFile(file)
	write(t, file, strings.Replace(string(text), "version one", "version two", 1))
	d.wait("reloaded", func(e event) bool { return e.Function == "Fn" })
	if got := read(); got != "version two" {
		t.Errorf("%q", got)
	}
	write(t, file, strings.Replace(string(text), "func main", "func main broken", 1))
	e := d.wait("buildFailed", func(e event) bool { return e.Function == "Fn" })
	if !strings.Contains(e.Diagnostic, "main.go:") || !strings.Contains(e.Diagnostic, "syntax error") {
		t.Errorf("%q", e.Diagnostic)
	}
	write(t, file, string(text))
	d.wait("buildHealed", func(e event) bool { return e.Function == "Fn" })
	if got := read(); got != "version one" {
		t.Errorf("%q", got)
	}
}

// The web adapter: an extension asks for the events, and the function's process is a
// plain HTTP server that knows nothing of Lambda.
func TestAWebAdapterStreams(t *testing.T) {
	needProgram(t, "python3")
	dir := project(t, map[string]string{
		"layer/bootstrap": `#!/bin/sh
exec "$LAMBDA_TASK_ROOT/$_HANDLER"
`,
		"layer/extensions/adapter": `#!/usr/bin/env python3
import http.client, json, os, time

api = os.environ["AWS_LAMBDA_RUNTIME_API"]

def request(method, path, body=None, headers={}):
    c = http.client.HTTPConnection(api)
    c.request(method, path, body, headers)
    r = c.getresponse()
    return r, r.read()

r, _ = request("POST", "/2020-01-01/extension/register", '{ "events": [] }', {"Lambda-Extension-Name": "adapter"})
id = r.headers["Lambda-Extension-Identifier"]
waiting = http.client.HTTPConnection(api)
waiting.request("GET", "/2020-01-01/extension/event/next", headers={"Lambda-Extension-Identifier": id})
while True:
    try:
        http.client.HTTPConnection("127.0.0.1", int(os.environ["PORT"])).request("GET", "/ready"); break
    except OSError:
        time.sleep(0.01)
while True:
    r, event = request("GET", "/2018-06-01/runtime/invocation/next")
    event = json.loads(event)
    app = http.client.HTTPConnection("127.0.0.1", int(os.environ["PORT"]))
    app.request("GET", event["rawPath"])
    answer = app.getresponse()
    post = http.client.HTTPConnection(api)
    post.putrequest("POST", "/2018-06-01/runtime/invocation/" + r.headers["Lambda-Runtime-Aws-Request-Id"] + "/response")
    for name, value in (("Lambda-Runtime-Function-Response-Mode", "streaming"), ("Transfer-Encoding", "chunked"),
                        ("Content-Type", "application/vnd.awslambda.http-integration-response")):
        post.putheader(name, value)
    post.endheaders()
    def chunk(data):
        post.send(b"%x\r\n%s\r\n" % (len(data), data))
    chunk(json.dumps({"statusCode": answer.status, "headers": dict(answer.headers)}).encode())
    chunk(bytes(8))
    while piece := answer.read1():
        chunk(piece)
    post.send(b"0\r\n\r\n")
    post.getresponse().read()
`,
		"src/app": `#!/usr/bin/env python3
import http.server, os, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(201)
        self.send_header("X-App", self.path)
        self.end_headers()
        for word in (b"plain ", b"old ", b"http"):
            self.wfile.write(word); self.wfile.flush(); time.sleep(0.15)
    def log_message(self, *a): pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
`,
		"template.yaml": `Transform: AWS::Serverless-2016-10-31
Resources:
  Adapter:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layer}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app
      Runtime: python3.11
      Timeout: 20
      Layers: [!Ref Adapter]
      Environment: {Variables: {AWS_LAMBDA_EXEC_WRAPPER: /opt/bootstrap, PORT: "18733"}}
      FunctionUrlConfig: {AuthType: NONE, InvokeMode: RESPONSE_STREAM}
`,
	})
	for _, file := range []string{"layer/bootstrap", "layer/extensions/adapter", "src/app"} {
		if err := os.Chmod(filepath.Join(dir, file), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d := startDev(t, dir)
	for range 2 {
		resp := d.get("Fn", "some/path")
		chunks, at, err := arrivals(resp.Body)
		if err != nil || resp.StatusCode != 201 || resp.Header.Get("X-App") != "/some/path" || strings.Join(chunks, "") != "plain old http" {
			t.Fatalf("%s %v %q %v", resp.Status, resp.Header, chunks, err)
		}
		if at[len(at)-1]-at[0] < 150*time.Millisecond {
			t.Errorf("chunks at %v: the response was held back", at)
		}
	}
}

// AWS's own library for Go ends its process on any answer it does not expect.
func TestAWSLibraryForGo(t *testing.T) {
	needProgram(t, "go")
	code, err := filepath.Abs("golambda")
	if err != nil {
		t.Fatal(err)
	}
	resource := strings.NewReplacer("index.handler", "bootstrap", "nodejs20.x", "provided.al2023", "CodeUri: .", "CodeUri: "+code).Replace(template)
	d := startDev(t, project(t, map[string]string{"template.yaml": resource}))
	resp := d.get("Fn", "stream")
	chunks, at, err := arrivals(resp.Body)
	if err != nil || resp.StatusCode != 202 || strings.Join(chunks, "") != "one two three" || resp.Header.Get("X-Id") != resp.Header.Get("x-amzn-RequestId") {
		t.Fatalf("%s %v %q %v", resp.Status, resp.Header, chunks, err)
	}
	if at[len(at)-1]-at[0] < 100*time.Millisecond {
		t.Errorf("chunks at %v: the response was held back", at)
	}
	resp = d.get("Fn", "broken")
	if chunks, _, err := arrivals(resp.Body); err == nil || strings.Join(chunks, "") != "part" {
		t.Errorf("a broken stream looks whole: %q", chunks)
	}
	d.wait("request", func(e event) bool { return e.Path == "/broken" && e.Ending == "function-error" })
	if resp := d.get("Fn", "error"); resp.StatusCode != 502 {
		t.Errorf("%s", resp.Status)
	}
	if resp := d.get("Fn", ""); resp.StatusCode != 200 { // the process is still the same
		t.Errorf("%s", resp.Status)
	}
}
