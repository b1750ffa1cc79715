package serve

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/sluice-run/sluice/internal/config"
)

// provision asks for warm environments of an alias and waits until they are there
// or have failed.
func (r *running) provision(name, qualifier string, count int32) *lambda.GetProvisionedConcurrencyConfigOutput {
	r.t.Helper()
	ctx := r.t.Context()
	put, err := r.client.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: &name, Qualifier: &qualifier, ProvisionedConcurrentExecutions: &count})
	if err != nil || put.Status != types.ProvisionedConcurrencyStatusEnumInProgress || *put.RequestedProvisionedConcurrentExecutions != count {
		r.t.Fatalf("%+v %v", put, err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		got, err := r.client.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: &name, Qualifier: &qualifier})
		if err != nil {
			r.t.Fatal(err)
		}
		if got.Status != types.ProvisionedConcurrencyStatusEnumInProgress {
			return got
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%+v", got)
		}
	}
}

func TestProvisionedConcurrencyKeepsEnvironmentsWarm(t *testing.T) { // docs/contract/control-api.md §8
	data := t.TempDir()
	short := func(c *config.Config) { c.Idle = 200 * time.Millisecond }
	r := start(t, data, short)
	ctx := t.Context()
	r.create("fn", `const begun = Date.now()
export const handler = async () => ({ age: Date.now() - begun })`, func(in *lambda.CreateFunctionInput) { in.Publish = true })
	r.client.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: aws.String("fn"), Name: aws.String("live"), FunctionVersion: aws.String("1")})
	if got := r.provision("fn", "live", 2); got.Status != types.ProvisionedConcurrencyStatusEnumReady || *got.AvailableProvisionedConcurrentExecutions != 2 {
		t.Fatalf("%+v", got)
	}
	time.Sleep(600 * time.Millisecond)
	var result struct{ Age int }
	// Warm before its first invocation, and not retired when idle.
	if r.invoke("fn:live", "{}", &result); result.Age < 500 {
		t.Errorf("the environment was %d ms old", result.Age)
	}
	time.Sleep(600 * time.Millisecond)
	if r.invoke("fn:live", "{}", &result); result.Age < 1000 {
		t.Errorf("the environment was %d ms old", result.Age)
	}
	var conflict *types.ResourceConflictException
	if _, err := r.client.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: aws.String("fn"), Qualifier: aws.String("1"), ProvisionedConcurrentExecutions: aws.Int32(1)}); !errors.As(err, &conflict) {
		t.Errorf("%v", err)
	}
	if list, err := r.client.ListProvisionedConcurrencyConfigs(ctx, &lambda.ListProvisionedConcurrencyConfigsInput{FunctionName: aws.String("fn")}); err != nil || len(list.ProvisionedConcurrencyConfigs) != 1 {
		t.Errorf("%+v %v", list, err)
	}
	// A restart warms up again.
	r.server.Close(ctx)
	again := start(t, data, short)
	time.Sleep(700 * time.Millisecond)
	if again.invoke("fn:live", "{}", &result); result.Age < 300 {
		t.Errorf("after a restart the environment was %d ms old", result.Age)
	}
	if _, err := again.client.DeleteProvisionedConcurrencyConfig(ctx, &lambda.DeleteProvisionedConcurrencyConfigInput{FunctionName: aws.String("fn"), Qualifier: aws.String("live")}); err != nil {
		t.Error(err)
	}
	var missing *types.ProvisionedConcurrencyConfigNotFoundException
	if _, err := again.client.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: aws.String("fn"), Qualifier: aws.String("live")}); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
}

func TestProvisionedConcurrencyThatFails(t *testing.T) {
	r := start(t, "", nil)
	r.create("fn", "throw new Error('no')", func(in *lambda.CreateFunctionInput) { in.Publish = true })
	if got := r.provision("fn", "1", 1); got.Status != types.ProvisionedConcurrencyStatusEnumFailed || *got.StatusReason != "FUNCTION_ERROR_INIT_FAILURE" {
		t.Errorf("%+v", got)
	}
	const path = "/2019-09-30/functions/fn/provisioned-concurrency"
	for _, tt := range []struct {
		method, path, body string
		status             int
		answer             string
	}{
		{"PUT", path, `{"ProvisionedConcurrentExecutions":1}`, 400, `{"Type":"User","message":"Provisioned Concurrency Configs cannot be applied to unpublished function versions."}`},
		{"GET", path, "", 400, `{"Type":"User","message":"The function resource provided must be an alias or a published version."}`},
		{"PUT", path + "?Qualifier=1", `{"ProvisionedConcurrentExecutions":0}`, 400, ""},
		{"PUT", path + "?Qualifier=7", `{"ProvisionedConcurrentExecutions":1}`, 404, ""},
	} {
		if status, _, answer := r.call(tt.method, tt.path, tt.body); status != tt.status || tt.answer != "" && answer != tt.answer {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, status, answer)
		}
	}
}
