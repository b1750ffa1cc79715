package serve

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"go.uber.org/goleak"

	"github.com/sluice-run/sluice/internal/config"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The NATS library keeps one for the life of the process.
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.init.0.func1"))
}

func TestLifeOfAFunction(t *testing.T) { // docs/contract/control-api.md §3, §4
	r := start(t, "", nil)
	ctx := t.Context()
	made := r.create("fn", echo, func(in *lambda.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"VALUE": "one"}}
		in.Tags = map[string]string{"team": "a"}
	})
	if made.State != types.StatePending || made.StateReasonCode != types.StateReasonCodeCreating || *made.FunctionArn != "arn:aws:lambda:us-east-1:123456789012:function:fn" ||
		*made.Version != "$LATEST" || made.LastUpdateStatus != "" || made.PackageType != types.PackageTypeZip || *made.MemorySize != 128 || made.LoggingConfig == nil {
		t.Errorf("%+v", made)
	}
	if err := lambda.NewFunctionActiveV2Waiter(r.client).Wait(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("fn")}, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	got, err := r.client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("fn")})
	if err != nil {
		t.Fatal(err)
	}
	if got.Tags["team"] != "a" || got.Configuration.LastUpdateStatus != types.LastUpdateStatusSuccessful || got.Concurrency != nil {
		t.Errorf("%+v", got)
	}
	resp, err := http.Get(*got.Code.Location)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if int64(len(data)) != made.CodeSize {
		t.Errorf("the package has %d bytes, want %d", len(data), made.CodeSize)
	}

	var result struct {
		Event               map[string]int
		Version, ARN, Value string
	}
	out := r.invoke("fn", `{"a":1}`, &result)
	if out.StatusCode != 200 || *out.ExecutedVersion != "$LATEST" || out.FunctionError != nil || result.Event["a"] != 1 || result.Value != "one" || result.ARN != *made.FunctionArn {
		t.Errorf("%+v %+v", out, result)
	}

	updated, err := r.client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("fn"), Environment: &types.Environment{Variables: map[string]string{"VALUE": "two"}}, Timeout: aws.Int32(20),
	})
	if err != nil {
		t.Fatal(err)
	}
	if updated.LastUpdateStatus != types.LastUpdateStatusInProgress || *updated.Timeout != 20 || *updated.RevisionId == *made.RevisionId {
		t.Errorf("%+v", updated)
	}
	if r.invoke("fn", "{}", &result); result.Value != "two" {
		t.Errorf("after the update: %q", result.Value)
	}
	if _, err := r.client.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{
		FunctionName: aws.String("fn"), ZipFile: code(t, "export const handler = async () => ({value: 'new code'})").ZipFile,
	}); err != nil {
		t.Fatal(err)
	}
	if r.invoke("fn", "{}", &result); result.Value != "new code" {
		t.Errorf("after the update: %q", result.Value)
	}
	if _, err := r.client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")}); err != nil {
		t.Fatal(err)
	}
	var missing *types.ResourceNotFoundException
	if _, err := r.client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("fn")}); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
}

