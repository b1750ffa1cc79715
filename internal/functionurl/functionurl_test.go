package functionurl

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// prelude is the beginning of an integration response.
func prelude(json string) string { return json + "\x00\x00\x00\x00\x00\x00\x00\x00" }

const integrationType = "application/vnd.awslambda.http-integration-response"

func TestEvent20(t *testing.T) { // docs/contract/function-url.md §2
	f := serve(t, sluice.Buffered, nil)
	answer := f.raw("POST /a%2Fb/%C3%BC?x=1&x=2&y=a+b%20c&e HTTP/1.1\r\nHost: FN.lambda-url.eu-west-1.example:9000\r\n" +
		"Cookie: c1=v1; c2=v2\r\nCookie: c3=v3\r\nX-Multi: a\r\nX-Multi: b\r\nUser-Agent: test/1\r\nAuthorization: Bearer t\r\n" +
		"Content-Type: application/json; charset=utf-8\r\nContent-Length: 10\r\nKeep-Alive: 5\r\nX-Hop: 1\r\nConnection: close, x-hop\r\nX-Forwarded-For: 203.0.113.7\r\n" +
		"X-Amzn-Trace-Id: Self=1;Root=1-643ecb2b-0123456789abcdef01234567\r\n\r\n{\"k\":\"ü\"}")
	head, body, _ := strings.Cut(answer, "\r\n\r\n")
	if !strings.HasPrefix(head, "HTTP/1.1 200 OK\r\n") {
		t.Fatalf("%s", answer)
	}
	id := regexp.MustCompile(`x-amzn-RequestId: (\S+)`).FindStringSubmatch(head)
	if id == nil || !strings.Contains(head, "X-Amzn-Trace-Id: Root=1-643ecb2b-0123456789abcdef01234567;Sampled=0") {
		t.Fatalf("%s", head)
	}
	body = strings.ReplaceAll(body, id[1], "ID")
	body = regexp.MustCompile(`"time":"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000","timeEpoch":\d{13}`).ReplaceAllString(body, "TIME")
	body = regexp.MustCompile(`"x-forwarded-port":"\d+"`).ReplaceAllString(body, `"x-forwarded-port":"PORT"`)
	want := `{"version":"2.0","routeKey":"$default","rawPath":"/a%2Fb/%C3%BC","rawQueryString":"x=1&x=2&y=a+b%20c&e","cookies":["c1=v1","c2=v2","c3=v3"],` +
		`"headers":{"authorization":"Bearer t","content-length":"10","content-type":"application/json; charset=utf-8","cookie":"c1=v1; c2=v2; c3=v3",` +
		`"host":"FN.lambda-url.eu-west-1.example:9000","user-agent":"test/1","x-amzn-trace-id":"Root=1-643ecb2b-0123456789abcdef01234567",` +
		`"x-forwarded-for":"203.0.113.7, 127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http","x-multi":"a,b"},` +
		`"queryStringParameters":{"x":"1,2","y":"a b c","e":""},` +
		`"requestContext":{"accountId":"anonymous","apiId":"fn","domainName":"fn.lambda-url.eu-west-1.example","domainPrefix":"fn",` +
		`"http":{"method":"POST","path":"/a%2Fb/%C3%BC","protocol":"HTTP/1.1","sourceIp":"127.0.0.1","userAgent":"test/1"},` +
		`"requestId":"ID","routeKey":"$default","stage":"$default",TIME},"body":"{\"k\":\"ü\"}","isBase64Encoded":false}`
	if body != want {
		t.Errorf("event\n%s\nwant\n%s", body, want)
	}
	if a := f.access(); a.Method != "POST" || a.Path != "/a%2Fb/%C3%BC" || a.Status != 200 || a.Ending != sluice.EndingComplete || a.RequestID != id[1] || a.Function != "fn" {
		t.Errorf("%+v", a)
	}
}

