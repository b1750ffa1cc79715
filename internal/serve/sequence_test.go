package serve

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// These tests replay, request by request, what deployment tools send
// (docs/contract/control-api.md §12).

// expect sends a request and wants a status; it returns the answer.
func (r *running) expect(status int, method, path, body string) map[string]any {
	r.t.Helper()
	got, _, answer := r.call(method, path, body)
	if got != status {
		r.t.Fatalf("%s %s: %d %s, expected %d", method, path, got, answer, status)
	}
	var document map[string]any
	if answer != "" {
		if err := json.Unmarshal([]byte(answer), &document); err != nil {
			r.t.Fatalf("%s %s: %v %s", method, path, err, answer)
		}
	}
	return document
}

func creation(t *testing.T, name, handler string) string {
	body, err := json.Marshal(map[string]any{
		"FunctionName": name, "Role": role, "Runtime": "nodejs20.x", "Handler": "index.handler",
		"Code": map[string]string{"ZipFile": base64.StdEncoding.EncodeToString(zipped(t, map[string]string{"index.mjs": handler}))},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestCloudFormationHandlers(t *testing.T) { // CDK, SAM and Serverless Framework deploy through them
	r := start(t, "", nil)
	const one = "/2015-03-31/functions/cfn"
	r.expect(201, "POST", "/2015-03-31/functions", creation(t, "cfn", "export const handler = async () => 1"))
	if got := r.expect(200, "GET", one, "")["Configuration"].(map[string]any); got["State"] != "Active" {
		t.Errorf("%v", got)
	}
	r.expect(200, "PUT", "/2017-10-31/functions/cfn/concurrency", `{"ReservedConcurrentExecutions":5}`)
	if got := r.expect(200, "GET", "/2021-07-20/functions/cfn/runtime-management-config", ""); got["UpdateRuntimeOn"] != "Auto" {
		t.Errorf("%v", got)
	}
	r.expect(200, "PUT", "/2021-07-20/functions/cfn/runtime-management-config", `{"UpdateRuntimeOn":"FunctionUpdate"}`)
	if got := r.expect(200, "GET", "/2024-08-31/functions/cfn/recursion-config", ""); got["RecursiveLoop"] != "Terminate" {
		t.Errorf("%v", got)
	}
	r.expect(200, "PUT", "/2024-08-31/functions/cfn/recursion-config", `{"RecursiveLoop":"Allow"}`)
	if got := r.expect(200, "GET", "/2020-06-30/functions/cfn/code-signing-config", ""); got["CodeSigningConfigArn"] != nil {
		t.Errorf("%v", got)
	}
	r.expect(204, "POST", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Acfn", `{"Tags":{"aws:cloudformation:stack-name":"s"}}`)
	url := r.expect(201, "POST", "/2021-10-31/functions/cfn/url", `{"AuthType":"NONE","InvokeMode":"RESPONSE_STREAM"}`)
	if got := r.expect(200, "GET", "/2021-10-31/functions/cfn/url", ""); got["FunctionUrl"] != url["FunctionUrl"] || got["InvokeMode"] != "RESPONSE_STREAM" {
		t.Errorf("%v", got)
	}
	r.expect(200, "PUT", "/2021-10-31/functions/cfn/url", `{"Cors":{"AllowOrigins":["*"]}}`)
	if got := r.expect(200, "GET", "/2021-10-31/functions/cfn/urls", "")["FunctionUrlConfigs"].([]any); len(got) != 1 {
		t.Errorf("%v", got)
	}
	r.expect(201, "POST", one+"/policy", `{"StatementId":"url","Action":"lambda:InvokeFunctionUrl","Principal":"*","FunctionUrlAuthType":"NONE"}`)
	r.expect(201, "POST", one+"/versions", "{}")
	r.expect(201, "POST", one+"/aliases", `{"Name":"live","FunctionVersion":"1"}`)
	r.expect(204, "DELETE", "/2021-10-31/functions/cfn/url", "")
	r.expect(204, "DELETE", one, "")
	r.expect(404, "GET", one, "")
}

func TestSAMRemoteInvokeAndSync(t *testing.T) {
	r := start(t, "", nil)
	r.expect(201, "POST", "/2015-03-31/functions", creation(t, "sam", `export const handler = awslambda.streamifyResponse(async (event, stream) => { stream.write('one '); stream.end('two') })`))
	r.expect(404, "GET", "/2021-10-31/functions/sam/url", "") // remote invoke asks first, and takes Invoke
	if status, _, answer := r.call("POST", "/2015-03-31/functions/sam/invocations", "{}"); status != 200 || answer != "one two" {
		t.Errorf("%d %q", status, answer)
	}
	r.expect(201, "POST", "/2021-10-31/functions/sam/url", `{"AuthType":"NONE","InvokeMode":"RESPONSE_STREAM"}`)
	if got := r.expect(200, "GET", "/2021-10-31/functions/sam/url", ""); got["InvokeMode"] != "RESPONSE_STREAM" {
		t.Errorf("%v", got)
	}
	out, err := r.client.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("sam")})
	if err != nil {
		t.Fatal(err)
	}
	for range out.GetStream().Events() {
	}
	if err := out.GetStream().Close(); err != nil {
		t.Error(err)
	}
	code := base64.StdEncoding.EncodeToString(zipped(t, map[string]string{"index.mjs": "export const handler = async () => 'synced'"}))
	r.expect(200, "PUT", "/2015-03-31/functions/sam/code", `{"ZipFile":"`+code+`"}`)
	if got := r.expect(200, "GET", "/2015-03-31/functions/sam", "")["Configuration"].(map[string]any); got["LastUpdateStatus"] != "Successful" {
		t.Errorf("%v", got)
	}
	if status, _, answer := r.call("POST", "/2015-03-31/functions/sam/invocations", "{}"); status != 200 || answer != `"synced"` {
		t.Errorf("%d %q", status, answer)
	}
}

func TestServerlessDeployFunction(t *testing.T) {
	r := start(t, "", nil)
	r.expect(201, "POST", "/2015-03-31/functions", creation(t, "sls", "export const handler = async () => 1"))
	got := r.expect(200, "GET", "/2015-03-31/functions/sls", "")
	resp, err := http.Get(got["Code"].(map[string]any)["Location"].(string)) // rollbacks and checks download the code
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	defer resp.Body.Close()
	if data, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || !strings.HasPrefix(string(data), "PK") {
		t.Errorf("%s %v", resp.Status, err)
	}
	r.expect(200, "PUT", "/2015-03-31/functions/sls/configuration", `{"Handler":"index.handler","MemorySize":1024,"Timeout":6,"Environment":{"Variables":{"STAGE":"b"}}}`)
	r.expect(200, "GET", "/2015-03-31/functions/sls/configuration", "")
	code := base64.StdEncoding.EncodeToString(zipped(t, map[string]string{"index.mjs": "export const handler = async () => process.env.STAGE"}))
	r.expect(200, "PUT", "/2015-03-31/functions/sls/code", `{"ZipFile":"`+code+`"}`)
	if status, _, answer := r.call("POST", "/2015-03-31/functions/sls/invocations", ""); status != 200 || answer != `"b"` {
		t.Errorf("%d %q", status, answer)
	}
}
