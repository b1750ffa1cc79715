package serve

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/deploy"
)

const stack = `
Transform: AWS::Serverless-2016-10-31
Resources:
  Lib:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layer}
  Letters:
    Type: AWS::Serverless::Function
    Properties: {Runtime: nodejs20.x, Handler: index.handler, CodeUri: src}
  Queue:
    Type: AWS::SQS::Queue
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs20.x
      Handler: index.handler
      CodeUri: src
      Description: DESCRIPTION
      AutoPublishAlias: live
      Layers: [!Ref Lib]
      Tags: {team: core}
      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Queue.Arn}
      EventInvokeConfig:
        MaximumRetryAttempts: 1
        DestinationConfig:
          OnFailure: {Type: Lambda, Destination: !GetAtt Letters.Arn}
`

func TestDeployingATemplate(t *testing.T) {
	r := start(t, "", nil)
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("template.yaml", strings.Replace(stack, "DESCRIPTION", "the first", 1))
	write("src/index.mjs", `import { createRequire } from 'node:module'
export const handler = async () => createRequire('/opt/nodejs/')('lib')`)
	write("layer/nodejs/node_modules/lib/index.js", "module.exports = 'layer 1'")
	uploads := map[string]int64{}
	run := func() []string {
		t.Helper()
		plan, err := deploy.New(t.Context(), deploy.Options{
			Client: r.client, File: filepath.Join(dir, "template.yaml"), Stack: "shop", Identity: sluice.DefaultIdentity(),
			Uploading: func(name string, done, total int64) { uploads[name] = total - done },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := plan.Execute(t.Context(), func(*deploy.Step) {}); err != nil {
			t.Fatal(err)
		}
		var actions []string
		for _, s := range plan.Steps {
			actions = append(actions, s.Function+" "+string(s.Action)+" "+strings.Join(s.Changes, ","))
		}
		if !slices.ContainsFunc(plan.Warnings, func(w string) bool { return strings.Contains(w, "Queue is not run here") }) {
			t.Errorf("warnings: %v", plan.Warnings)
		}
		return actions
	}
	if got := run(); !slices.Equal(got, []string{"shop-Letters create ", "shop-Work create "}) {
		t.Fatalf("%v", got)
	}
	if left, sent := uploads["shop-Work"]; !sent || left != 0 || len(uploads) != 3 {
		t.Errorf("uploads and what was left of them: %v", uploads)
	}
	if out := r.invoke("shop-Work:live", "{}", nil); string(out.Payload) != `"layer 1"` {
		t.Errorf("%s", out.Payload)
	}
	got, err := r.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("shop-Work")})
	if err != nil || *got.Configuration.Description != "the first" || got.Tags["team"] != "core" || len(got.Configuration.Layers) != 1 {
		t.Errorf("%+v %v", got, err)
	}
	events, err := r.client.GetFunctionEventInvokeConfig(t.Context(), &lambda.GetFunctionEventInvokeConfigInput{FunctionName: aws.String("shop-Work"), Qualifier: aws.String("live")})
	if err != nil || *events.MaximumRetryAttempts != 1 || !strings.HasSuffix(*events.DestinationConfig.OnFailure.Destination, ":shop-Letters") {
		t.Errorf("%+v %v", events, err)
	}
	kept, err := r.client.GetProvisionedConcurrencyConfig(t.Context(), &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: aws.String("shop-Work"), Qualifier: aws.String("live")})
	if err != nil || *kept.RequestedProvisionedConcurrentExecutions != 1 {
		t.Errorf("%+v %v", kept, err)
	}
	if got := run(); !slices.Equal(got, []string{"shop-Letters unchanged ", "shop-Work unchanged "}) {
		t.Errorf("the second time: %v", got)
	}
	text := strings.NewReplacer("DESCRIPTION", "the second", "{team: core}", "{team: web}", "MaximumRetryAttempts: 1", "MaximumRetryAttempts: 0",
		"      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}\n", "").Replace(stack)
	write("template.yaml", text)
	write("layer/nodejs/node_modules/lib/index.js", "module.exports = 'layer 2'")
	if got := run(); !slices.Equal(got, []string{"shop-Letters unchanged ", "shop-Work update description,layers,tags,events,provisioned concurrency"}) {
		t.Errorf("after changes: %v", got)
	}
	if out := r.invoke("shop-Work:live", "{}", nil); string(out.Payload) != `"layer 2"` {
		t.Errorf("%s", out.Payload)
	}
	if got := run(); !slices.Equal(got, []string{"shop-Letters unchanged ", "shop-Work unchanged "}) {
		t.Errorf("after the change: %v", got)
	}
}
