package terminal

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"go.uber.org/goleak"

	sluice "github.com/sluice-run/sluice"
)

var update = flag.Bool("update", false, "write the transcripts in testdata anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	noon = time.Date(2025, 6, 1, 12, 0, 0, 123_456_789, time.UTC)
	id   = "8f507cfc-0000-4aaa-8bbb-123456789abc"
)

// options returns o with a fixed zone and clock.
func options(o Options) Options {
	o.Zone = time.FixedZone("", 2*60*60)
	o.Now = func() time.Time { return noon }
	return o
}

// printed returns what f prints through a Terminal.
func printed(t *testing.T, o Options, f func(*Terminal)) string {
	t.Helper()
	var b bytes.Buffer
	term := New(&b, options(o))
	f(term)
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func banner() Banner {
	return Banner{
		Console: "http://127.0.0.1:9000/_sluice/console/",
		Time:    noon, Command: "dev", Version: "0.1.0", Source: "examples/hello/template.yaml",
		Address: "http://127.0.0.1:9000", Took: 312 * time.Millisecond,
		Functions: []BannerFunction{
			{
				Name: "hello", Runtime: "nodejs22.x", ServedBy: "node v22.3.0", Timeout: 30 * time.Second, MemoryMB: 128,
				URLs: []BannerURL{{
					Mode: sluice.ResponseStream, Auth: sluice.AuthNone,
					Host: "http://hello.lambda-url.localhost:9000/", Path: "http://127.0.0.1:9000/lambda-url/hello/",
				}},
			},
			{
				Name: "BufferedReport", Runtime: "nodejs24.x", ServedBy: "node v20.1.0", RuntimeWarning: "no node 24 on PATH; run: sluice runtimes install nodejs24.x",
				Timeout: 15 * time.Minute, MemoryMB: 1024,
				URLs: []BannerURL{{
					Mode: sluice.Buffered, Auth: sluice.AuthIAM, Qualifier: "live",
					Host: "http://bufferedreport.lambda-url.localhost:9000/", Path: "http://127.0.0.1:9000/lambda-url/BufferedReport/",
					Note: "AWS_IAM: takes any signature here, and answers 403 without one",
				}},
			},
			{Name: "worker", Runtime: "provided.al2023", Timeout: 3 * time.Second, MemoryMB: 256},
		},
		NotRun: []NotRun{
			{"Orders", "AWS::DynamoDB::Table", ""}, {"Files", "AWS::S3::Bucket", ""}, {"Users", "AWS::DynamoDB::Table", ""},
			{"Report", "AWS::Serverless::Function", "runtime python3.13 is not served"},
		},
		Warnings: []string{"Parameter Stage has no default;\nan empty value is used"},
		Outputs:  []Output{{"HelloUrl", "http://hello.lambda-url.localhost:9000/"}, {"Table", "Orders"}},
	}
}

// session plays a development session with one event of each kind.
func session(t *Terminal) {
	log := func(source sluice.LogSource, level, text string) {
		t.Log(sluice.LogLine{
			Time: noon, Function: "hello", Stream: "2025/06/01/[$LATEST]00", RequestID: id, Source: source, Level: level, Text: text,
		})
	}
	t.Ready(banner())
	log(sluice.SourcePlatform, "", "INIT_START Runtime Version: nodejs:22.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:00")
	log(sluice.SourcePlatform, "", "START RequestId: "+id+" Version: $LATEST")
	log(sluice.SourceFunction, "", "raw \x1b[32mgreen\nstill green\x1b[0m plain")
	log(sluice.SourceFunction, "INFO", "2025-06-01T12:00:00.123Z\t"+id+"\tINFO\tthree chunks\rsecond line")
	log(sluice.SourceFunction, "WARN", "2025-06-01T12:00:00.123Z\t"+id+"\tWARN\tlow on patience")
	log(sluice.SourceFunction, "ERROR", "2025-06-01T12:00:00.123Z\t"+id+"\tERROR\tInvoke Error \t"+
		`{"errorType":"TypeError","errorMessage":"x is not a function","code":"E_X","stack":["TypeError: x is not a function","    at handler (/var/task/index.mjs:3:5)"]}`)
	log(sluice.SourceFunction, "ERROR", `{"timestamp":"2025-06-01T12:00:00.123Z","level":"ERROR","message":"as JSON"}`)
	log(sluice.SourceFunction, "", "")
	log(sluice.SourceHint, "", "the prelude was lost: call write('') before end(), or set quirks: fixed")
	log(sluice.SourcePlatform, "", "END RequestId: "+id)
	log(sluice.SourcePlatform, "", "REPORT RequestId: "+id+"\tDuration: 5.00 ms\tBilled Duration: 6 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\t")
	log(sluice.SourcePlatform, "", "REPORT RequestId: "+id+"\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\tStatus: timeout")
	t.Invoked(sluice.Record{
		Time: noon, RequestID: id, Function: "hello", Version: "$LATEST", Stream: "2025/06/01/[$LATEST]00", Mode: sluice.ResponseStream,
		Init: 81500 * time.Microsecond, FirstByte: 1234567 * time.Nanosecond, Duration: 3021 * time.Millisecond, Billed: 3103 * time.Millisecond,
		MemoryMB: 128, MaxMemoryMB: 61, Bytes: 9 * sluice.MB, PastBurst: 3 * sluice.MB, Throttled: 1500 * time.Millisecond, Chunks: 144,
		Ending: sluice.EndingFunctionError, ErrorType: "TypeError",
	})
	for _, a := range []sluice.Access{
		{Method: "GET", Path: "/?n=3", Status: 200, FirstByte: 12345 * time.Microsecond, Total: 3021 * time.Millisecond, Bytes: 1234, Chunks: 4, Ending: sluice.EndingComplete},
		{Method: "POST", Path: "/upload/a/very/long/path?with=query", Status: 301, FirstByte: time.Millisecond, Total: 2 * time.Millisecond, Bytes: 1, Chunks: 1, Ending: sluice.EndingComplete},
		{Method: "GET", Path: "/big", Status: 200, FirstByte: time.Millisecond, Total: 8 * time.Second, Bytes: 20 * sluice.MB, PastBurst: 14 * sluice.MB, Throttled: 7 * time.Second, Chunks: 320,
			Ending: sluice.EndingOversized, Reason: "AWS would have cut this stream at 20MB;\nraise streamedPayload"},
		{Method: "GET", Path: "/gone", Status: 200, FirstByte: time.Millisecond, Total: time.Second, Bytes: 10, Chunks: 1, Ending: sluice.EndingClientGone, Reason: "the client left; the function ran on"},
		{Method: "DELETE", Path: "/", Status: 429, FirstByte: 50 * time.Microsecond, Total: 60 * time.Microsecond, Ending: sluice.EndingRefused, Reason: "Rate Exceeded."},
		{Method: "GET", Path: "/", Status: 502, FirstByte: time.Millisecond, Total: time.Millisecond, Bytes: 21, Chunks: 1, Ending: sluice.EndingExit},
		{Method: "GET", Path: "/", Total: 125 * time.Second, Ending: sluice.EndingShutdown},
	} {
		a.Time, a.RequestID, a.Function = noon, id, "hello"
		t.Answered(a)
	}
	t.Reloaded(Reload{Time: noon, Function: "hello", File: "src/index.ts", Took: 45 * time.Millisecond})
	t.BuildFailed(BuildFailure{Time: noon, Function: "hello", Diagnostic: "src/index.ts:3:5: ERROR: Expected \";\"\n    3 | le x\n      |    ^\n"})
	t.BuildHealed(Reload{Time: noon, Function: "hello", Took: 38 * time.Millisecond})
	t.Warned(Warning{Time: noon, Text: "template.yaml:3:1: the change needs a restart\nport 9000 stays"})
	t.Stopping(Stop{Time: noon, Streams: 2, Drain: 10 * time.Second})
	t.Stopping(Stop{Time: noon})
}

func TestTranscripts(t *testing.T) {
	for name, o := range map[string]Options{
		"plain.txt":   {},
		"verbose.txt": {Verbose: true},
		"colour.txt":  {Colour: true},
		"narrow.txt":  {Width: func() int { return 80 }},
		"json.jsonl":  {JSON: true},
	} {
		t.Run(name, func(t *testing.T) {
			got := printed(t, o, session)
			file := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs (go test -update accepts it):\n%s", file, got)
			}
		})
	}
}

