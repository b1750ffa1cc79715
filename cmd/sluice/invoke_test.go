package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-run/sluice/internal/records"
)

const answering = `
const respond = (body) => awslambda.streamifyResponse(async (event, stream) => {
  await body(awslambda.HttpResponseStream.from(stream, {
    statusCode: 201, headers: { 'content-type': 'text/html', 'x-odd': 'a\x1b[2Jb' }, cookies: ['c=1'] }), event)
})
export const Page = respond(async (s) => { s.write('<p>one'); s.end('<p>two') })
export const Fails = respond(async (s) => { s.write('part'); throw new RangeError('ordered') })
export const Screams = respond(async (s) => { s.write('part'); throw new RangeError('loud\x1b[2J') })
export const Plain = awslambda.streamifyResponse(async (event, s) => { s.write('one'); s.end('two') })
export const Bytes = awslambda.streamifyResponse(async (event, s) => { s.end(Buffer.from([0xff, 0, 1])) })
export const Lines = awslambda.streamifyResponse(async (event, s) => { s.write('{"token":"a"}\n'); await fetch(event.gate); s.end('{"token":"b"}\n') })
export const Value = async (event) => ({ got: event })
export const Prints = async () => { process.stdout.write('a\x1b[31mb\x1b[2J\n') }
export const Throws = async () => { throw new RangeError('ordered') }
`

// startAnswering serves functions that answer in one way each. What is run at the
// returned address gives its exit code and what it printed.
func startAnswering(t *testing.T) (invoke func(args ...string) (code int, stdout, stderr string), begin func(args ...string) (*session, chan int)) {
	t.Helper()
	addr := serveAnswering(t)
	begin = func(args ...string) (*session, chan int) {
		s := newSession(t, nil, append([]string{"invoke", "--endpoint", "http://" + addr}, args...)...)
		if i := slices.Index(s.args, "in-colour"); i > 0 {
			s.args, s.environ = slices.Delete(s.args, i, i+1), append(s.environ, "CLICOLOR_FORCE=1")
		}
		code := make(chan int, 1)
		go func() { code <- s.run(t.Context()) }()
		return s, code
	}
	return func(args ...string) (int, string, string) {
		s, code := begin(args...)
		return <-code, s.stdout.(*output).String(), s.stderr.(*output).String()
	}, begin
}

func serveAnswering(t *testing.T) (addr string) {
	t.Helper()
	template := "Transform: AWS::Serverless-2016-10-31\nResources:\n"
	for _, name := range []string{"Page", "Fails", "Screams", "Plain", "Bytes", "Lines", "Value", "Throws", "Prints"} {
		template += "  " + name + ":\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: ., Handler: index." + name + ", Runtime: nodejs20.x, Timeout: 20}\n"
	}
	server, addr, ended := startProject(t, map[string]string{"template.yaml": template, "index.mjs": answering})
	t.Cleanup(func() {
		server.interrupt <- os.Interrupt
		<-ended
	})
	return addr
}

func TestInvokePrintsTheResponse(t *testing.T) {
	invoke, _ := startAnswering(t)
	const head = "201 Created\ncontent-type: text/html\nx-odd: ab\nset-cookie: c=1\n\n"
	const prelude = `{"statusCode":201,"headers":{"content-type":"text/html","x-odd":"a\u001b[2Jb"},"cookies":["c=1"]}` + "\x00\x00\x00\x00\x00\x00\x00\x00"
	for _, tt := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"Page", exitOK, "<p>one<p>two", head},
		{"Page --stream", exitOK, "<p>one<p>two", head},
		{"Page --stream in-colour", exitOK, "<p>one<p>two", "\x1b[2m201 Created\x1b[0m\n\x1b[2mcontent-type: text/html\x1b[0m\n"},
		{"Page --raw", exitOK, prelude + "<p>one<p>two", ""},
		{"Page --stream --raw", exitOK, prelude + "<p>one<p>two", ""},
		{"Fails --stream", exitFailure, "part", head + "sluice: the function failed: RangeError: ordered"},
		{"Plain", exitOK, "onetwo\n", ""},
		{"Plain --stream", exitOK, "onetwo\n", ""},
		{"Plain --stream --raw", exitOK, "onetwo", ""},
		{"Bytes --raw", exitOK, "\xff\x00\x01", ""},
		{`Value --payload {"a":1}`, exitOK, `{"got":{"a":1}}` + "\n", ""},
		{"Value --event", exitOK, "", ""},
		{"Throws", exitFailure, `{"errorType":"RangeError","errorMessage":"ordered"`, "sluice: the function failed\n"},
		{"Nope", exitFailure, "", "sluice: ResourceNotFoundException: Function not found"},
	} {
		code, stdout, stderr := invoke(strings.Fields(tt.args)...)
		whole := tt.code == exitOK && !strings.Contains(tt.args, "in-colour")
		if code != tt.code || !strings.HasPrefix(stdout, tt.stdout) || !strings.HasPrefix(stderr, tt.stderr) || whole && (stdout != tt.stdout || stderr != tt.stderr) {
			t.Errorf("%s: exit code %d, %q, %q; want %d, %q, %q", tt.args, code, stdout, stderr, tt.code, tt.stdout, tt.stderr)
		}
	}
}