func TestVersionsAndAliases(t *testing.T) { // docs/contract/control-api.md §4, §5
	r := start(t, "", nil)
	ctx := t.Context()
	r.create("fn", echo, nil)
	one, err := r.client.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: aws.String("fn"), Description: aws.String("first")})
	if err != nil || *one.Version != "1" || !strings.HasSuffix(*one.FunctionArn, ":fn:1") {
		t.Fatalf("%+v %v", one, err)
	}
	if again, err := r.client.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: aws.String("fn"), Description: aws.String("first")}); err != nil || *again.Version != "1" {
		t.Errorf("nothing changed, and there is version %s", *again.Version)
	}
	two, err := r.client.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), Publish: true,
		ZipFile: code(t, strings.Replace(echo, "value:", "second: true, value:", 1)).ZipFile})
	if err != nil || *two.Version != "2" || !strings.HasSuffix(*two.FunctionArn, ":fn:2") {
		t.Fatalf("%+v %v", two, err)
	}
	alias, err := r.client.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: aws.String("fn"), Name: aws.String("live"), FunctionVersion: aws.String("1")})
	if err != nil || *alias.AliasArn != "arn:aws:lambda:us-east-1:123456789012:function:fn:live" {
		t.Fatalf("%+v %v", alias, err)
	}
	var result struct {
		Version, ARN string
		Second       bool
	}
	for qualified, want := range map[string]string{"fn": "$LATEST", "fn:1": "1", "fn:2": "2", "fn:live": "1"} {
		out := r.invoke(qualified, "{}", &result)
		if *out.ExecutedVersion != want || result.Version != want || !strings.HasSuffix(result.ARN, ":function:"+qualified) {
			t.Errorf("%s ran %s: %+v", qualified, *out.ExecutedVersion, result)
		}
	}
	if _, err := r.client.UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: aws.String("fn"), Name: aws.String("live"),
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.5}}}); err != nil {
		t.Fatal(err)
	}
	ran := map[string]int{}
	for range 40 {
		ran[*r.invoke("fn:live", "{}", nil).ExecutedVersion]++
	}
	if ran["1"] < 5 || ran["2"] < 5 {
		t.Errorf("half and half became %v", ran)
	}
	versions, err := r.client.ListVersionsByFunction(ctx, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("fn")})
	if err != nil {
		t.Fatal(err)
	}
	numbers := ""
	for _, v := range versions.Versions {
		numbers += *v.Version + " "
	}
	if numbers != "$LATEST 1 2 " || versions.Versions[0].State != "" {
		t.Errorf("%q", numbers)
	}
	var conflict *types.ResourceConflictException
	if _, err := r.client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("fn"), Qualifier: aws.String("2")}); !errors.As(err, &conflict) {
		t.Errorf("a version in use: %v", err)
	}
	if _, err := r.client.DeleteAlias(ctx, &lambda.DeleteAliasInput{FunctionName: aws.String("fn"), Name: aws.String("live")}); err != nil {
		t.Error(err)
	}
	if _, err := r.client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("fn"), Qualifier: aws.String("2")}); err != nil {
		t.Error(err)
	}
	three, err := r.client.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), Publish: true, ZipFile: code(t, echo+"\n").ZipFile})
	if err != nil || *three.Version != "3" {
		t.Errorf("a number was given out twice: %+v %v", three, err)
	}
}

func TestStreamsAreLive(t *testing.T) { // docs/contract/invoke-api.md §3
	r := start(t, "", nil)
	r.create("fn", `export const handler = awslambda.streamifyResponse(async (event, s) => {
		s = awslambda.HttpResponseStream.from(s, {statusCode: 201})
		s.write('one')
		await new Promise(r => setTimeout(r, 400))
		s.write('two')
		if (event.fail) throw new TypeError('mid stream')
		if (event.exit) process.exit(9)
		s.end()
	})`, nil)
	for payload, want := range map[string]struct{ code, details string }{
		`{}`:            {"", ""},
		`{"fail":true}`: {"TypeError", "mid stream"},
		`{"exit":true}`: {"Runtime.ExitError", "exit status 9"},
	} {
		out, err := r.client.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("fn"), Payload: []byte(payload), LogType: types.LogTypeTail})
		if err != nil {
			t.Fatal(err)
		}
		var body string
		var first, last time.Time
		var complete *types.InvokeWithResponseStreamCompleteEvent
		for event := range out.GetStream().Events() {
			switch e := event.(type) {
			case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
				if body += string(e.Value.Payload); first.IsZero() {
					first = time.Now()
				}
				last = time.Now()
			case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
				complete = &e.Value
			}
		}
		if err := out.GetStream().Err(); err != nil {
			t.Error(err)
		}
		out.GetStream().Close()
		if body != `{"statusCode":201}`+strings.Repeat("\x00", 8)+"onetwo" || last.Sub(first) < 300*time.Millisecond {
			t.Errorf("%s: %q within %v", payload, body, last.Sub(first))
		}
		if complete == nil || aws.ToString(complete.ErrorCode) != want.code || !strings.Contains(aws.ToString(complete.ErrorDetails), want.details) {
			t.Errorf("%s: %+v", payload, complete)
			continue
		}
		if log, _ := base64.StdEncoding.DecodeString(aws.ToString(complete.LogResult)); !strings.Contains(string(log), "START RequestId: ") || !strings.Contains(string(log), "REPORT RequestId: ") {
			t.Errorf("%s: log tail %q", payload, log)
		}
	}
}