func TestColoursAreAllThatColourAdds(t *testing.T) {
	plain, coloured := printed(t, Options{}, session), printed(t, Options{Colour: true}, session)
	var b strings.Builder
	for i := 0; i < len(coloured); {
		if n, sgr := sequence(coloured[i:]); n > 0 && sgr {
			i += n
			continue
		}
		b.WriteByte(coloured[i])
		i++
	}
	if b.String() != plain {
		t.Errorf("without its colours:\n%s\nplain:\n%s", b.String(), plain)
	}
}

func TestEveryJSONLineIsOneObjectWithTypeAndTime(t *testing.T) {
	types := map[string]bool{}
	for line := range strings.Lines(printed(t, Options{JSON: true}, session)) {
		var v struct{ Type, Time string }
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if v.Time != "2025-06-01T12:00:00.123Z" {
			t.Errorf("time %q in %s", v.Time, line)
		}
		if strings.Contains(line, "null") {
			t.Errorf("null in %s", line)
		}
		types[v.Type] = true
	}
	for _, kind := range []string{"log", "invocation", "request", "ready", "reloaded", "buildFailed", "buildHealed", "warning", "stopping"} {
		if !types[kind] {
			t.Errorf("no line of type %s", kind)
		}
	}
	empty := printed(t, Options{JSON: true}, func(term *Terminal) {
		term.Ready(Banner{Time: noon, Functions: []BannerFunction{{Name: "f"}}})
		term.Ready(Banner{Time: noon})
	})
	if strings.Contains(empty, "null") {
		t.Errorf("null in %s", empty)
	}
}

