package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// run runs a command and returns what it prints on standard output.
func (s *server) run(name string, args ...string) (string, error) {
	s.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y", "AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=", "SLUICE_ENDPOINT=http://"+s.addr)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		out = append(out, stderr.Bytes()...)
	}
	return string(out), err
}

func (s *server) must(name string, args ...string) string {
	s.t.Helper()
	out, err := s.run(name, args...)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func TestDeployIsIdempotentAndPrunes(t *testing.T) {
	s := startServe(t, t.TempDir())
	defer s.stop()
	dir := project(t, map[string]string{"index.mjs": streaming(`s.write('v1 ' + process.env.PEER); s.end()`), "template.yaml": strings.Replace(template, "Timeout: 20", "AutoPublishAlias: live", 1) + `  Second:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: index.handler
      Runtime: nodejs20.x
      Environment: {Variables: {PEER: !GetAtt FnUrl.FunctionUrl}}
Outputs:
  Url: {Value: !GetAtt FnUrl.FunctionUrl}
`})
	plan := func(args ...string) (steps map[string]string, url string) {
		t.Helper()
		var document struct {
			Steps   []struct{ Function, Action string }
			Outputs []struct{ Name, Value string }
		}
		if err := json.Unmarshal([]byte(s.must(binary, append([]string{"deploy", dir, "--stack", "shop", "--json"}, args...)...)), &document); err != nil {
			t.Fatal(err)
		}
		steps = map[string]string{}
		for _, step := range document.Steps {
			steps[step.Function] = step.Action
		}
		if len(document.Outputs) > 0 {
			url = document.Outputs[0].Value
		}
		return steps, url
	}
	if steps, _ := plan("--dry-run"); steps["shop-Fn"] != "create" || steps["shop-Second"] != "create" {
		t.Errorf("%v", steps)
	}
	if out := s.must(binary, "list", "--json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("a dry run has deployed: %s", out)
	}
	_, url := plan()
	if got := s.must("curl", "-sN", url); got != "v1 undefined" {
		t.Errorf("%s answers %q", url, got)
	}
	if got := s.must(binary, "invoke", "shop-Second", "--stream"); !strings.Contains(got, "v1 "+url) {
		t.Errorf("Second does not know the URL of Fn: %q", got)
	}
	if steps, again := plan(); steps["shop-Fn"] != "unchanged" || steps["shop-Second"] != "unchanged" || again != url {
		t.Errorf("the second run: %v %s", steps, again)
	}
	write(t, filepath.Join(dir, "index.mjs"), streaming(`s.write('v2'); s.end()`))
	if steps, _ := plan(); steps["shop-Fn"] != "update" {
		t.Errorf("%v", steps)
	}
	if got := s.must("curl", "-sN", url); got != "v2" {
		t.Errorf("after the update: %q", got)
	}
	write(t, filepath.Join(dir, "template.yaml"), template)
	if steps, _ := plan(); steps["shop-Second"] != "keep" || steps["shop-Fn"] != "update" {
		t.Errorf("%v", steps)
	}
	if steps, _ := plan("--prune"); steps["shop-Second"] != "delete" {
		t.Errorf("%v", steps)
	}
	if out := s.must(binary, "list", "--json"); strings.Contains(out, "shop-Second") || !strings.Contains(out, "shop-Fn") {
		t.Errorf("%s", out)
	}
	if out, err := s.run(binary, "deploy", dir, "--stack", "other"); err != nil {
		t.Errorf("another stack: %v %s", err, out)
	}
	if out := s.must(binary, "logs", "shop-Fn"); !strings.Contains(out, "REPORT RequestId: ") || strings.Contains(out, "shop-Second") {
		t.Errorf("logs:\n%s", out)
	}
	s.must(binary, "delete", "shop-Fn", "other-Fn")
	if out := s.must(binary, "list", "--json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("%s", out)
	}
	if out, err := s.run(binary, "invoke", "nope"); err == nil || !strings.Contains(out, "Function not found") {
		t.Errorf("%v %s", err, out)
	}
}

func TestExampleClients(t *testing.T) {
	s := startServe(t, t.TempDir())
	defer s.stop()
	const want = "each\nword\non\nits\nown\n"
	if got := s.must("go", "run", "../../examples/sdk-go", "http://"+s.addr); got != want {
		t.Errorf("sdk-go: %q", got)
	}
	// The example's own dependencies are those of this suite.
	dir := t.TempDir()
	for _, name := range []string{"deploy.mjs", "function.mjs", "package.json"} {
		text, err := os.ReadFile("../../examples/sdk-js/" + name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), string(text))
	}
	modules, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	if got := s.must("node", filepath.Join(dir, "deploy.mjs"), "http://"+s.addr); got != want {
		t.Errorf("sdk-js: %q", got)
	}
}

