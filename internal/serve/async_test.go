package serve

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/sluice-run/sluice/internal/config"
)

// recorderCode appends each event to the file in the variable FILE, then fails if
// the event says so.
const recorderCode = `import { appendFileSync } from 'node:fs'
export const handler = async (event, context) => {
	appendFileSync(process.env.FILE, JSON.stringify({ event, id: context.awsRequestId }) + '\n')
	if (event.fail) throw new RangeError('ordered')
	return { ok: true }
}`

// received is what a recorder has written.
type received struct {
	ID    string
	Event struct {
		N              int
		Fail           bool
		RequestContext struct {
			RequestID, FunctionArn, Condition string
			ApproximateInvokeCount            int
		}
		RequestPayload  struct{ N int }
		ResponseContext *struct{ FunctionError, ExecutedVersion string }
		ResponsePayload struct {
			OK                      bool
			ErrorType, ErrorMessage string
		}
	}
}

// recorder makes a function that records its events outside of its /tmp.
func (r *running) recorder(name string, change func(*lambda.CreateFunctionInput)) (file string) {
	r.t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "sluice-test-")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { os.RemoveAll(dir) })
	file = filepath.Join(dir, name)
	r.create(name, recorderCode, func(in *lambda.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"FILE": file}}
		if change != nil {
			change(in)
		}
	})
	return file
}

// await returns what was recorded once there are n events.
func (r *running) await(file string, n int) []received {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(file)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if len(text) > 0 && len(lines) >= n {
			all := make([]received, len(lines))
			for i, line := range lines {
				if err := json.Unmarshal([]byte(line), &all[i]); err != nil {
					r.t.Fatalf("%v: %s", err, line)
				}
			}
			return all
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%d of %d events: %s", len(lines), n, text[:min(len(text), 2000)])
		}
	}
}

func (r *running) send(name, payload string) string {
	r.t.Helper()
	out, err := r.client.Invoke(r.t.Context(), &lambda.InvokeInput{FunctionName: &name, InvocationType: types.InvocationTypeEvent, Payload: []byte(payload)})
	if err != nil {
		r.t.Fatal(err)
	}
	if out.StatusCode != 202 || len(out.Payload) > 0 || out.ExecutedVersion != nil {
		r.t.Errorf("%+v", out)
	}
	id, _ := out.ResultMetadata.Get("x").(string)
	return id
}

func soon(c *config.Config) { c.RetryWait = 50 * time.Millisecond }

func TestEventsAreRetriedAndReported(t *testing.T) { // docs/contract/invoke-api.md §5
	r := start(t, "", soon)
	good, bad := r.recorder("good", nil), r.recorder("bad", nil)
	worker := r.recorder("worker", nil)
	arn := func(name string) *string { return aws.String("arn:aws:lambda:us-east-1:123456789012:function:" + name) }
	if _, err := r.client.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("worker"),
		DestinationConfig: &types.DestinationConfig{OnSuccess: &types.OnSuccess{Destination: arn("good")}, OnFailure: &types.OnFailure{Destination: arn("bad")}}}); err != nil {
		t.Fatal(err)
	}
	r.send("worker", `{"n":1}`)
	ok := r.await(good, 1)[0].Event
	if ok.RequestContext.Condition != "Success" || ok.RequestContext.ApproximateInvokeCount != 1 || ok.RequestPayload.N != 1 || !ok.ResponsePayload.OK ||
		ok.RequestContext.FunctionArn != *arn("worker")+":$LATEST" || ok.ResponseContext.FunctionError != "" || ok.ResponseContext.ExecutedVersion != "$LATEST" {
		t.Errorf("%+v", ok)
	}
	r.send("worker", `{"n":2,"fail":true}`)
	failed := r.await(bad, 1)[0].Event
	if failed.RequestContext.Condition != "RetriesExhausted" || failed.RequestContext.ApproximateInvokeCount != 3 || failed.RequestPayload.N != 2 ||
		failed.ResponseContext.FunctionError != "Unhandled" || failed.ResponsePayload.ErrorType != "RangeError" {
		t.Errorf("%+v", failed)
	}
	runs := r.await(worker, 4)
	if len(runs) != 4 || runs[1].ID != runs[2].ID || runs[2].ID != runs[3].ID || runs[3].ID != failed.RequestContext.RequestID || runs[0].ID == runs[1].ID {
		t.Errorf("one request id has to hold for all attempts: %+v", runs)
	}
}

func TestEventsThatAreTooOldAreNotRetried(t *testing.T) { // docs/contract/invoke-api.md §5.1
	r := start(t, "", nil) // waits of a minute
	bad := r.recorder("bad", nil)
	r.recorder("worker", nil)
	if _, err := r.client.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("worker"), MaximumEventAgeInSeconds: aws.Int32(60),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String("arn:aws:lambda:us-east-1:123456789012:function:bad")}}}); err != nil {
		t.Fatal(err)
	}
	r.send("worker", `{"fail":true}`)
	e := r.await(bad, 1)[0].Event
	if e.RequestContext.Condition != "EventAgeExceeded" || e.RequestContext.ApproximateInvokeCount != 1 || e.ResponseContext == nil {
		t.Errorf("%+v", e)
	}
}