func TestFunctionErrors(t *testing.T) { // docs/contract/invoke-api.md §2.2
	r := start(t, "", nil)
	r.create("fn", `export const handler = async event => {
		if (event.hang) await new Promise(r => setTimeout(r, 60000))
		if (event.exit) process.exit(event.exit)
		if (event.big) return 'x'.repeat(6 * 1024 * 1024 + 200)
		throw new RangeError('no')
	}`, func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(1) })
	for payload, want := range map[string][2]string{
		`{}`:            {"RangeError", "no"},
		`{"hang":true}`: {"Sandbox.Timedout", "Task timed out after 1.00 seconds"},
		`{"exit":3}`:    {"Runtime.ExitError", "Runtime exited with error: exit status 3"},
		`{"big":true}`:  {"Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes)."},
	} {
		var document struct{ ErrorType, ErrorMessage string }
		out := r.invoke("fn", payload, &document)
		if out.StatusCode != 200 || aws.ToString(out.FunctionError) != "Unhandled" || document.ErrorType != want[0] || !strings.Contains(document.ErrorMessage, want[1]) {
			t.Errorf("%s: %d %q %s", payload, out.StatusCode, aws.ToString(out.FunctionError), out.Payload)
		}
	}
	// Broken code is the function's error too, at every call.
	r.create("broken", "export const handler = (", nil)
	for range 2 {
		var document struct{ ErrorType string }
		if out := r.invoke("broken", "{}", &document); document.ErrorType != "Runtime.UserCodeSyntaxError" || aws.ToString(out.FunctionError) != "Unhandled" {
			t.Errorf("%s", out.Payload)
		}
	}
}

func TestInvokeOptions(t *testing.T) { // docs/contract/invoke-api.md §2
	r := start(t, "", nil)
	r.create("fn", echo, nil)
	out, err := r.client.Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("fn"), LogType: types.LogTypeTail, ClientContext: aws.String(base64.StdEncoding.EncodeToString([]byte(`{"custom":{"k":"v"}}`))),
	})
	if err != nil {
		t.Fatal(err)
	}
	if log, _ := base64.StdEncoding.DecodeString(*out.LogResult); !strings.Contains(string(log), "END RequestId: ") {
		t.Errorf("%q", log)
	}
	if !strings.Contains(string(out.Payload), `"client":{"custom":{"k":"v"}}`) || !strings.Contains(string(out.Payload), `"event":{}`) {
		t.Errorf("%s", out.Payload)
	}
	dry, err := r.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("fn"), InvocationType: types.InvocationTypeDryRun})
	if err != nil || dry.StatusCode != 204 {
		t.Errorf("%+v %v", dry, err)
	}
	for _, arn := range []string{"arn:aws:lambda:us-east-1:123456789012:function:fn", "123456789012:function:fn", "function:fn", "arn:aws:lambda:us-east-1:123456789012:function:fn:$LATEST"} {
		r.invoke(arn, "{}", nil)
	}
}

func TestFunctionURLs(t *testing.T) { // docs/contract/control-api.md §6, §7
	r := start(t, "", nil)
	ctx := t.Context()
	r.create("fn", `export const handler = awslambda.streamifyResponse(async (event, s) => { s.setContentType('text/plain'); s.write(event.requestContext.domainPrefix); s.end() })`, nil)
	made, err := r.client.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
		FunctionName: aws.String("fn"), AuthType: types.FunctionUrlAuthTypeNone, InvokeMode: types.InvokeModeResponseStream,
		Cors: &types.Cors{AllowOrigins: []string{"*"}, MaxAge: aws.Int32(60)},
	})
	if err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(*made.FunctionUrl, "http://"), ".")
	if len(id) != 32 || !strings.HasSuffix(*made.FunctionUrl, "/") {
		t.Errorf("%s", *made.FunctionUrl)
	}
	get := func() (int, string) {
		req, _ := http.NewRequest("GET", r.base+"/", nil)
		req.Host = id + ".lambda-url.localhost"
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	if status, _ := get(); status != 403 {
		t.Errorf("without permission: %d", status)
	}
	if _, err := r.client.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String("fn"), StatementId: aws.String("open"),
		Action: aws.String("lambda:InvokeFunctionUrl"), Principal: aws.String("*"), FunctionUrlAuthType: types.FunctionUrlAuthTypeNone}); err != nil {
		t.Fatal(err)
	}
	if status, body := get(); status != 200 || body != id {
		t.Errorf("%d %q", status, body)
	}
	if _, err := r.client.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: aws.String("fn"), AuthType: types.FunctionUrlAuthTypeAwsIam}); err != nil {
		t.Fatal(err)
	}
	got, err := r.client.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: aws.String("fn")})
	if err != nil || got.AuthType != types.FunctionUrlAuthTypeAwsIam || got.InvokeMode != types.InvokeModeResponseStream || *got.FunctionUrl != *made.FunctionUrl || *got.Cors.MaxAge != 60 {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := r.client.DeleteFunctionUrlConfig(ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: aws.String("fn")}); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(); status != 403 {
		t.Errorf("after delete: %d", status)
	}
	policy, err := r.client.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: aws.String("fn")})
	if err != nil || *policy.Policy != `{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"open","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"arn:aws:lambda:us-east-1:123456789012:function:fn","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}]}` {
		t.Errorf("%s %v", aws.ToString(policy.Policy), err)
	}
	if _, err := r.client.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: aws.String("fn"), StatementId: aws.String("open")}); err != nil {
		t.Error(err)
	}
}