func TestRequestLineFitsTheTerminal(t *testing.T) {
	for _, tc := range []struct {
		path  string
		width int
		want  string
	}{
		{"/short", 120, "/short          "},
		{"/a/" + strings.Repeat("x", 100) + "/end", 100, "/a/xxxxxxxxxxxxxx…xxxxxxxxxxxxx/end"},
		{"/" + strings.Repeat("日", 100) + "?q", 110, "/日日日日日日日日日日…日日日日日日日日日日?q"},
		{"/" + strings.Repeat("y", 40), 10, "/yyyyy…yyyyy"},
	} {
		got := printed(t, Options{Width: func() int { return tc.width }}, func(term *Terminal) {
			term.Answered(sluice.Access{Time: noon, Function: "f", Method: "GET", Path: tc.path, Status: 200,
				FirstByte: 12 * time.Millisecond, Total: time.Second, Bytes: 1 << 20, Chunks: 12, Ending: sluice.EndingComplete})
		})
		if !strings.Contains(got, tc.want+"  200") {
			t.Errorf("width %d: %q lacks %q", tc.width, got, tc.want)
		}
		if width := ansi.StringWidth(strings.TrimSpace(got)); width > tc.width && tc.width > 80 {
			t.Errorf("a line of %d columns in a terminal of %d", width, tc.width)
		}
	}
}

func TestRawLinesKeepTheirPlaceAndEnd(t *testing.T) {
	got := printed(t, Options{}, func(term *Terminal) {
		for _, s := range []string{"level=INFO msg=one\n", "two", ""} {
			if n, err := term.Write([]byte(s)); n != len(s) || err != nil {
				t.Errorf("Write(%q) = %d, %v", s, n, err)
			}
		}
	})
	if got != "level=INFO msg=one\ntwo\n" {
		t.Errorf("got %q", got)
	}
}

func TestDetect(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, tc := range []struct {
		environ []string
		want    bool
	}{
		{nil, false},
		{[]string{"TERM=xterm-256color"}, false},
		{[]string{"FORCE_COLOR=1"}, true},
		{[]string{"FORCE_COLOR=0"}, false},
		{[]string{"CLICOLOR_FORCE=1", "TERM=dumb"}, true},
		{[]string{"CLICOLOR_FORCE=0"}, false},
		{[]string{"CLICOLOR_FORCE=1", "NO_COLOR=yes"}, false},
		{[]string{"CLICOLOR_FORCE=1", "NO_COLOR="}, true},
	} {
		o := Detect(f, tc.environ)
		if o.Colour != tc.want || o.Width != nil {
			t.Errorf("%v: colour %v, want %v; a file has no width", tc.environ, o.Colour, tc.want)
		}
	}
	if o := Detect(&bytes.Buffer{}, []string{"FORCE_COLOR=true"}); !o.Colour {
		t.Error("FORCE_COLOR does not count for a buffer")
	}
}

