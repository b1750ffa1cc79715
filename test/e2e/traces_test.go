package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sluice-run/sluice/internal/traces/tracestest"
)

// A caller that is part of a trace, in both notations.
const (
	callerTrace  = "643ecb2b0123456789abcdef01234567"
	callerParent = "53995c3f42cd8ad8"
	callerW3C    = "00-" + callerTrace + "-" + callerParent + "-01"
	callerXRay   = "Root=1-643ecb2b-0123456789abcdef01234567;Parent=" + callerParent + ";Sampled=1"
)

// told is the X-Ray header of a function that is called in the caller's trace, below a
// span.
func told(span string) string {
	return "Root=1-643ecb2b-0123456789abcdef01234567;Parent=" + span + ";Sampled=1"
}

// tracing is a handler that logs which trace it is in, and answers with what it was told.
const tracing = `console.log('in ' + process.env._X_AMZN_TRACE_ID)
  const { mb, broken } = event.queryStringParameters ?? {}
  if (mb) return s.end(Buffer.alloc(mb * 1048576))
  s.write(JSON.stringify({ env: process.env._X_AMZN_TRACE_ID, headers: event.headers }))
  if (broken) {
    await sleep(50)
    throw new TypeError('boom')
  }
  s.end()`

type tracingAnswer struct {
	Env     string
	Headers map[string]string
}

// getTraced calls the function with a traceparent.
func (d *devServer) getTraced(rest, traceparent string) *http.Response {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.url("Fn", rest), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Traceparent", traceparent)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestSpansOfRequests(t *testing.T) {
	collector := tracestest.Start(t)
	dir := project(t, map[string]string{"template.yaml": template, "index.mjs": streaming(tracing)})
	d := startDev(t, dir, "--traces", collector.URL, "--limits", "streamBurst=1MB")

	resp := d.getTraced("a/b?x=1", callerW3C)
	var answer tracingAnswer
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if got, want := resp.Header.Get("X-Amzn-Trace-Id"), "Root=1-643ecb2b-0123456789abcdef01234567;Sampled=1"; got != want {
		t.Errorf("the client is told %q, want %q", got, want)
	}
	if n, err := io.Copy(io.Discard, d.get("Fn", "?mb=2").Body); n != 2*mb || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, _, err := d.body("Fn", "?broken=1"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, want a body that breaks", err)
	}
	// A caller whose trace nobody records: no span, and its headers stay as they came.
	const unsampled = "00-" + callerTrace + "-" + callerParent + "-00"
	var passed tracingAnswer
	if err := json.NewDecoder(d.getTraced("", unsampled).Body).Decode(&passed); err != nil {
		t.Fatal(err)
	}
	if passed.Headers["traceparent"] != unsampled || passed.Env != "Root=1-643ecb2b-0123456789abcdef01234567;Parent="+callerParent+";Sampled=0" {
		t.Errorf("%+v", passed)
	}
	d.stop() // the last spans leave before it ends

	// Environments are used again, so that INIT is there once, or once more after the
	// failure.
	var spans []*tracestest.Span
	for _, s := range collector.Await(4) {
		if s.Name == "Fn" {
			spans = append(spans, s)
		}
	}
	if len(spans) != 3 {
		t.Fatalf("%d spans of requests, want 3", len(spans))
	}
	slices.SortFunc(spans, func(a, b *tracestest.Span) int { return a.Start().Compare(b.Start()) })
	first, throttled, broken := spans[0], spans[1], spans[2]

	if first.Trace() != callerTrace || first.Parent() != callerParent || first.Failed() || first.Happened(t) != "first byte, end" {
		t.Errorf("%+v", first)
	}
	for name, want := range map[string]any{
		"faas.name": "Fn", "faas.trigger": "http", "faas.coldstart": true, "http.request.method": "GET", "http.response.status_code": int64(200),
		"url.scheme": "http", "url.path": "/a/b", "sluice.mode": "RESPONSE_STREAM", "sluice.ending": "complete",
	} {
		if first.Attributes[name] != want {
			t.Errorf("%s: %v, want %v", name, first.Attributes[name], want)
		}
	}
	if answer.Env != told(first.ID()) || answer.Headers["traceparent"] != "00-"+callerTrace+"-"+first.ID()+"-01" {
		t.Errorf("the function was told %+v, its span is %s", answer, first.ID())
	}
	d.waitLog("in " + told(first.ID()))
	if init := collector.Named("INIT", 4); init.Trace() != callerTrace || init.Parent() != first.ID() || init.Start().Before(first.Start()) || init.End().After(first.End()) {
		t.Errorf("INIT is not in the span: %+v", init)
	}

	if throttled.Parent() != "" || throttled.Trace() == callerTrace || throttled.Failed() || throttled.Happened(t) != "first byte, throttle start, end" {
		t.Errorf("%+v", throttled)
	}
	if held, _ := throttled.Attributes["sluice.response.throttled"].(float64); held <= 0 || throttled.Attributes["sluice.response.bytes_past_burst"] != int64(0) {
		t.Errorf("%v", throttled.Attributes)
	}
	d.waitLog(";Parent=" + throttled.ID() + ";Sampled=1")

	if !broken.Failed() || broken.Status.Message != "function-error" || broken.Attributes["error.type"] != "TypeError" || broken.Attributes["http.response.status_code"] != int64(200) {
		t.Errorf("%+v %+v", broken.Status, broken.Attributes)
	}
}