func TestLayers(t *testing.T) { // docs/contract/control-api.md §10
	r := start(t, "", nil)
	ctx := t.Context()
	layer, err := r.client.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("lib"), CompatibleRuntimes: []types.Runtime{types.RuntimeNodejs20x},
		Content: &types.LayerVersionContentInput{ZipFile: zipped(t, map[string]string{"nodejs/node_modules/lib/index.js": "module.exports = 'layered'"})}})
	if err != nil || layer.Version != 1 {
		t.Fatalf("%+v %v", layer, err)
	}
	r.create("fn", `import { createRequire } from 'node:module'
export const handler = async () => ({ value: createRequire(import.meta.url)('lib') })`, func(in *lambda.CreateFunctionInput) { in.Layers = []string{*layer.LayerVersionArn} })
	if _, err := r.client.DeleteLayerVersion(ctx, &lambda.DeleteLayerVersionInput{LayerName: aws.String("lib"), VersionNumber: aws.Int64(1)}); err != nil {
		t.Fatal(err)
	}
	var result struct{ Value string }
	if out := r.invoke("fn", "{}", &result); result.Value != "layered" {
		t.Errorf("%s", out.Payload)
	}
	next, err := r.client.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("lib"),
		Content: &types.LayerVersionContentInput{ZipFile: zipped(t, map[string]string{"a": "b"})}})
	if err != nil || next.Version != 2 {
		t.Errorf("a number was given out twice: %+v %v", next, err)
	}
	list, err := r.client.ListLayerVersions(ctx, &lambda.ListLayerVersionsInput{LayerName: aws.String("lib")})
	if err != nil || len(list.LayerVersions) != 1 || list.LayerVersions[0].Version != 2 {
		t.Errorf("%+v %v", list, err)
	}
}

func TestLayerPermissions(t *testing.T) { // docs/contract/control-api.md §10
	r := start(t, "", nil)
	ctx := t.Context()
	if _, err := r.client.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("lib"), Content: &types.LayerVersionContentInput{ZipFile: zipped(t, map[string]string{"a": "b"})}}); err != nil {
		t.Fatal(err)
	}
	name, number := aws.String("lib"), aws.Int64(1)
	get := &lambda.GetLayerVersionPolicyInput{LayerName: name, VersionNumber: number}
	var missing *types.ResourceNotFoundException
	if _, err := r.client.GetLayerVersionPolicy(ctx, get); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
	add := &lambda.AddLayerVersionPermissionInput{LayerName: name, VersionNumber: number, StatementId: aws.String("all"), Action: aws.String("lambda:GetLayerVersion"), Principal: aws.String("*"), OrganizationId: aws.String("o-0123456789")}
	added, err := r.client.AddLayerVersionPermission(ctx, add)
	want := `{"Sid":"all","Effect":"Allow","Principal":"*","Action":"lambda:GetLayerVersion","Resource":"arn:aws:lambda:us-east-1:123456789012:layer:lib:1","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-0123456789"}}}`
	if err != nil || *added.Statement != want {
		t.Fatalf("%+v %v", added, err)
	}
	var conflict *types.ResourceConflictException
	if _, err := r.client.AddLayerVersionPermission(ctx, add); !errors.As(err, &conflict) {
		t.Errorf("%v", err)
	}
	if got, err := r.client.GetLayerVersionPolicy(ctx, get); err != nil || *got.Policy != `{"Version":"2012-10-17","Id":"default","Statement":[`+want+`]}` || *got.RevisionId != *added.RevisionId {
		t.Errorf("%+v %v", got, err)
	}
	remove := &lambda.RemoveLayerVersionPermissionInput{LayerName: name, VersionNumber: number, StatementId: aws.String("all"), RevisionId: aws.String("stale")}
	var stale *types.PreconditionFailedException
	if _, err := r.client.RemoveLayerVersionPermission(ctx, remove); !errors.As(err, &stale) {
		t.Errorf("%v", err)
	}
	remove.RevisionId = nil
	if _, err := r.client.RemoveLayerVersionPermission(ctx, remove); err != nil {
		t.Error(err)
	}
	add.VersionNumber = aws.Int64(2)
	if _, err := r.client.AddLayerVersionPermission(ctx, add); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
}