// object is what invoke prints with --json, in either form.
type object struct {
	Type            string
	RequestID       string
	ExecutedVersion string
	FunctionError   string
	ErrorDetails    string
	Prelude         *preludeJSON
	preludeJSON
	Payload json.RawMessage
	Text    string
	Base64  []byte
	Bytes   int
	Size    int
	TotalMs float64
	Pieces  []pieceJSON
	Log     string
	Record  *records.Record
}

func TestInvokeInJSON(t *testing.T) {
	invoke, _ := startAnswering(t)
	ask := func(args ...string) (int, []object) {
		code, stdout, stderr := invoke(append(args, "--json")...)
		if code == exitOK && stderr != "" {
			t.Errorf("%q: %s", args, stderr)
		}
		var all []object
		for d := json.NewDecoder(strings.NewReader(stdout)); d.More(); {
			var o object
			if err := d.Decode(&o); err != nil {
				t.Fatalf("%q: %v: %s", args, err, stdout)
			}
			all = append(all, o)
		}
		return code, all
	}
	if code, all := ask("Page", "--logs"); code != exitOK || len(all) != 1 || all[0].Prelude == nil || all[0].Prelude.StatusCode != 201 || all[0].Prelude.Cookies[0] != "c=1" ||
		all[0].Prelude.Headers["content-type"][0] != "text/html" || all[0].Text != "<p>one<p>two" || all[0].ExecutedVersion != "$LATEST" || all[0].RequestID == "" || !strings.Contains(all[0].Log, "REPORT RequestId: "+all[0].RequestID) {
		t.Errorf("exit code %d, %+v", code, all)
	}
	if code, all := ask("Value", "--payload", `{"a":[1]}`); code != exitOK || strings.Join(strings.Fields(string(all[0].Payload)), "") != `{"got":{"a":[1]}}` || all[0].Prelude != nil || all[0].Pieces != nil {
		t.Errorf("exit code %d, %+v", code, all)
	}
	if code, all := ask("Bytes"); code != exitOK || string(all[0].Base64) != "\xff\x00\x01" {
		t.Errorf("exit code %d, %+v", code, all)
	}
	if code, all := ask("Page", "--timeline"); code != exitOK || len(all) != 1 || len(all[0].Pieces) == 0 || all[0].TotalMs <= 0 || all[0].Text != "<p>one<p>two" || all[0].Bytes != 12 ||
		all[0].Record == nil || all[0].Record.RequestID != all[0].RequestID || all[0].Record.Ending != "complete" || all[0].Record.Timeline == nil {
		t.Errorf("exit code %d, %+v", code, all)
	}
	if code, all := ask("Throws"); code != exitFailure || all[0].FunctionError != "Unhandled" || !strings.Contains(string(all[0].Payload), "RangeError") {
		t.Errorf("exit code %d, %+v", code, all)
	}
	code, all := ask("Page", "--stream")
	if last := all[len(all)-1]; code != exitOK || all[0].Type != "prelude" || all[0].StatusCode != 201 || all[1].Type != "chunk" || !strings.HasPrefix(all[1].Text, "<p>one") || last.Type != "end" || last.RequestID == "" || last.Bytes != 12 {
		t.Errorf("exit code %d, %+v", code, all)
	}
	if code, all := ask("Fails", "--stream"); code != exitFailure || all[len(all)-1].Type != "end" || all[len(all)-1].FunctionError == "" || !strings.Contains(all[len(all)-1].ErrorDetails, "ordered") {
		t.Errorf("exit code %d, %+v", code, all)
	}
}

func TestInvokeDrawsWhenPiecesCame(t *testing.T) {
	invoke, _ := startAnswering(t)
	for name, want := range map[string]struct {
		code   int
		ending string
	}{"Plain": {exitOK, "complete"}, "Fails": {exitFailure, "function-error"}} {
		code, stdout, stderr := invoke(name, "--timeline")
		summary := regexp.MustCompile(`(?m)^first byte after \S+, \d+ pieces?, \d+ B, largest gap \S+, total \S+, throttled 0s, ended ` + want.ending + "$")
		if code != want.code || stdout == "" || !strings.Contains(stderr, "█") || !summary.MatchString(stderr) || name == "Fails" && !strings.Contains(stderr, "sluice: the function failed: RangeError: ordered\n") {
			t.Errorf("%s: exit code %d, %q, %s", name, code, stdout, stderr)
		}
	}
}

// JSON lines look like a prelude for a moment, and must not wait for it.
func TestInvokeStreamsJSONLines(t *testing.T) {
	_, begin := startAnswering(t)
	open := make(chan bool)
	gate := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-open }))
	defer gate.Close()
	s, code := begin("Lines", "--stream", "--payload", `{"gate":"`+gate.URL+`"}`)
	deadline := time.Now().Add(20 * time.Second)
	for s.stdout.(*output).String() != "{\"token\":\"a\"}\n" {
		if time.Now().After(deadline) {
			t.Errorf("before the end: %q %s", s.stdout, s.stderr)
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	close(open)
	if got := <-code; got != exitOK || s.stdout.(*output).String() != "{\"token\":\"a\"}\n{\"token\":\"b\"}\n" {
		t.Errorf("exit code %d, %q %s", got, s.stdout, s.stderr)
	}
}