func TestNameColoursAreStableAndNeverRed(t *testing.T) {
	seen := map[style]bool{}
	for _, name := range []string{"hello", "buffered", "worker", "stream", "api", "orders", "users", "a", "b", "c"} {
		st := nameStyle(name)
		if st != nameStyle(name) || st == red || st == boldRed {
			t.Errorf("%s is %q", name, st)
		}
		seen[st] = true
	}
	if len(seen) < 4 {
		t.Errorf("ten names share %d colours", len(seen))
	}
}

func TestHumanNumbers(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0ms", -1: "0ms", 1: "1µs", 850 * time.Microsecond: "850µs", time.Millisecond: "1ms", 12345 * time.Microsecond: "12.3ms",
		999400 * time.Microsecond: "999ms", 999600 * time.Microsecond: "1s", 1250 * time.Millisecond: "1.25s", 30 * time.Second: "30s",
		59960 * time.Millisecond: "1m", 125 * time.Second: "2m05s", 15 * time.Minute: "15m", 3 * time.Hour: "3h", 3*time.Hour + 5*time.Minute: "3h05m",
	} {
		if got := duration(d); got != want {
			t.Errorf("duration(%d) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{
		0: "0B", 1023: "1023B", 1024: "1KB", 1234: "1.21KB", 20 << 20: "20MB", 1023 << 10: "1MB", 10 << 30: "10GB", 5 << 40: "5TB", 1<<63 - 1: "8388608TB",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestWeighPlatformLines(t *testing.T) {
	for text, want := range map[string]weight{
		"START RequestId: x Version: $LATEST":                                                  routine,
		"END RequestId: x":                                                                     routine,
		"INIT_START Runtime Version: x":                                                        routine,
		"EXTENSION\tName: e\tState: Ready\tEvents: [INVOKE]":                                   routine,
		"EXTENSION\tName: e\tState: LaunchError\tEvents: []":                                   failure,
		"REPORT RequestId: x\tDuration: 5.00 ms\t":                                             routine,
		"REPORT RequestId: x\tDuration: 5.00 ms\tStatus: error\tError Type: Runtime.ExitError": failure,
		"INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout":                  failure,
		"2024-03-04T17:22:38.033Z x Task timed out after 3.00 seconds":                         failure,
		"RequestId: x Error: Runtime exited with error: exit status 1\nRuntime.ExitError":      failure,
		`{"time":"","type":"platform.start","record":{}}`:                                      routine,
		`{"time":"","type":"platform.report","record":{"status":"success"}}`:                   routine,
		`{"time":"","type":"platform.report","record":{"status":"timeout"}}`:                   failure,
		`{"time":"","type":"platform.runtimeDone","record":{"status":"error"}}`:                routine,
		`{"time":"","type":"platform.initReport","record":{"status":"error"}}`:                 failure,
		`{"broken`:            notable,
		"something new":       notable,
		"STARTLING discovery": notable,
	} {
		if got := weigh(text); got != want {
			t.Errorf("weigh(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestNodeErrorsAreUnfoldedOnlyWithoutLoss(t *testing.T) {
	for text, want := range map[string]string{
		"plain\ttext": "plain\ttext",
		"Invoke Error \t{\"errorType\":\"E\",\"errorMessage\":\"m\",\"stack\":[\"E: m\",\"    at f\"]}": "Invoke Error\nE: m\n    at f",
		"Invoke Error \t{\"errorType\":\"E\",\"errorMessage\":\"m\",\"code\":1,\"stack\":[\"E: m\"]}":   "Invoke Error\nE: m\n{\"code\":1}",
		"Invoke Error \t{\"errorMessage\":\"changed later\",\"stack\":[\"E: m\"]}":                      "Invoke Error \t{\"errorMessage\":\"changed later\",\"stack\":[\"E: m\"]}",
		"Invoke Error \t{\"errorMessage\":\"m\",\"stack\":\"text\"}":                                    "Invoke Error \t{\"errorMessage\":\"m\",\"stack\":\"text\"}",
		"broken \t{": "broken \t{",
	} {
		if got := unfoldError(text); got != want {
			t.Errorf("unfoldError(%q) = %q, want %q", text, got, want)
		}
	}
}