func TestSmallReadsThatCallersInsistOn(t *testing.T) { // docs/contract/control-api.md §8, §11, §12
	r := start(t, "", nil)
	ctx := t.Context()
	r.create("fn", echo, nil)
	name := aws.String("fn")
	// The read sequence of Terraform's provider and of CloudFormation's handlers.
	if out, err := r.client.ListVersionsByFunction(ctx, &lambda.ListVersionsByFunctionInput{FunctionName: name, MaxItems: aws.Int32(10000)}); err != nil || len(out.Versions) != 1 {
		t.Errorf("%+v %v", out, err)
	}
	if out, err := r.client.GetFunctionCodeSigningConfig(ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: name}); err != nil || out.CodeSigningConfigArn != nil {
		t.Errorf("%+v %v", out, err)
	}
	if out, err := r.client.GetRuntimeManagementConfig(ctx, &lambda.GetRuntimeManagementConfigInput{FunctionName: name}); err != nil || out.UpdateRuntimeOn != types.UpdateRuntimeOnAuto {
		t.Errorf("%+v %v", out, err)
	}
	if out, err := r.client.GetFunctionRecursionConfig(ctx, &lambda.GetFunctionRecursionConfigInput{FunctionName: name}); err != nil || out.RecursiveLoop != types.RecursiveLoopTerminate {
		t.Errorf("%+v %v", out, err)
	}
	if out, err := r.client.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: name}); err != nil || out.ReservedConcurrentExecutions != nil {
		t.Errorf("%+v %v", out, err)
	}
	if out, err := r.client.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: name, ReservedConcurrentExecutions: aws.Int32(0)}); err != nil || *out.ReservedConcurrentExecutions != 0 {
		t.Errorf("%+v %v", out, err)
	}
	var throttled *types.TooManyRequestsException
	if _, err := r.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: name}); !errors.As(err, &throttled) || throttled.Reason != types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded {
		t.Errorf("%v", err)
	}
	if _, err := r.client.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: name}); err != nil {
		t.Error(err)
	}
	r.invoke("fn", "{}", nil)
	arn := aws.String("arn:aws:lambda:us-east-1:123456789012:function:fn")
	if _, err := r.client.TagResource(ctx, &lambda.TagResourceInput{Resource: arn, Tags: map[string]string{"a": "1", "b": "2"}}); err != nil {
		t.Error(err)
	}
	if _, err := r.client.UntagResource(ctx, &lambda.UntagResourceInput{Resource: arn, TagKeys: []string{"a", "nope"}}); err != nil {
		t.Error(err)
	}
	if out, err := r.client.ListTags(ctx, &lambda.ListTagsInput{Resource: arn}); err != nil || len(out.Tags) != 1 || out.Tags["b"] != "2" {
		t.Errorf("%+v %v", out, err)
	}
	if out, err := r.client.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{}); err != nil || out.AccountLimit.ConcurrentExecutions != 1000 || out.AccountUsage.FunctionCount != 1 {
		t.Errorf("%+v %v", out, err)
	}
}

func TestVersionsShareTheReservedConcurrency(t *testing.T) { // docs/contract/control-api.md §8
	r := start(t, "", nil)
	ctx := t.Context()
	r.create("fn", "export const handler = async () => new Promise(resolve => setTimeout(resolve, 700, 1))", func(in *lambda.CreateFunctionInput) { in.Publish = true })
	limit := func(n int32) {
		t.Helper()
		if _, err := r.client.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("fn"), ReservedConcurrentExecutions: &n}); err != nil {
			t.Fatal(err)
		}
	}
	limit(1)
	var busy sync.WaitGroup
	busy.Go(func() { r.invoke("fn", "{}", nil) })
	time.Sleep(350 * time.Millisecond)
	var throttled *types.TooManyRequestsException
	if _, err := r.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("fn:1")}); !errors.As(err, &throttled) {
		t.Errorf("another version: %v", err)
	}
	// A new limit holds at once, and for environments that are there.
	limit(2)
	r.invoke("fn:1", "{}", nil)
	busy.Wait()
}

func TestPaging(t *testing.T) { // docs/contract/control-api.md §4
	r := start(t, "", nil)
	for i := range 7 {
		r.create(fmt.Sprintf("fn-%d", i), echo, nil)
	}
	pages := lambda.NewListFunctionsPaginator(r.client, &lambda.ListFunctionsInput{MaxItems: aws.Int32(3)})
	var names []string
	count := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		count++
		for _, f := range page.Functions {
			names = append(names, *f.FunctionName)
		}
	}
	if count != 3 || len(names) != 7 || !slices.IsSorted(names) {
		t.Errorf("%d pages: %v", count, names)
	}
}

