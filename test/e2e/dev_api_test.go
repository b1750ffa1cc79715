package e2e

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/sluice-run/sluice/internal/sdkhttp"
)

// An SDK reaches the functions of a template that is being developed.
func TestDevAnswersTheLambdaAPI(t *testing.T) {
	dir := project(t, map[string]string{
		"index.mjs": streaming(`s.write('one '); await new Promise(r => setTimeout(r, 300)); s.end('two')`),
		"later.mjs": `import { appendFileSync } from 'node:fs'
export const handler = async event => { appendFileSync(process.env.FILE, event.word); if (event.fail) throw new Error('no') }`,
		"template.yaml": strings.Replace(template, "Timeout: 20", "AutoPublishAlias: live", 1) + `  Later:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: later.handler
      Runtime: nodejs20.x
      Environment: {Variables: {FILE: FILEPATH}}
`})
	file := filepath.Join("/var/tmp", filepath.Base(dir)+"-events")
	t.Cleanup(func() { os.Remove(file) })
	text, _ := os.ReadFile(filepath.Join(dir, "template.yaml"))
	write(t, filepath.Join(dir, "template.yaml"), strings.Replace(string(text), "FILEPATH", file, 1))
	d := startDev(t, dir)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := lambda.New(lambda.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(d.ready.Address), Credentials: credentials.NewStaticCredentialsProvider("x", "y", ""),
		HTTPClient: sdkhttp.Client{Client: &http.Client{Transport: transport}}, RetryMaxAttempts: 1,
	})
	ctx := t.Context()
	list, err := client.ListFunctions(ctx, &lambda.ListFunctionsInput{})
	if err != nil || len(list.Functions) != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	url, err := client.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: aws.String("Fn"), Qualifier: aws.String("live")})
	if err != nil || !strings.HasPrefix(*url.FunctionUrl, "http://fn.lambda-url.localhost:") || url.InvokeMode != types.InvokeModeResponseStream {
		t.Errorf("%+v %v", url, err)
	}
	out, err := client.InvokeWithResponseStream(ctx, &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("Fn"), Qualifier: aws.String("live")})
	if err != nil {
		t.Fatal(err)
	}
	var chunks []string
	var at []time.Time
	for e := range out.GetStream().Events() {
		if chunk, ok := e.(*types.InvokeWithResponseStreamResponseEventMemberPayloadChunk); ok {
			chunks, at = append(chunks, string(chunk.Value.Payload)), append(at, time.Now())
		}
	}
	if err := out.GetStream().Close(); err != nil || strings.Join(chunks, "|") != "one |two" || at[1].Sub(at[0]) < 100*time.Millisecond {
		t.Errorf("%q at %v: %v", chunks, at, err)
	}
	var missing *types.ResourceNotFoundException
	if _, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("Fn"), Qualifier: aws.String("nope")}); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
	if sent, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("Later"), InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"word":"done"}`)}); err != nil || sent.StatusCode != 202 {
		t.Errorf("%+v %v", sent, err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if text, _ := os.ReadFile(file); string(text) == "done" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the event did not arrive")
		}
	}
	var refused smithy.APIError
	if _, err := client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("Fn")}); !errors.As(err, &refused) || !strings.Contains(refused.ErrorMessage(), "sluice dev serves the template") {
		t.Errorf("%v", err)
	}
	// The API follows the template.
	text, _ = os.ReadFile(filepath.Join(dir, "template.yaml"))
	write(t, filepath.Join(dir, "template.yaml"), strings.Replace(string(text), "  Later:", "  Renamed:", 1))
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		list, err := client.ListFunctions(ctx, &lambda.ListFunctionsInput{})
		if err == nil && len(list.Functions) == 2 && *list.Functions[1].FunctionName == "Renamed" {
			break
		}
		if time.Now().After(deadline) {
			names, _ := json.Marshal(list)
			t.Fatalf("the API does not know the new function: %s %v", names, err)
		}
	}
}