func TestSignerForJavaScript(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.yaml")
	write(t, keys, "credentials:\n- {accessKeyId: AKIATEST, secretAccessKey: a-secret-for-the-test}\n")
	s := startServe(t, t.TempDir(), "--credentials", keys)
	defer s.stop()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
	dir := project(t, map[string]string{"index.mjs": "export const handler = async event => event.requestContext.authorizer.iam.accessKey + event.body",
		"template.yaml": strings.NewReplacer("NONE", "AWS_IAM", "RESPONSE_STREAM", "BUFFERED").Replace(template)})
	cmd := exec.Command(binary, "deploy", dir, "--stack", "iam", "--endpoint", "http://"+s.addr, "--json")
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIATEST", "AWS_SECRET_ACCESS_KEY=a-secret-for-the-test")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	var plan struct{ Steps []struct{ URLs []string } }
	if err := json.Unmarshal(out, &plan); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimSuffix(strings.TrimPrefix(plan.Steps[0].URLs[0], "http://"), "/")
	if got := s.must("node", "clients/sign.mjs", s.addr, host, "AKIATEST", "a-secret-for-the-test"); got != "200 AKIATEST{\"signed\":true}\n" {
		t.Errorf("%s", got)
	}
	if got := s.must("node", "clients/sign.mjs", s.addr, host, "AKIATEST", "not-the-secret-of-it"); !strings.HasPrefix(got, "403 ") {
		t.Errorf("%s", got)
	}
}

func TestAWSCLI(t *testing.T) {
	s := startServe(t, t.TempDir())
	defer s.stop()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "code.zip"), string(zipped(t, "export const handler = async event => ({ got: event })")))
	cli := func(args ...string) string {
		t.Helper()
		return strings.TrimSpace(s.must("aws", append([]string{"--endpoint-url", "http://" + s.addr, "--output", "text", "lambda"}, args...)...))
	}
	for _, name := range []string{"one", "two", "three"} {
		cli("create-function", "--function-name", name, "--runtime", "nodejs18.x", "--role", "arn:aws:iam::123456789012:role/r", "--handler", "index.handler",
			"--zip-file", "fileb://"+filepath.Join(dir, "code.zip"), "--query", "FunctionName")
	}
	cli("wait", "function-active", "--function-name", "one")
	if got := cli("list-functions", "--page-size", "2", "--query", "Functions[].FunctionName"); strings.Join(strings.Fields(got), " ") != "one three two" {
		t.Errorf("%q", got)
	}
	if got := cli("update-function-configuration", "--function-name", "one", "--timeout", "9", "--query", "Timeout"); got != "9" {
		t.Errorf("%q", got)
	}
	cli("wait", "function-updated", "--function-name", "one")
	if got := cli("create-function-url-config", "--function-name", "one", "--auth-type", "NONE", "--query", "AuthType"); got != "NONE" {
		t.Errorf("%q", got)
	}
	payload := filepath.Join(dir, "event.json")
	write(t, payload, `{"a":1}`)
	if got := cli("invoke", "--function-name", "one", "--payload", "fileb://"+payload, filepath.Join(dir, "out.json")); !strings.Contains(got, "$LATEST") || !strings.Contains(got, "200") {
		t.Errorf("%q", got)
	}
	if out, _ := os.ReadFile(filepath.Join(dir, "out.json")); string(out) != `{"got":{"a":1}}` {
		t.Errorf("%s", out)
	}
	// What `aws logs tail` of the second CLI asks for.
	if got := s.must("aws", "--endpoint-url", "http://"+s.addr, "--output", "text", "logs", "filter-log-events", "--log-group-name", "/aws/lambda/one",
		"--start-time", "0", "--interleaved", "--page-size", "2", "--query", "events[].message"); !strings.Contains(got, "START RequestId: ") || !strings.Contains(got, "REPORT RequestId: ") {
		t.Errorf("%q", got)
	}
	if got := s.must(secondCLI(s), "--endpoint-url", "http://"+s.addr, "logs", "tail", "/aws/lambda/one", "--since", "5m", "--format", "short", "--filter-pattern", "REPORT"); strings.Count(got, "REPORT RequestId: ") != 1 {
		t.Errorf("%q", got)
	}
	cli("delete-function", "--function-name", "one")
	if out, err := s.run("aws", "--endpoint-url", "http://"+s.addr, "lambda", "get-function", "--function-name", "one"); err == nil || !strings.Contains(out, "ResourceNotFoundException") {
		t.Errorf("%v %s", err, out)
	}
}