func TestErrors(t *testing.T) { // docs/contract/control-api.md §1, §2, §4.1, §5–§8
	r := start(t, "", nil)
	r.create("fn", echo, nil)
	r.client.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("fn")})
	zip := base64.StdEncoding.EncodeToString(code(t, echo).ZipFile)
	function := func(members string) string {
		return `{"FunctionName":"new","Role":"` + role + `","Runtime":"nodejs20.x","Handler":"index.handler","Code":{"ZipFile":"` + zip + `"}` + members + `}`
	}
	const f = "/2015-03-31/functions"
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:"
	for _, tt := range []struct {
		method, path, body string
		status             int
		kind, answer       string
	}{
		{"GET", f + "/nope", "", 404, "ResourceNotFoundException", `{"Type":"User","Message":"Function not found: ` + arn + `nope"}`},
		{"GET", f + "/fn?Qualifier=9", "", 404, "ResourceNotFoundException", `{"Type":"User","Message":"Function not found: ` + arn + `fn:9"}`},
		{"POST", f + "/nope/invocations", "{}", 404, "ResourceNotFoundException", `{"Type":"User","Message":"Function not found: ` + arn + `nope:$LATEST"}`},
		{"POST", f + "/fn:gone/invocations", "{}", 404, "ResourceNotFoundException", `{"Type":"User","Message":"Function not found: ` + arn + `fn:gone"}`},
		{"POST", f + "/fn/invocations", "{", 400, "InvalidRequestContentException", `{"Type":"User","message":"Could not parse request body into json: Could not parse payload into json: unexpected end of JSON input"}`},
		{"GET", f + "/fn:1?Qualifier=2", "", 400, "InvalidParameterValueException", `{"Type":"User","message":"The derived qualifier from the function name does not match the specified qualifier."}`},
		{"GET", f + "/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Afn", "", 404, "ResourceNotFoundException", `{"Type":"User","Message":"Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"}`},
		{"GET", f + "/arn%3Aaws%3Alambda%3Aus-east-1%3A999999999999%3Afunction%3Afn", "", 403, "AccessDeniedException", `{}`},
		{"POST", f, strings.Replace(function(""), `"new"`, `"fn"`, 1), 409, "ResourceConflictException", `{"Type":"User","message":"Function already exist: fn"}`},
		{"POST", f, function(`,"Timeout":901,"MemorySize":64`), 400, "ValidationException", `{"message":"2 validation errors detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900; Value '64' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"}`},
		{"POST", f, strings.Replace(function(""), role, "r", 1), 400, "ValidationException", `{"message":"1 validation error detected: Value 'r' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+"}`},
		{"POST", f, strings.Replace(function(""), "nodejs20.x", "nodejs20.X", 1), 400, "InvalidParameterValueException", ""},
		{"POST", f, strings.Replace(function(""), "nodejs20.x", "nodejs12.x", 1), 400, "InvalidParameterValueException", `{"Type":"User","message":"The runtime parameter of nodejs12.x is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions."}`},
		{"POST", f, strings.Replace(function(""), "nodejs20.x", "ruby3.3", 1), 400, "InvalidParameterValueException", `{"Type":"User","message":"Sluice does not support this: the runtime ruby3.3; it runs nodejs18.x, nodejs20.x, nodejs22.x, nodejs24.x, python3.10, python3.11, python3.12, python3.13, python3.14, go1.x, provided, provided.al2, provided.al2023."}`},
		{"POST", f, strings.Replace(function(""), zip, "bm90IGEgemlw", 1), 400, "InvalidParameterValueException", `{"Type":"User","message":"Could not unzip uploaded file. Please check your file, then try to upload again."}`},
		{"POST", f, function(`,"Environment":{"Variables":{"AWS_REGION":"x"}}`), 400, "InvalidParameterValueException", ""},
		{"POST", f, function(`,"Environment":{"Variables":{"BIG":"` + strings.Repeat("x", 4096) + `"}}`), 400, "InvalidParameterValueException", ""},
		{"POST", f, function(`,"Architectures":["x86_64","arm64"]`), 400, "ValidationException", `{"message":"1 validation error detected: Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1"}`},
		{"POST", f, function(`,"Layers":["arn:aws:lambda:us-east-1:123456789012:layer:l:1"]`), 400, "InvalidParameterValueException", `{"Type":"User","message":"Layer version arn:aws:lambda:us-east-1:123456789012:layer:l:1 does not exist."}`},
		{"POST", f, function(`,"SnapStart":{"ApplyOn":"PublishedVersions"}`), 400, "InvalidParameterValueException", `{"Type":"User","message":"Sluice does not support this: SnapStart."}`},
		{"POST", f, strings.Replace(function(""), `"new"`, `"`+strings.Repeat("n", 65)+`"`, 1), 400, "InvalidParameterValueException", ""},
		{"POST", f, "{", 400, "InvalidRequestContentException", ""},
		{"PUT", f + "/fn/configuration", `{"RevisionId":"old"}`, 412, "PreconditionFailedException", `{"Type":"User","message":"The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"}`},
		{"POST", f + "/fn/versions", `{"CodeSha256":"x"}`, 400, "InvalidParameterValueException", ""},
		{"DELETE", f + "/fn?Qualifier=$LATEST", "", 400, "InvalidParameterValueException", `{"Type":"User","message":"$LATEST version cannot be deleted without deleting the function."}`},
		{"DELETE", f + "/fn?Qualifier=99", "", 204, "", ""},
		{"DELETE", f + "/nope?Qualifier=99", "", 404, "ResourceNotFoundException", `{"Type":"User","Message":"Function not found: ` + arn + `nope"}`},
		{"POST", f + "/fn/aliases", `{"Name":"1","FunctionVersion":"1"}`, 400, "ValidationException", `{"message":"1 validation error detected: Value '1' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"}`},
		{"POST", f + "/fn/aliases", `{"Name":"a","FunctionVersion":"10"}`, 404, "ResourceNotFoundException", `{"Type":"User","Message":"Function not found: ` + arn + `fn:10"}`},
		{"POST", f + "/fn/aliases", `{"Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`, 400, "InvalidParameterValueException", `{"Type":"User","message":"Invalid function version 1. Function version 1 is already included in routing configuration."}`},
		{"POST", f + "/fn/aliases", `{"Name":"a","FunctionVersion":"$LATEST","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`, 400, "InvalidParameterValueException", `{"message":"$LATEST is not supported for an alias pointing to more than 1 version"}`},
		{"GET", f + "/fn/aliases/none", "", 404, "ResourceNotFoundException", `{"Type":"User","Message":"Cannot find alias arn: ` + arn + `fn:none"}`},
		{"PUT", f + "/fn/aliases/none", "{}", 404, "ResourceNotFoundException", `{"Type":"User","Message":"Alias not found: ` + arn + `fn:none"}`},
		{"DELETE", f + "/fn/aliases/none", "", 204, "", ""},
		{"POST", "/2021-10-31/functions/nope/url", `{"AuthType":"NONE"}`, 404, "ResourceNotFoundException", `{"Type":"User","Message":"Function does not exist"}`},
		{"GET", "/2021-10-31/functions/fn/url", "", 404, "ResourceNotFoundException", `{"Type":"User","Message":"The resource you requested does not exist."}`},
		{"POST", "/2021-10-31/functions/fn/url?Qualifier=1", `{"AuthType":"NONE"}`, 400, "ValidationException", ""},
		{"POST", "/2021-10-31/functions/fn/url", `{"AuthType":"NONE","InvokeMode":"STREAM"}`, 400, "ValidationException", `{"message":"1 validation error detected: Value 'STREAM' at 'invokeMode' failed to satisfy constraint: Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]"}`},
		{"GET", f + "/fn/policy", "", 404, "ResourceNotFoundException", `{"Type":"User","Message":"The resource you requested does not exist."}`},
		{"POST", f + "/fn/policy", `{"StatementId":"s","Action":"lambda:InvokeFunction","Principal":"not a principal"}`, 400, "InvalidParameterValueException", `{"Type":"User","message":"The provided principal was invalid. Please check the principal and try again."}`},
		{"POST", f + "/fn/policy?Qualifier=$LATEST", `{}`, 400, "InvalidParameterValueException", `{"Type":"User","message":"We currently do not support adding policies for $LATEST."}`},
		{"DELETE", f + "/fn/policy/s", "", 404, "ResourceNotFoundException", `{"Type":"User","Message":"No policy is associated with the given resource."}`},
		{"PUT", "/2017-10-31/functions/fn/concurrency", `{"ReservedConcurrentExecutions":901}`, 400, "InvalidParameterValueException", `{"message":"Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."}`},
		{"PUT", "/2017-10-31/functions/nope/concurrency", `{"ReservedConcurrentExecutions":1}`, 404, "ResourceNotFoundException", `{"Type":"User","Message":"Function not found: ` + arn + `nope:$LATEST"}`},
		{"POST", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Afn%3A1", `{"Tags":{"a":"b"}}`, 400, "InvalidParameterValueException", `{"Type":"User","message":"Tags on function aliases and versions are not supported. Please specify a function ARN."}`},
		{"GET", f + "?MaxItems=0", "", 400, "ValidationException", ""},
		{"GET", "/2015-03-31/nothing", "", 404, "UnknownOperationException", ""},
	} {
		status, kind, answer := r.call(tt.method, tt.path, tt.body)
		if status != tt.status || kind != tt.kind || tt.answer != "" && answer != tt.answer {
			t.Errorf("%s %s %.80s\n got %d %s %s\nwant %d %s %s", tt.method, tt.path, tt.body, status, kind, answer, tt.status, tt.kind, tt.answer)
		}
	}
}