// TestSpansOfTheLambdaAPI: one trace from a caller, through an event and what its outcome
// leads to, on a server that OpenTelemetry's own variables tell of the collector.
func TestSpansOfTheLambdaAPI(t *testing.T) {
	collector := tracestest.Start(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_SERVICE_NAME", "edge")
	s := startServe(t, t.TempDir())
	defer s.stop()
	create := func(name, code string) {
		t.Helper()
		if _, err := s.client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
			FunctionName: aws.String(name), Runtime: types.RuntimeNodejs20x, Role: aws.String("arn:aws:iam::123456789012:role/r"), Handler: aws.String("index.handler"),
			Code: &types.FunctionCode{ZipFile: zipped(t, code)},
		}); err != nil {
			t.Fatal(err)
		}
	}
	create("streamed", streaming(tracing))
	create("first", "export const handler = async () => process.env._X_AMZN_TRACE_ID")
	create("second", "export const handler = async () => {}")
	second, err := s.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("second")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: aws.String("first"), DestinationConfig: &types.DestinationConfig{OnSuccess: &types.OnSuccess{Destination: second.Configuration.FunctionArn}},
	}); err != nil {
		t.Fatal(err)
	}

	// The SDK for a function that calls another sends X-Amzn-Trace-Id.
	withTrace := func(o *lambda.Options) {
		o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("X-Amzn-Trace-Id", callerXRay))
	}
	out, err := s.client.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("streamed"), Payload: []byte("{}")}, withTrace)
	if err != nil {
		t.Fatal(err)
	}
	var body []byte
	for e := range out.GetStream().Events() {
		if chunk, ok := e.(*types.InvokeWithResponseStreamResponseEventMemberPayloadChunk); ok {
			body = append(body, chunk.Value.Payload...)
		}
	}
	out.GetStream().Close()
	var answer tracingAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if _, err := s.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("first"), InvocationType: types.InvocationTypeEvent, Payload: []byte("{}")}, withTrace); err != nil {
		t.Fatal(err)
	}

	collector.Await(6) // three invocations, each cold
	streamed, one, two := collector.Named("streamed", 6), collector.Named("first", 6), collector.Named("second", 6)
	if streamed.Trace() != callerTrace || streamed.Parent() != callerParent || answer.Env != told(streamed.ID()) || streamed.Service != "edge" {
		t.Errorf("%+v, the function was told %q", streamed, answer.Env)
	}
	if streamed.Attributes["faas.trigger"] != "other" || !strings.HasSuffix(streamed.Attributes["aws.lambda.invoked_arn"].(string), ":function:streamed") {
		t.Errorf("%v", streamed.Attributes)
	}
	if one.Trace() != callerTrace || one.Parent() != callerParent {
		t.Errorf("the event's span: %+v", one)
	}
	if two.Trace() != callerTrace || two.Parent() != one.ID() {
		t.Errorf("the destination's span is below %s, want %s", two.Parent(), one.ID())
	}
}

// TestAServerWithoutItsCollector serves as if nothing were wrong, says so once, and ends.
func TestAServerWithoutItsCollector(t *testing.T) {
	dir := project(t, map[string]string{"template.yaml": template, "index.mjs": streaming(`s.end('fine')`)})
	d := startDev(t, dir, "--traces", "http://127.0.0.1:1")
	for range 3 {
		if status, body, err := d.body("Fn", ""); status != 200 || body != "fine" || err != nil {
			t.Errorf("%d %q %v", status, body, err)
		}
	}
	d.stop()
	if text := d.printed(); strings.Count(text, "spans can't be delivered") != 1 || !strings.Contains(text, "http://127.0.0.1:1/v1/traces") {
		t.Errorf("%s", text)
	}
}