// TestTerraformSequence replays what Terraform's provider calls for a function with
// a URL: create, read, update, delete (docs/contract/control-api.md §12).
func TestTerraformSequence(t *testing.T) {
	s := startServe(t, t.TempDir())
	defer s.stop()
	ctx, name := t.Context(), aws.String("tf")
	if _, err := s.client.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: name, Runtime: types.RuntimeNodejs20x, Role: aws.String("arn:aws:iam::123456789012:role/r"),
		Handler: aws.String("index.handler"), Code: &types.FunctionCode{ZipFile: zipped(t, "export const handler = async () => 1")}, Publish: true}); err != nil {
		t.Fatal(err)
	}
	read := func() {
		t.Helper()
		got, err := s.client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: name})
		if err != nil || got.Configuration.State != types.StateActive || got.Configuration.LastUpdateStatus != types.LastUpdateStatusSuccessful {
			t.Fatalf("%+v %v", got, err)
		}
		versions, err := s.client.ListVersionsByFunction(ctx, &lambda.ListVersionsByFunctionInput{FunctionName: name, MaxItems: aws.Int32(10000)})
		if err != nil || *versions.Versions[len(versions.Versions)-1].Version == "$LATEST" {
			t.Fatalf("%+v %v", versions, err)
		}
		if _, err := s.client.GetFunctionCodeSigningConfig(ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: name}); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if _, err := s.client.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: name, AuthType: types.FunctionUrlAuthTypeNone, InvokeMode: types.InvokeModeResponseStream}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: name, StatementId: aws.String("FunctionURLAllowPublicAccess"), Action: aws.String("lambda:InvokeFunctionUrl"),
		Principal: aws.String("*"), FunctionUrlAuthType: types.FunctionUrlAuthTypeNone}); err != nil {
		t.Fatal(err)
	}
	url, err := s.client.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: name})
	if err != nil {
		t.Fatal(err)
	}
	if id, _, _ := strings.Cut(strings.TrimPrefix(*url.FunctionUrl, "http://"), "."); len(id) != 32 {
		t.Errorf("url_id %q", id)
	}
	if _, err := s.client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: name, MemorySize: aws.Int32(256)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: name, ZipFile: zipped(t, "export const handler = async () => 2")}); err != nil {
		t.Fatal(err)
	}
	if v, err := s.client.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: name}); err != nil || *v.Version != "2" {
		t.Fatalf("%+v %v", v, err)
	}
	read()
	if _, err := s.client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: name}); err != nil {
		t.Fatal(err)
	}
}

// secondCLI is the AWS CLI of version 2, the only one that has `aws logs tail`: on PATH,
// or hidden there by one of version 1.
func secondCLI(s *server) string {
	s.t.Helper()
	for _, name := range []string{"aws", "/usr/bin/aws"} {
		if out, err := s.run(name, "--version"); err == nil && strings.HasPrefix(out, "aws-cli/2") {
			return name
		}
	}
	s.t.Fatal("there is no AWS CLI of version 2; Debian's package is awscli")
	return ""
}
