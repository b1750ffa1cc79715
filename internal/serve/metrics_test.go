package serve

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/sluice-run/sluice/internal/metrics"
)

func TestMetricsWhileAStreamIsOpen(t *testing.T) {
	r := start(t, "", nil)
	end := make(chan bool)
	keeper := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	t.Cleanup(keeper.Close)
	r.create("fn", `export const handler = awslambda.streamifyResponse(async (event, s) => { s.write('1'); await fetch(process.env.END); s.end() })`, func(in *lambda.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"END": keeper.URL}}
	})
	if _, err := r.client.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("fn"), ReservedConcurrentExecutions: aws.Int32(1)}); err != nil {
		t.Fatal(err)
	}
	out, err := r.client.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("fn")})
	if err != nil {
		t.Fatal(err)
	}
	<-out.GetStream().Events() // the first byte is here
	if _, err := r.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("fn")}); err == nil || !strings.Contains(err.Error(), "TooManyRequestsException") {
		t.Errorf("the second invocation: %v", err)
	}
	_, ask := r.asker()
	text, err := io.ReadAll(ask(metrics.Path).Body)
	close(end)
	for range out.GetStream().Events() {
	}
	out.GetStream().Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`sluice_streams_open{function="fn"} 1`, `sluice_environments{function="fn",state="busy"} 1`,
		`sluice_throttles_total{function="fn",reason="ReservedFunctionConcurrentInvocationLimitExceeded"} 1`,
	} {
		if !strings.Contains(string(text), want+"\n") {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
}
