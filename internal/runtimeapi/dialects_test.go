package runtimeapi

import (
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// The requests of real runtime clients, as they were seen on the wire
// (docs/contract/streaming-clients.md).

const (
	integration = "application/vnd.awslambda.http-integration-response"
	prelude     = `{"statusCode":201,"headers":{"a":"b"},"cookies":[]}`
	nulls       = "\x00\x00\x00\x00\x00\x00\x00\x00"
)

func chunked(pieces ...string) string {
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(strings.ToUpper(hexOf(len(p))) + "\r\n" + p + "\r\n")
	}
	return b.String()
}

func hexOf(n int) string {
	const digits = "0123456789abcdef"
	if n < 16 {
		return digits[n : n+1]
	}
	return hexOf(n/16) + digits[n%16:n%16+1]
}

var typeError = base64.StdEncoding.EncodeToString([]byte(`{"errorType":"TypeError","errorMessage":"no","trace":[]}`))

func TestEveryDialect(t *testing.T) {
	const path = "/2018-06-01/runtime/invocation/" + testID + "/"
	for _, tt := range []struct {
		name string
		// wire is what the client sends, in pieces that arrive apart.
		wire []string
		// kind, body and failed are what the caller gets; document is of the failure.
		kind, body, failed, document string
	}{
		{name: "Node RIC 3", wire: []string{
			"POST " + path + "response HTTP/1.1\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nTrailer: Lambda-Runtime-Function-Error-Type\r\n" +
				"Trailer: Lambda-Runtime-Function-Error-Body\r\nContent-Type: " + integration + "\r\nHost: 127.0.0.1:9001\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" +
				chunked(prelude, nulls, "a"), chunked("b"), "0\r\n\r\n"},
			kind: integration, body: prelude + nulls + "ab"},
		{name: "Node RIC 4, which fails after its first byte", wire: []string{
			"POST " + path + "response HTTP/1.1\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nTrailer: Lambda-Runtime-Function-Error-Type\r\n" +
				"Trailer: Lambda-Runtime-Function-Error-Body\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\nHost: 127.0.0.1:9001\r\nConnection: keep-alive\r\n\r\n",
			chunked("a"), "0\r\nLambda-Runtime-Function-Error-Type: TypeError\r\nLambda-Runtime-Function-Error-Body: " + typeError + "\r\n\r\n"},
			kind: "application/octet-stream", body: "a", failed: "TypeError", document: `{"errorType":"TypeError","errorMessage":"no","trace":[]}`},
		{name: "Node, which throws before its first write", wire: []string{
			"POST " + path + "response HTTP/1.1\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nTrailer: Lambda-Runtime-Function-Error-Type\r\n" +
				"Trailer: Lambda-Runtime-Function-Error-Body\r\nContent-Type: " + integration + "\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
			"0\r\nLambda-Runtime-Function-Error-Type: TypeError\r\nLambda-Runtime-Function-Error-Body: " + typeError + "\r\n\r\n"},
			kind: integration, failed: "TypeError", document: `{"errorType":"TypeError","errorMessage":"no","trace":[]}`},
		{name: "Go, lambdaurl, which names no mode", wire: []string{
			"POST " + path + "response HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: aws-lambda-go/go1.26.8\r\nTransfer-Encoding: chunked\r\n" +
				"Trailer: Lambda-Runtime-Function-Error-Body,Lambda-Runtime-Function-Error-Type\r\nContent-Type: " + integration + "\r\nAccept-Encoding: gzip\r\n\r\n" +
				"3b\r\n" + prelude + nulls + "\r\n", "0\r\n\r\n"},
			kind: integration, body: prelude + nulls},
		{name: "Go, a reader that fails", wire: []string{
			"POST " + path + "response HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: aws-lambda-go/go1.26.8\r\nTransfer-Encoding: chunked\r\n" +
				"Trailer: Lambda-Runtime-Function-Error-Body,Lambda-Runtime-Function-Error-Type\r\nContent-Type: application/octet-stream\r\nAccept-Encoding: gzip\r\n\r\n" +
				chunked("part"), "0\r\nLambda-Runtime-Function-Error-Body: " + typeError + "\r\nLambda-Runtime-Function-Error-Type: errorString\r\n\r\n"},
			kind: "application/octet-stream", body: "part", failed: "errorString", document: `{"errorType":"TypeError","errorMessage":"no","trace":[]}`},
		{name: "Go, a value", wire: []string{
			"POST " + path + "response HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: aws-lambda-go/go1.26.8\r\nTransfer-Encoding: chunked\r\n" +
				"Trailer: Lambda-Runtime-Function-Error-Body,Lambda-Runtime-Function-Error-Type\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n" + chunked(`{"ok":1}`) + "0\r\n\r\n"},
			kind: "application/json", body: `{"ok":1}`},
		{name: "Rust, whose trailers are in the body", wire: []string{
			"POST " + path + "response HTTP/1.1\r\nlambda-runtime-function-response-mode: streaming\r\ntrailer: Lambda-Runtime-Function-Error-Type\r\ntrailer: Lambda-Runtime-Function-Error-Body\r\n" +
				"content-type: " + integration + "\r\nuser-agent: aws-lambda-rust/0.13.0\r\nhost: 127.0.0.1:9001\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(prelude),
			chunked(nulls), chunked("data"), chunked("Lambda-Runtime-Function-Error-Type: Runtime.StreamError\r\nLambda-Runtime-Function-Error-Body: bm8=\r\n") + "0\r\n\r\n"},
			kind: integration, body: prelude + nulls + "dataLambda-Runtime-Function-Error-Type: Runtime.StreamError\r\nLambda-Runtime-Function-Error-Body: bm8=\r\n"},
		{name: "Rust, a buffered answer without a type", wire: []string{
			"POST " + path + "response HTTP/1.1\r\nhost: 127.0.0.1:9001\r\nuser-agent: aws-lambda-rust/0.13.0\r\ncontent-length: 4\r\n\r\n", "true"},
			kind: "application/octet-stream", body: "true"},
		{name: "Rust, an error", wire: []string{
			"POST " + path + "error HTTP/1.1\r\nhost: x\r\nlambda-runtime-function-error-type: unhandled\r\ncontent-length: 36\r\n\r\n" + `{"errorType":"E","errorMessage":"m"}`},
			kind: "application/json", failed: "Runtime.Unknown", body: `{"errorType":"E","errorMessage":"m"}`},
		{name: "Swift, which names no type and fails in words", wire: []string{
			"POST " + path + "response HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: Swift-Lambda/1.0\r\nlambda-runtime-function-response-mode: streaming\r\n" +
				"trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\ntransfer-encoding: chunked\r\n\r\n", chunked("part"),
			"0\r\nLambda-Runtime-Function-Error-Type: Unhandled\r\nLambda-Runtime-Function-Error-Body: Requires base64\r\n\r\n"},
			kind: "application/octet-stream", body: "part", failed: "Unhandled", document: "Requires base64"},
		{name: ".NET, a head, a size, data and line ends apart", wire: []string{
			"POST " + path + "response HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: aws-lambda-dotnet/8\r\nContent-Type: " + integration + "\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n" +
				"Transfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n",
			"1A\r\n", "abcdefghijklmnopqrstuvwxyz", "\r\n", "0\r\n\r\n"},
			kind: integration, body: "abcdefghijklmnopqrstuvwxyz"},
		{name: ".NET, an error with its type", wire: []string{
			"POST " + path + "error HTTP/1.1\r\nHost: x\r\nLambda-Runtime-Function-Error-Type: Function.Broken\r\nContent-Type: application/vnd.aws.lambda.error+json\r\nContent-Length: 2\r\n\r\n{}"},
			kind: "application/json", failed: "Function.Broken", body: "{}"},
		{name: "curl, which asks before it sends", wire: []string{
			"POST " + path + "response HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n\r\n",
			chunked("line\n"), "0\r\n\r\n"},
			kind: "application/octet-stream", body: "line\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			c, call := f.started()
			go func() {
				for _, piece := range tt.wire {
					io.WriteString(c.nc, piece)
					time.Sleep(2 * time.Millisecond)
				}
			}()
			resp := <-call.Response()
			body, err := io.ReadAll(resp.Body)
			failed, document := resp.FunctionError, ""
			var broken *sluice.StreamError
			if errors.As(err, &broken) {
				failed, document = broken.Type, string(broken.Document)
			}
			if resp.ContentType != tt.kind || string(body) != tt.body || failed != tt.failed || document != tt.document {
				t.Errorf("%q %q, failed %q %q\nexpected %q %q, failed %q %q", resp.ContentType, body, failed, document, tt.kind, tt.body, tt.failed, tt.document)
			}
			answer, text := c.reply()
			if answer.StatusCode != 202 || answer.ContentLength != int64(len(text)) || text != "{\"status\":\"OK\"}\n" {
				t.Errorf("the client hears %s %q", answer.Status, text)
			}
			c.send(getNext)
			<-f.finished
		})
	}
}
