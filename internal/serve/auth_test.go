package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/sluice-run/sluice/internal/config"
)

const keys = `credentials:
- accessKeyId: AKIAADMIN
  secretAccessKey: the-secret-of-the-admin
  name: admin
- accessKeyId: AKIACALLER
  secretAccessKey: the-secret-of-the-caller
  name: caller
  policy:
    Statement:
    - Effect: Allow
      Action: [lambda:InvokeFunction, "lambda:Get*"]
      Resource: arn:aws:lambda:us-east-1:123456789012:function:open*
    - Effect: Allow
      Action: logs:FilterLogEvents
      Resource: "*"
`

// as returns a client with another access key. It shares nothing with others: a
// signer remembers keys by their id alone.
func (r *running) as(id, secret string) *lambda.Client {
	return lambda.New(lambda.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(r.base), Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
		HTTPClient: r.client.Options().HTTPClient, RetryMaxAttempts: 1,
	})
}

func startWithKeys(t *testing.T) (r *running, admin *lambda.Client) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(file, []byte(keys), 0o600); err != nil {
		t.Fatal(err)
	}
	r = start(t, "", func(c *config.Config) { c.Credentials = file })
	admin = r.as("AKIAADMIN", "the-secret-of-the-admin")
	r.client = admin
	return r, admin
}

// refusedWith checks the code of an API error.
func refusedWith(t *testing.T, err error, code, text string) {
	t.Helper()
	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != code || !strings.Contains(refused.ErrorMessage(), text) {
		t.Errorf("%v; want %s %q", err, code, text)
	}
}

func TestCredentialsAndPolicies(t *testing.T) { // docs/contract/control-api.md §1
	r, _ := startWithKeys(t)
	ctx := t.Context()
	r.create("open", echo, nil)
	r.create("closed", echo, nil)
	list := &lambda.ListFunctionsInput{}
	_, err := r.as("AKIAADMIN", "a-guess-at-the-secret").ListFunctions(ctx, list)
	refusedWith(t, err, "InvalidSignatureException", "The request signature we calculated does not match")
	_, err = r.as("AKIANOBODY", "the-secret-of-the-admin").ListFunctions(ctx, list)
	refusedWith(t, err, "UnrecognizedClientException", "The security token included in the request is invalid.")
	caller := r.as("AKIACALLER", "the-secret-of-the-caller")
	if _, err := caller.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("open"), Payload: []byte(`{"a":1}`)}); err != nil {
		t.Error(err)
	}
	if out, err := caller.InvokeWithResponseStream(ctx, &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("open")}); err != nil {
		t.Error(err)
	} else {
		for range out.GetStream().Events() {
		}
		out.GetStream().Close()
	}
	_, err = caller.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("closed")})
	refusedWith(t, err, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/caller is not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:123456789012:function:closed")
	_, err = caller.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("open")})
	refusedWith(t, err, "AccessDeniedException", "lambda:DeleteFunction")
	_, err = caller.ListFunctions(ctx, list)
	refusedWith(t, err, "AccessDeniedException", "lambda:ListFunctions on resource: *")
}

// signedGet calls a Function URL with a signature.
func (r *running) signedGet(host, id, secret, body string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), "POST", r.base+"/a%2Fb?x=1", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Host = host
	if id != "" {
		sum := sha256.Sum256([]byte(body))
		hash := hex.EncodeToString(sum[:])
		req.Header.Set("X-Amz-Content-Sha256", hash)
		if err := v4.NewSigner().SignHTTP(r.t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, req, hash, "lambda", "us-east-1", time.Now()); err != nil {
			r.t.Fatal(err)
		}
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

func TestIAMFunctionURLs(t *testing.T) { // docs/contract/function-url.md §2.2, §6, §7.2
	r, _ := startWithKeys(t)
	ctx := t.Context()
	r.create("fn", `export const handler = async event => event`, nil)
	made, err := r.client.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("fn"), AuthType: types.FunctionUrlAuthTypeAwsIam})
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimSuffix(strings.TrimPrefix(*made.FunctionUrl, "http://"), "/")
	status, body := r.signedGet(host, "AKIAADMIN", "the-secret-of-the-admin", "hello")
	var event struct {
		Headers        map[string]string
		RequestContext struct {
			AccountID  string
			Authorizer struct{ IAM map[string]any }
		}
	}
	if err := json.Unmarshal([]byte(body), &event); status != 200 || err != nil {
		t.Fatalf("%d %s", status, body)
	}
	iam := event.RequestContext.Authorizer.IAM
	if event.RequestContext.AccountID != "123456789012" || iam["accessKey"] != "AKIAADMIN" || iam["userArn"] != "arn:aws:iam::123456789012:user/admin" || event.Headers["authorization"] != "" || event.Headers["x-amz-date"] == "" {
		t.Errorf("%s", body)
	}
	if _, there := iam["cognitoIdentity"]; !there {
		t.Errorf("%v", iam)
	}
	if status, body := r.signedGet(host, "", "", ""); status != 403 || !strings.HasPrefix(body, `{"Message":"Forbidden. For troubleshooting`) {
		t.Errorf("not signed: %d %s", status, body)
	}
	if status, body := r.signedGet(host, "AKIAADMIN", "a-guess-at-the-secret", ""); status != 403 || !strings.HasPrefix(body, `{"message":"The request signature we calculated`) {
		t.Errorf("wrong secret: %d %s", status, body)
	}
	if status, _ := r.signedGet(host, "AKIACALLER", "the-secret-of-the-caller", ""); status != 403 {
		t.Errorf("not allowed: %d", status)
	}
	// The function's own policy lets the caller in.
	if _, err := r.client.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String("fn"), StatementId: aws.String("caller"), Action: aws.String("lambda:InvokeFunctionUrl"),
		Principal: aws.String("arn:aws:iam::123456789012:user/caller"), FunctionUrlAuthType: types.FunctionUrlAuthTypeAwsIam}); err != nil {
		t.Fatal(err)
	}
	if status, body := r.signedGet(host, "AKIACALLER", "the-secret-of-the-caller", ""); status != 200 {
		t.Errorf("allowed by the function: %d %s", status, body)
	}
}

func TestBadCredentialsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.yaml")
	os.WriteFile(file, []byte("credentials: 1"), 0o600)
	cfg := config.Default()
	cfg.Addr, cfg.Data, cfg.Credentials = "127.0.0.1:0", t.TempDir(), file
	if _, err := Open(t.Context(), Options{Config: cfg}); err == nil || !strings.Contains(err.Error(), "keys.yaml") {
		t.Errorf("%v", err)
	}
}