// TestTheFunctionIsToldOfTheTrace: a function that is instrumented continues what its
// event names, so that has to be our span if there is one, and the client's if not.
func TestTheFunctionIsToldOfTheTrace(t *testing.T) {
	const came = "00-643ecb2b0123456789abcdef01234567-53995c3f42cd8ad8-01"
	const xray = "X-Amzn-Trace-Id: Root=1-643ecb2b-0123456789abcdef01234567;Parent=1111111111111111\r\n"
	for _, tc := range []struct {
		name, headers, traceparent, tracestate string
		recorded                               bool
	}{
		{"recorded", "Traceparent: " + came + "\r\nTracestate: a=1\r\nTracestate: b=2\r\n", "ours", "a=1,b=2", true},
		{"recorded, and begins here", "", "ours", "", true},
		{"recorded below another's parent", xray + "Traceparent: " + came + "\r\nTracestate: a=1\r\n", "ours", "", true},
		{"not recorded", "Traceparent: " + came + "\r\nTracestate: a=1\r\n", came, "a=1", false},
		{"not recorded, and begins here", "", "", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := serve(t, sluice.Buffered, func(f *front, _ *sluice.Function) {
				f.decide = func(tr *sluice.Trace) { tr.Recorded = tc.recorded }
			})
			_, body, _ := strings.Cut(f.raw("GET /lambda-url/fn/ HTTP/1.1\r\nHost: localhost\r\n"+tc.headers+"Connection: close\r\n\r\n"), "\r\n\r\n")
			var event struct{ Headers map[string]string }
			if err := json.Unmarshal([]byte(body), &event); err != nil {
				t.Fatal(err)
			}
			r := <-f.invoked
			if tc.traceparent == "ours" {
				tc.traceparent = r.Trace.TraceParent()
			}
			if got := event.Headers["traceparent"]; got != tc.traceparent || event.Headers["tracestate"] != tc.tracestate {
				t.Errorf("%q and %q, want %q and %q", got, event.Headers["tracestate"], tc.traceparent, tc.tracestate)
			}
			if r.Trace.Root() != event.Headers["x-amzn-trace-id"] || !r.FunctionURL || r.Trace.Recorded != tc.recorded {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestAbsentMembersOfTheEventAreAbsent(t *testing.T) { // docs/contract/function-url.md §2.1
	f := serve(t, sluice.Buffered, nil)
	answer := f.raw("GET /lambda-url/fn HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	_, body, _ := strings.Cut(answer, "\r\n\r\n")
	var event map[string]any
	if err := json.Unmarshal([]byte(body), &event); err != nil {
		t.Fatalf("%v\n%s", err, answer)
	}
	for _, name := range []string{"cookies", "queryStringParameters", "body", "pathParameters", "stageVariables"} {
		if v, there := event[name]; there {
			t.Errorf("%s is %v", name, v)
		}
	}
	if event["rawPath"] != "/" || event["rawQueryString"] != "" || event["isBase64Encoded"] != false {
		t.Errorf("%v", event)
	}
	context := event["requestContext"].(map[string]any)
	if context["domainName"] != "fn.lambda-url.localhost" || context["apiId"] != "fn" || context["http"].(map[string]any)["userAgent"] != nil || context["authorizer"] != nil {
		t.Errorf("%v", context)
	}
}

func TestBodiesOfTheEvent(t *testing.T) { // docs/contract/function-url.md §2.4
	f := serve(t, sluice.Buffered, nil)
	for _, tt := range []struct {
		contentType, body string
		text              bool
	}{
		{"application/json", `{"a":1}`, true},
		{"APPLICATION/JSON; charset=utf-8", `{"a":1}`, true},
		{"text/csv", "a,b\n", true},
		{"application/problem+json", "{}", true},
		{"image/svg+xml", "<svg/>", true},
		{"application/xml", "<a/>", true},
		{"application/javascript", "1", true},
		{"multipart/form-data; boundary=b", "--b--", false},
		{"application/x-www-form-urlencoded", "a=b", false},
		{"idk", "x", false},
		{"", "x", false},
		{"text/plain", "\xff\xfe", false},
	} {
		req := f.request("PUT", "/", order{})
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(tt.body)), int64(len(tt.body))
		if tt.contentType != "" {
			req.Header.Set("Content-Type", tt.contentType)
		}
		_, body, _ := f.do(req)
		var event struct {
			Body            string
			IsBase64Encoded bool
		}
		json.Unmarshal([]byte(body), &event)
		want := tt.body
		if !tt.text {
			want = base64.StdEncoding.EncodeToString([]byte(tt.body))
		}
		if event.IsBase64Encoded == tt.text || event.Body != want {
			t.Errorf("%q: %+v", tt.contentType, event)
		}
	}
}

func TestBufferedMapping(t *testing.T) { // docs/contract/function-url.md §3.1
	f := serve(t, sluice.Buffered, nil)
	for _, tt := range []struct {
		result string
		status int
		body   string
		header string
	}{
		{`{"hello": "world"}`, 200, `{"hello":"world"}`, "Content-Type: application/json"},
		{`["hello", 3, true]`, 200, `["hello",3,true]`, "Content-Type: application/json"},
		{` 3.1 `, 200, `3.1`, ""},
		{`"hel\"lo"`, 200, `hel"lo`, "Content-Type: application/json"},
		{`null`, 200, `null`, ""},
		{`{"statusCode":201,"body":"x"}`, 201, "x", "Content-Type: application/json"},
		{`{"statusCode":"418","body":"tea"}`, 418, "tea", ""},
		{`{"statusCode":200,"body":{"a": 1}}`, 200, `{"a":1}`, ""},
		{`{"statusCode":200}`, 200, "", "Content-Length: 0"},
		{`{"statusCode":200,"body":null}`, 200, "", ""},
		{`{"statusCode":200,"headers":{"content-type":"text/html","x-n":1,"x-b":true},"body":"<p>"}`, 200, "<p>", "Content-Type: text/html, X-N: 1, X-B: true"},
		{`{"statusCode":200,"headers":{"Transfer-Encoding":"chunked","connection":"close","x-amzn-requestid":"mine","content-length":"99"},"body":"abc"}`, 200, "abc", "Content-Length: 3, X-Amzn-Remapped-Content-Length: 99"},
		{`{"statusCode":200,"body":"aGk=","isBase64Encoded":true}`, 200, "hi", "Content-Length: 2"},
		{`{"statusCode":200,"cookies":["a=1; Path=/","b=2"]}`, 200, "", "Set-Cookie: a=1; Path=/|b=2"},
		{`{"statusCode":204}`, 204, "", ""},
		{`{"statusCode":304,"headers":{"etag":"x"}}`, 304, "", "Etag: x"},
		{`{"statusCode":200,"multiValueHeaders":{"x-m":["1","2"]}}`, 200, "", "X-M: "},
	} {
		resp, body, err := f.order(order{Type: "application/json", Chunks: []string{tt.result}})
		if resp.StatusCode != tt.status || body != tt.body || err != nil {
			t.Errorf("%s: %d %q %v; want %d %q", tt.result, resp.StatusCode, body, err, tt.status, tt.body)
		}
		for want := range strings.SplitSeq(tt.header, ", ") {
			name, value, _ := strings.Cut(want, ": ")
			if name != "" && strings.Join(resp.Header.Values(name), "|") != value {
				t.Errorf("%s: %s is %q, want %q", tt.result, name, resp.Header.Values(name), value)
			}
		}
		if id := resp.Header.Values("X-Amzn-Requestid"); len(id) != 1 || id[0] == "mine" || len(resp.TransferEncoding) > 0 {
			t.Errorf("%s: %v", tt.result, resp.Header)
		}
	}
	f.hinted("multiValueHeaders is ignored")
}

func TestResultsThatCantBeSent(t *testing.T) { // docs/contract/function-url.md §3.1, §6
	f := serve(t, sluice.Buffered, nil)
	for result, hint := range map[string]string{
		`{"statusCode":99}`:                                    "statusCode is 99; a response has a status from 200 to 599",
		`{"statusCode":600}`:                                   "statusCode is 600",
		`{"statusCode":"abc"}`:                                 `statusCode is "abc"`,
		`{"statusCode":200,"headers":["a"]}`:                   `headers is ["a"]; write an object`,
		`{"statusCode":200,"headers":{"a":"b\r\nc: d"}}`:       `header "a" holds the control character '\r'`,
		`{"statusCode":200,"headers":{"a b":"c"}}`:             `"a b" is not a header name`,
		`{"statusCode":200,"cookies":["a=b\nc"]}`:              `a cookie holds the control character`,
		`{"statusCode":200,"body":"%","isBase64Encoded":true}`: "is not base64 at byte 0",
		`<html>`: "the function's result is not JSON",
	} {
		resp, body, err := f.order(order{Type: "application/json", Chunks: []string{result}})
		if resp.StatusCode != 502 || body != "Internal Server Error" || err != nil || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %q %v", result, resp.StatusCode, body, err)
		}
		f.hinted(hint)
		if a := f.access(); a.Ending != sluice.EndingMalformed || !strings.Contains(a.Reason, strings.ReplaceAll(hint, "\n", " ")) {
			t.Errorf("%s: %+v", result, a)
		}
	}
}

func TestStreamedPreludeAtAnySplit(t *testing.T) { // docs/contract/function-url.md §4.1
	f := serve(t, sluice.ResponseStream, nil)
	wire := prelude(`{"statusCode":201,"headers":{"content-type":"text/html","x-a":"b"},"cookies":["k=v; Path=/","l=w"]}`) + "\x00\x00body\x00"
	for at := range len(wire) {
		resp, body, err := f.order(order{Stream: true, Type: integrationType, Chunks: []string{wire[:at], wire[at:]}})
		if resp.StatusCode != 201 || body != "\x00\x00body\x00" || err != nil || resp.Header.Get("X-A") != "b" || resp.Header.Get("Content-Type") != "text/html" ||
			!slices.Equal(resp.Header.Values("Set-Cookie"), []string{"k=v; Path=/", "l=w"}) {
			t.Fatalf("split at %d: %d %q %v %v", at, resp.StatusCode, body, err, resp.Header)
		}
		f.access()
	}
}

func TestFramingOfAStream(t *testing.T) { // docs/contract/function-url.md §4.3
	f := serve(t, sluice.ResponseStream, nil)
	got := f.rawOrder(order{Stream: true, Type: integrationType, Chunks: []string{prelude(`{"headers":{"transfer-encoding":"x","connection":"keep-alive","keep-alive":"9","content-length":"5"}}`) + "one", "two"}, Pause: 100})
	head, body, _ := strings.Cut(got, "\r\n\r\n")
	if body != "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n" {
		t.Errorf("body on the wire %q", body)
	}
	names := []string{}
	for _, line := range strings.Split(head, "\r\n")[1:] {
		name, _, _ := strings.Cut(line, ":")
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"Connection", "Content-Type", "Date", "Transfer-Encoding", "X-Amzn-Remapped-Content-Length", "X-Amzn-Trace-Id", "x-amzn-RequestId"}; !slices.Equal(names, want) {
		t.Errorf("headers %q", names)
	}
	if !strings.Contains(head, "Connection: close") || !strings.Contains(head, "Transfer-Encoding: chunked") || !strings.Contains(head, "Content-Type: application/octet-stream") {
		t.Errorf("%s", head)
	}
}

func TestTheHeadLeavesWithThePrelude(t *testing.T) { // docs/contract/function-url.md §4.3
	f := serve(t, sluice.ResponseStream, nil)
	begin := time.Now()
	resp, err := http.DefaultTransport.RoundTrip(f.request("GET", "/", order{Stream: true, Type: integrationType, Chunks: []string{prelude("{}"), "late"}, Pause: 600}))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if took := time.Since(begin); took > 550*time.Millisecond {
		t.Errorf("the head took %v", took)
	}
	if body, err := io.ReadAll(resp.Body); string(body) != "late" || err != nil || time.Since(begin) < 600*time.Millisecond {
		t.Errorf("%q %v after %v", body, err, time.Since(begin))
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestEveryChunkLeavesWhenItCame(t *testing.T) { // docs/contract/function-url.md §4.3
	f := serve(t, sluice.ResponseStream, nil)
	got := f.rawOrder(order{Stream: true, Type: "text/plain", Chunks: []string{"a", "b", "c"}, Pause: 60})
	if _, body, _ := strings.Cut(got, "\r\n\r\n"); body != "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n" {
		t.Errorf("%q", body)
	}
	if a := f.access(); a.Chunks != 3 || a.Bytes != 3 || a.Total < 120*time.Millisecond || a.FirstByte > a.Total-100*time.Millisecond {
		t.Errorf("%+v", a)
	}
}

func TestStreamsWithoutPrelude(t *testing.T) { // docs/contract/function-url.md §4.2
	f := serve(t, sluice.ResponseStream, nil)
	for _, tt := range []struct {
		o          order
		body, kind string
	}{
		{order{Stream: true, Chunks: []string{"raw"}}, "raw", "application/octet-stream"},
		{order{Stream: true, Type: "text/event-stream", Chunks: []string{"data: 1\n\n"}}, "data: 1\n\n", "text/event-stream"},
		{order{Stream: true}, "", "application/octet-stream"},
		{order{Type: "application/json", Chunks: []string{`{"statusCode":418,"body":"tea"}`}}, `{"statusCode":418,"body":"tea"}`, "application/json"},
	} {
		resp, body, err := f.order(tt.o)
		if resp.StatusCode != 200 || body != tt.body || err != nil || resp.Header.Get("Content-Type") != tt.kind {
			t.Errorf("%+v: %d %q %v %v", tt.o, resp.StatusCode, body, err, resp.Header)
		}
	}
	f.hinted("wrap the handler with awslambda.streamifyResponse")
}

func TestAnswersWithoutBody(t *testing.T) { // docs/contract/function-url.md §4.3, §9
	f := serve(t, sluice.ResponseStream, nil)
	for _, status := range []string{"204", "304"} {
		got := f.rawOrder(order{Stream: true, Type: integrationType, Chunks: []string{prelude(`{"statusCode":`+status+`}`) + "ignored"}})
		if head, body, _ := strings.Cut(got, "\r\n\r\n"); !strings.HasPrefix(head, "HTTP/1.1 "+status) || body != "" || strings.Contains(head, "chunked") {
			t.Errorf("%q", got)
		}
	}
	resp, body, err := f.do(f.request("HEAD", "/", order{Stream: true, Type: integrationType, Chunks: []string{prelude(`{"statusCode":201}`)}, Hang: true}))
	if resp.StatusCode != 201 || body != "" || err != nil {
		t.Errorf("HEAD: %d %q %v", resp.StatusCode, body, err)
	}
	for range 3 { // the client that got all there is to get has not left
		if a := f.access(); a.Ending != sluice.EndingComplete {
			t.Errorf("%+v", a)
		}
	}
	for range 2 { // the third hangs
		if r := <-f.invoked; r.Ending != sluice.EndingComplete {
			t.Errorf("%+v", r)
		}
	}
	got := f.rawOrder(order{Stream: true, Type: integrationType, Chunks: []string{prelude(`{}`)}})
	if _, body, _ := strings.Cut(got, "\r\n\r\n"); body != "0\r\n\r\n" {
		t.Errorf("an empty stream is %q", got)
	}
	got = f.rawOrder(order{Stream: true, Type: integrationType})
	if head, body, _ := strings.Cut(got, "\r\n\r\n"); body != "0\r\n\r\n" || !strings.HasPrefix(head, "HTTP/1.1 200") || !strings.Contains(head, "Content-Type: application/octet-stream") {
		t.Errorf("a stream that ends before its prelude is %q", got)
	}
	b := serve(t, sluice.Buffered, nil)
	if resp, _, _ := b.do(b.request("HEAD", "/", order{Chunks: []string{`"four"`}})); resp.ContentLength != 4 {
		t.Errorf("HEAD of a buffered answer has length %d", resp.ContentLength)
	}
}

func TestPreludesThatCantBeUsed(t *testing.T) { // docs/contract/function-url.md §4.1
	f := serve(t, sluice.ResponseStream, nil)
	for wire, hint := range map[string]string{
		"data":                        "ended after 4 bytes without one",
		prelude(`{"statusCode":`):     "the prelude is not usable: ",
		prelude(`[]`):                 "it is []; write an object",
		prelude(`{"statusCode":100}`): "statusCode is 100",
		prelude(`{"headers":{"a":"b\nc"}}`) + "x":  `header "a" holds the control character`,
		prelude(`{"headers":{"":"b"}}`):            `"" is not a header name`,
		strings.Repeat("x", 1<<20+8) + prelude(""): "no prelude within the first 1MB",
	} {
		o := order{Stream: true, Type: integrationType, Chunks: []string{wire}}
		if len(wire) > 1<<16 {
			o.Chunks, o.Flood = nil, len(wire)
		}
		resp, body, err := f.order(o)
		if resp.StatusCode != 502 || body != "Internal Server Error" || err != nil {
			t.Errorf("%.40q: %d %q %v", wire, resp.StatusCode, body, err)
		}
		f.hinted(hint)
	}
}

func TestBrokenStreamsLookBroken(t *testing.T) { // docs/contract/function-url.md §5
	f := serve(t, sluice.ResponseStream, func(_ *front, fn *sluice.Function) { fn.Timeout = time.Second })
	for _, tt := range []struct {
		name   string
		o      order
		ending sluice.Ending
		reason string
	}{
		{"error", order{Error: "TypeError"}, sluice.EndingFunctionError, "TypeError"},
		{"exit", order{Exit: true}, sluice.EndingExit, "exit status 3"},
		{"timeout", order{Hang: true}, sluice.EndingTimeout, "timed out after 1.00 seconds"},
	} {
		for _, begun := range []bool{true, false} {
			o := tt.o
			o.Stream, o.Type = true, "text/plain"
			if begun {
				o.Chunks = []string{"part"}
			}
			got := f.rawOrder(o)
			head, body, _ := strings.Cut(got, "\r\n\r\n")
			a := f.access()
			switch {
			case a.Ending != tt.ending || !strings.Contains(a.Reason, tt.reason):
				t.Errorf("%s, begun %v: %+v", tt.name, begun, a)
			case begun && (!strings.HasPrefix(head, "HTTP/1.1 200") || body != "4\r\npart\r\n"):
				t.Errorf("%s: %q", tt.name, got)
			case !begun && (!strings.HasPrefix(head, "HTTP/1.1 502") || body != "Internal Server Error"):
				t.Errorf("%s: %q", tt.name, got)
			}
		}
	}
}

func TestFunctionErrorsAre502(t *testing.T) { // docs/contract/function-url.md §6
	for _, mode := range []sluice.InvokeMode{sluice.Buffered, sluice.ResponseStream} {
		f := serve(t, mode, nil)
		resp, body, err := f.order(order{Error: "MyError"})
		if resp.StatusCode != 502 || body != "Internal Server Error" || err != nil {
			t.Errorf("%s: %d %q %v", mode, resp.StatusCode, body, err)
		}
		if a := f.access(); a.Ending != sluice.EndingFunctionError || a.Reason != "MyError: as ordered" {
			t.Errorf("%+v", a)
		}
	}
}

func TestAStreamBehindABufferedURL(t *testing.T) { // docs/contract/function-url.md §4.2
	f := serve(t, sluice.Buffered, nil)
	resp, body, err := f.order(order{Stream: true, Type: integrationType, Chunks: []string{prelude(`{"statusCode":201,"headers":{"content-type":"text/html"}}`), "<p>", "two"}, Pause: 20})
	if resp.StatusCode != 201 || body != "<p>two" || err != nil || resp.ContentLength != 6 || resp.Header.Get("Content-Type") != "text/html" {
		t.Errorf("%d %q %v %v", resp.StatusCode, body, err, resp.Header)
	}
	if resp, body, _ := f.order(order{Stream: true, Type: "text/html", Chunks: []string{"<p>"}}); body != "<p>" || resp.Header.Get("Content-Type") != "text/html" {
		t.Errorf("%q %v", body, resp.Header)
	}
	if resp, body, err := f.order(order{Stream: true, Chunks: []string{"x"}, Error: "E"}); resp.StatusCode != 502 || body != "Internal Server Error" || err != nil {
		t.Errorf("%d %q %v", resp.StatusCode, body, err)
	}
}

func TestQuotaCutsAStreamAtExactlyItsSize(t *testing.T) { // docs/contract/runtime-api.md §4.4
	f := serve(t, sluice.ResponseStream, func(f *front, _ *sluice.Function) {
		f.quotas.StreamedPayload, f.quotas.StreamRate = 1<<20, 0
	})
	_, body, err := f.order(order{Stream: true, Flood: 1 << 20})
	if len(body) != 1<<20 || err != nil {
		t.Errorf("at the quota: %d %v", len(body), err)
	}
	f.access()
	_, body, err = f.order(order{Stream: true, Flood: 1<<20 + 1})
	if len(body) != 1<<20 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("past the quota: %d %v", len(body), err)
	}
	if a := f.access(); a.Ending != sluice.EndingOversized || a.Bytes != 1<<20 {
		t.Errorf("%+v", a)
	}
	f.hinted("the response is larger than 1MB; raise streamedPayload (now 1MB)")
}

func TestQuotas(t *testing.T) { // docs/contract/function-url.md §4.4, §6
	f := serve(t, sluice.Buffered, nil)
	resp, body, _ := f.order(order{Flood: 0, Type: "text/plain", Stream: true, Chunks: nil})
	if resp.StatusCode != 200 || body != "" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	resp, body, _ = f.order(order{Stream: true, Flood: 6<<20 + 101})
	if resp.StatusCode != 502 || body != "Internal Server Error" {
		t.Errorf("buffered 6 MB + 101: %d %.40q", resp.StatusCode, body)
	}
	f.hinted("AWS would have refused this result at 6 MB; raise bufferedPayload (now 6MB), or stream the response")
	if resp, body, _ = f.order(order{Stream: true, Flood: 6<<20 + 100}); resp.StatusCode != 200 || len(body) != 6<<20+100 {
		t.Errorf("buffered 6 MB + 100: %d %d bytes", resp.StatusCode, len(body))
	}
	for kind, size := range map[string]int{"text/plain": 6<<20 - 200, "application/octet-stream": 5 << 20} {
		req := f.request("POST", "/", order{})
		req.Header.Set("Content-Type", kind)
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat("x", size))), -1
		resp, body, _ := f.do(req)
		if resp.StatusCode != 413 || resp.Header.Get("X-Amzn-Errortype") != "RequestEntityTooLargeException" ||
			body != `{"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}` {
			t.Errorf("%s: %d %s %v", kind, resp.StatusCode, body, resp.Header)
		}
	}
	f.hinted("raise requestPayload (now 6MB)")
}

func TestRefusals(t *testing.T) { // docs/contract/function-url.md §6, §7
	for _, tt := range []struct {
		name       string
		change     func(*front, *sluice.Function)
		host       string
		status     int
		kind, body string
	}{
		{"unknown host", nil, "other.lambda-url.localhost", 403, "AccessDeniedException", `{"Message":null}`},
		{"not public", func(f *front, _ *sluice.Function) { f.url.Public = false }, "", 403, "AccessDeniedException",
			`{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`},
		{"IAM without an authority", func(f *front, _ *sluice.Function) { f.url.AuthType = sluice.AuthIAM }, "", 403, "AccessDeniedException",
			`{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`},
		{"throttled", func(_ *front, fn *sluice.Function) { fn.ReservedConcurrency = new(int) }, "", 429, "TooManyRequestsException",
			`{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`},
		{"no function", func(f *front, _ *sluice.Function) { f.url.Function = "gone" }, "", 403, "AccessDeniedException",
			`{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := serve(t, sluice.ResponseStream, tt.change)
			req := f.request("GET", "/", order{})
			if tt.host != "" {
				req.Host = tt.host
			}
			resp, body, err := f.do(req)
			if resp.StatusCode != tt.status || body != tt.body || err != nil || resp.Header.Get("X-Amzn-Errortype") != tt.kind || resp.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %s %v %v", resp.StatusCode, body, err, resp.Header)
			}
			if a := f.access(); a.Ending != sluice.EndingRefused || a.Status != tt.status || a.Reason == "" {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestMethods(t *testing.T) { // docs/contract/function-url.md §1
	f := serve(t, sluice.Buffered, nil)
	for _, method := range []string{"GET", "POST", "PUT", "OPTIONS", "PATCH", "DELETE"} {
		if resp, body, _ := f.do(f.request(method, "/", order{})); resp.StatusCode != 200 || !strings.Contains(body, `"method":"`+method+`"`) {
			t.Errorf("%s: %d %s", method, resp.StatusCode, body)
		}
	}
	if resp, body, _ := f.do(f.request("TRACE", "/", order{})); resp.StatusCode != 405 || !strings.Contains(body, "not TRACE") {
		t.Errorf("TRACE: %d %s", resp.StatusCode, body)
	}
}

func TestCORS(t *testing.T) { // docs/contract/function-url.md §8
	config := &sluice.CORS{
		AllowCredentials: true, AllowHeaders: []string{"x-a", "x-b"}, AllowMethods: []string{"GET", "PUT"},
		AllowOrigins: []string{"https://a.example", "https://b.example"}, ExposeHeaders: []string{"x-c"}, MaxAge: 300,
	}
	open := &sluice.CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}}
	const own = `{"statusCode":200,"headers":{"access-control-allow-origin":"*","access-control-allow-methods":"POST"},"body":"x"}`
	for _, tt := range []struct {
		name           string
		config         *sluice.CORS
		method, origin string
		asked          string
		invoked        bool
		want           map[string]string
	}{
		{"preflight", config, "OPTIONS", "https://b.example", "PUT", false, map[string]string{
			"Access-Control-Allow-Origin": "https://b.example", "Access-Control-Allow-Methods": "GET,PUT", "Access-Control-Allow-Headers": "x-a,x-b",
			"Access-Control-Allow-Credentials": "true", "Access-Control-Max-Age": "300", "Vary": "Origin",
		}},
		{"preflight of another origin", config, "OPTIONS", "https://c.example", "PUT", false, nil},
		{"preflight of another method", config, "OPTIONS", "https://a.example", "DELETE", false, nil},
		{"preflight of anybody", open, "OPTIONS", "https://c.example", "PATCH", false, map[string]string{
			"Access-Control-Allow-Origin": "https://c.example", "Access-Control-Allow-Methods": "PATCH", "Access-Control-Allow-Headers": "x-z", "Vary": "Origin",
		}},
		{"request", config, "GET", "https://a.example", "", true, map[string]string{
			"Access-Control-Allow-Origin": "https://a.example", "Access-Control-Expose-Headers": "x-c", "Access-Control-Allow-Credentials": "true", "Vary": "Origin",
		}},
		{"request of another origin", config, "GET", "https://c.example", "", true, nil},
		{"request without origin", config, "GET", "", "", true, map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "POST"}},
		{"OPTIONS that is no preflight", config, "OPTIONS", "", "", true, map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "POST"}},
		{"no configuration", nil, "OPTIONS", "https://a.example", "PUT", true, map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "POST"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := serve(t, sluice.Buffered, func(f *front, _ *sluice.Function) { f.url.CORS = tt.config })
			req := f.request(tt.method, "/", order{Chunks: []string{own}})
			if tt.origin != "" {
				req.Header.Set("Origin", tt.origin)
			}
			if tt.asked != "" {
				req.Header.Set("Access-Control-Request-Method", tt.asked)
				req.Header.Set("Access-Control-Request-Headers", "x-z")
			}
			resp, body, _ := f.do(req)
			if resp.StatusCode != 200 || (body == "x") != tt.invoked {
				t.Errorf("%d %q", resp.StatusCode, body)
			}
			got := map[string]string{}
			for name, values := range resp.Header {
				if strings.HasPrefix(name, "Access-Control-") || name == "Vary" {
					got[name] = strings.Join(values, "|")
				}
			}
			if len(got) != len(tt.want) {
				t.Errorf("%v", got)
			}
			for name, value := range tt.want {
				if got[name] != value {
					t.Errorf("%s is %q, want %q", name, got[name], value)
				}
			}
		})
	}
}

func TestClientGoneLeavesTheFunctionRunning(t *testing.T) { // docs/contract/function-url.md §5
	f := serve(t, sluice.ResponseStream, nil)
	mark := filepath.Join(f.dir, "ran-to-its-end")
	transport := &http.Transport{}
	resp, err := transport.RoundTrip(f.request("GET", "/", order{Stream: true, Type: "text/plain", Chunks: strings.Split(strings.Repeat("x", 20), ""), Pause: 30, Mark: mark}))
	if err != nil {
		t.Fatal(err)
	}
	io.ReadFull(resp.Body, make([]byte, 1))
	resp.Body.Close()
	transport.CloseIdleConnections()
	if a := f.access(); a.Ending != sluice.EndingClientGone || a.Status != 200 {
		t.Errorf("%+v", a)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(mark); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the function did not run on")
		}
	}
	// The environment is good for the next request.
	if _, body, err := f.order(order{Stream: true, Chunks: []string{"next"}}); body != "next" || err != nil {
		t.Errorf("%q %v", body, err)
	}
}

func TestASlowClientHoldsTheFunctionBack(t *testing.T) { // docs/contract/function-url.md §5
	f := serve(t, sluice.ResponseStream, func(f *front, _ *sluice.Function) { f.quotas.StreamedPayload, f.quotas.StreamRate = 0, 0 })
	mark := filepath.Join(f.dir, "sent-all")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(f.request("GET", "/", order{Stream: true, Flood: 64 << 20, Mark: mark}))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	time.Sleep(300 * time.Millisecond)
	if _, err := os.Stat(mark); err == nil {
		t.Error("64 MB left the function although the client takes nothing: somebody buffers")
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != 64<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	f.access()
	f.order(order{}) // behind the first in the same environment
	if _, err := os.Stat(mark); err != nil {
		t.Error(err)
	}
}

func TestHTTP2StreamsAreReset(t *testing.T) { // docs/contract/function-url.md §5
	f := serve(t, sluice.ResponseStream, nil)
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(f.request("GET", "/", order{Stream: true, Type: "text/plain", Chunks: []string{"part"}, Error: "E"}))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.ProtoMajor != 2 || string(body) != "part" || err == nil || !strings.Contains(err.Error(), "INTERNAL_ERROR") {
		t.Errorf("%s %q %v", resp.Proto, body, err)
	}
}

func TestManyHeadersArrive(t *testing.T) {
	f := serve(t, sluice.ResponseStream, nil)
	var b strings.Builder
	b.WriteString(`{"headers":{"x-0":"0"`)
	for i := 1; i < 200; i++ {
		b.WriteString(`,"x-` + strconv.Itoa(i) + `":"` + strings.Repeat("v", 100) + `"`)
	}
	b.WriteString("}}")
	resp, body, err := f.order(order{Stream: true, Type: integrationType, Chunks: []string{prelude(b.String()) + "body"}})
	if body != "body" || err != nil || resp.Header.Get("X-199") != strings.Repeat("v", 100) {
		t.Errorf("%q %v", body, err)
	}
}

func TestAPathIsNotAnOrigin(t *testing.T) {
	f := serve(t, sluice.ResponseStream, func(f *front, _ *sluice.Function) { f.isolate = true })
	o := order{Stream: true, Type: integrationType, Chunks: []string{prelude(`{"headers":{"Service-Worker-Allowed":"/","Content-Security-Policy":"img-src *"}}`)}}
	byPath := f.request("GET", "/lambda-url/fn/", o)
	byPath.Host = "localhost"
	resp, _, err := f.do(byPath)
	if got := resp.Header["Content-Security-Policy"]; err != nil || len(got) != 2 || !strings.HasPrefix(got[1], "sandbox ") || strings.Contains(got[1], "same-origin") || resp.Header.Get("Service-Worker-Allowed") != "" {
		t.Errorf("%v %v", resp.Header, err)
	}
	resp, _, err = f.do(f.request("GET", "/", o))
	if got := resp.Header["Content-Security-Policy"]; err != nil || len(got) != 1 || resp.Header.Get("Service-Worker-Allowed") != "/" {
		t.Errorf("%v %v", resp.Header, err)
	}
}

func TestABrowserIsSentToThePathWithASlash(t *testing.T) {
	f := serve(t, sluice.Buffered, nil)
	answer := f.raw("GET /lambda-url/fn?a=%20b HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Mode: navigate\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 308 ") || !strings.Contains(answer, "\r\nLocation: /lambda-url/fn/?a=%20b\r\n") {
		t.Errorf("%q", answer)
	}
}