func TestZeroReservedConcurrencyGoesToTheDestination(t *testing.T) { // docs/contract/invoke-api.md §5.1
	r := start(t, "", nil)
	bad, letters := r.recorder("bad", nil), r.recorder("letters", nil)
	r.recorder("worker", func(in *lambda.CreateFunctionInput) {
		in.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: aws.String("arn:aws:lambda:us-east-1:123456789012:function:letters")}
	})
	ctx := t.Context()
	if _, err := r.client.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("worker"), ReservedConcurrentExecutions: aws.Int32(0)}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.client.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("worker"),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String("arn:aws:lambda:us-east-1:123456789012:function:bad")}}}); err != nil {
		t.Fatal(err)
	}
	r.send("worker", `{"n":5}`)
	e := r.await(bad, 1)[0].Event
	if e.RequestContext.Condition != "ZeroReservedConcurrency" || e.RequestContext.ApproximateInvokeCount != 0 || e.ResponseContext != nil {
		t.Errorf("%+v", e)
	}
	if got := r.await(letters, 1)[0].Event; got.N != 5 {
		t.Errorf("the dead letter is not the event: %+v", got)
	}
}

func TestEventsSurviveARestart(t *testing.T) {
	data := t.TempDir()
	r := start(t, data, nil)
	worker := r.recorder("worker", nil)
	ctx := t.Context()
	r.server.async.Stop()
	for n := range 5 {
		r.send("worker", `{"n":`+string(rune('0'+n))+`}`)
	}
	r.server.Close(ctx)
	again := start(t, data, nil)
	seen := map[int]bool{}
	for _, e := range again.await(worker, 5) {
		seen[e.Event.N] = true
	}
	if len(seen) != 5 {
		t.Errorf("events %v of 5", seen)
	}
}

func TestEventInvokeConfigs(t *testing.T) { // docs/contract/control-api.md §9
	r := start(t, "", nil)
	r.create("fn", echo, nil)
	const path = "/2019-09-25/functions/fn/event-invoke-config"
	for _, tt := range []struct {
		method, path, body string
		status             int
		answer             string
	}{
		{"GET", path, "", 404, `{"Type":"User","Message":"The function arn:aws:lambda:us-east-1:123456789012:function:fn:$LATEST doesn't have an EventInvokeConfig"}`},
		{"PUT", path, "{}", 400, `{"Type":"User","message":"You must specify at least one of error handling or destination setting."}`},
		{"PUT", "/2019-09-25/functions/nope/event-invoke-config", `{"MaximumRetryAttempts":1}`, 404, `{"Type":"User","Message":"The function doesn't exist."}`},
		{"PUT", path, `{"MaximumRetryAttempts":3}`, 400, `{"message":"1 validation error detected: Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member must have value less than or equal to 2"}`},
		{"PUT", path, `{"DestinationConfig":{"OnFailure":{"Destination":"nope"}}}`, 400, `{"Type":"User","message":"The destination ARN nope is invalid."}`},
		{"PUT", path, `{"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:lambda:us-east-1:123456789012:function:fn"}}}`, 400, `{"Type":"User","message":"You can't specify the function as a destination for itself."}`},
		{"PUT", path, `{"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sqs:us-east-1:123456789012:q"}}}`, 400, `{"Type":"User","message":"Sluice does not support this: destinations other than functions unless the server was started with --aws-endpoint: arn:aws:sqs:us-east-1:123456789012:q."}`},
	} {
		status, _, answer := r.call(tt.method, tt.path, tt.body)
		if status != tt.status || answer != tt.answer {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, status, answer)
		}
	}
	ctx := t.Context()
	put, err := r.client.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("fn"), MaximumRetryAttempts: aws.Int32(1)})
	if err != nil || !strings.HasSuffix(*put.FunctionArn, ":fn:$LATEST") || put.DestinationConfig == nil || put.MaximumEventAgeInSeconds != nil || time.Since(*put.LastModified) > time.Minute {
		t.Errorf("%+v %v", put, err)
	}
	update, err := r.client.UpdateFunctionEventInvokeConfig(ctx, &lambda.UpdateFunctionEventInvokeConfigInput{FunctionName: aws.String("fn"), MaximumEventAgeInSeconds: aws.Int32(90)})
	if err != nil || *update.MaximumRetryAttempts != 1 || *update.MaximumEventAgeInSeconds != 90 {
		t.Errorf("%+v %v", update, err)
	}
	if list, err := r.client.ListFunctionEventInvokeConfigs(ctx, &lambda.ListFunctionEventInvokeConfigsInput{FunctionName: aws.String("fn")}); err != nil || len(list.FunctionEventInvokeConfigs) != 1 {
		t.Errorf("%+v %v", list, err)
	}
	if _, err := r.client.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: aws.String("fn")}); err != nil {
		t.Error(err)
	}
	var missing *types.ResourceNotFoundException
	if _, err := r.client.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: aws.String("fn")}); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
}