func TestWebPagesStayOut(t *testing.T) {
	r := start(t, "", nil)
	for name, header := range map[string][]string{
		"not signed": {"Authorization", ""}, "another host": {"Host", "evil.example"}, "rebound": {"Host", "evil.example:9000"},
	} {
		status, kind, answer := r.call("GET", "/2015-03-31/functions", "", header...)
		if status != 403 || strings.Contains(answer, "Functions") {
			t.Errorf("%s: %d %s %s", name, status, kind, answer)
		}
	}
	if status, _, answer := r.call("GET", "/2015-03-31/functions", "", "Host", "localhost:1"); status != 200 || answer != `{"Functions":[]}` {
		t.Errorf("%d %s", status, answer)
	}
}

func TestConcurrentUpdatesLoseNothing(t *testing.T) { // docs/contract/control-api.md §3.1
	r := start(t, "", nil)
	made := r.create("fn", echo, nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 8 {
		wg.Go(func() {
			_, err := r.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), Timeout: aws.Int32(int32(i + 1)), RevisionId: made.RevisionId})
			var stale *types.PreconditionFailedException
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if !errors.As(err, &stale) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d writers had the same revision and won", won)
	}
	// Without a revision all of them count.
	for i := range 8 {
		wg.Go(func() {
			if _, err := r.client.TagResource(t.Context(), &lambda.TagResourceInput{Resource: made.FunctionArn, Tags: map[string]string{fmt.Sprint(i): "x"}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	out, err := r.client.ListTags(t.Context(), &lambda.ListTagsInput{Resource: made.FunctionArn})
	if err != nil || len(out.Tags) != 8 {
		t.Errorf("%v %v", out.Tags, err)
	}
}

func TestStateSurvivesARestart(t *testing.T) {
	data := t.TempDir()
	r := start(t, data, nil)
	made := r.create("fn", echo, nil)
	r.client.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("fn")})
	r.client.CreateAlias(t.Context(), &lambda.CreateAliasInput{FunctionName: aws.String("fn"), Name: aws.String("live"), FunctionVersion: aws.String("1")})
	r.server.Close(t.Context())
	again := start(t, data, nil)
	got, err := again.client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("fn")})
	if err != nil || *got.CodeSha256 != *made.CodeSha256 {
		t.Errorf("%+v %v", got, err)
	}
	if out := again.invoke("fn:live", "{}", nil); *out.ExecutedVersion != "1" {
		t.Errorf("%+v", out)
	}
}

func TestCodeGoesWhenNobodyRunsIt(t *testing.T) {
	r := start(t, "", nil)
	r.create("fn", echo, nil)
	r.invoke("fn", "{}", nil)
	if len(files(t, r.server.scratch.Path+"/code")) < 3 {
		t.Fatal("no unpacked code")
	}
	r.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left, _ := os.ReadDir(r.server.scratch.Path + "/code")
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v is left", left)
		}
	}
}

func TestQuotasHoldForTheAPI(t *testing.T) { // docs/contract/invoke-api.md §6
	r := start(t, "", func(c *config.Config) { c.Limits.StreamedPayload, c.Limits.StreamRate = 1<<20, 0 })
	r.create("fn", `export const handler = awslambda.streamifyResponse(async (event, s) => { s.write(Buffer.alloc(2 << 20)); s.end() })`, nil)
	out, err := r.client.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("fn")})
	if err != nil {
		t.Fatal(err)
	}
	defer out.GetStream().Close()
	size, code := 0, ""
	for event := range out.GetStream().Events() {
		switch e := event.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			size += len(e.Value.Payload)
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			code = aws.ToString(e.Value.ErrorCode)
		}
	}
	if size != 1<<20 || code != "Function.ResponseSizeTooLarge" {
		t.Errorf("%d bytes, %q", size, code)
	}
	status, kind, answer := r.call("POST", "/2015-03-31/functions/fn/invocations", `"`+strings.Repeat("x", 6<<20)+`"`)
	if status != 413 || kind != "RequestEntityTooLargeException" || !json.Valid([]byte(answer)) {
		t.Errorf("%d %s %s", status, kind, answer)
	}
}
