package auth

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	sluice "github.com/sluice-run/sluice"
)

const (
	key    = "AKIAEXAMPLE"
	secret = "a-secret-of-some-length"
)

func service(t *testing.T, policy string) *Service {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials.yaml")
	if err := os.WriteFile(file, []byte("credentials:\n- accessKeyId: "+key+"\n  secretAccessKey: "+secret+"\n  name: ann\n"+policy), 0o600); err != nil {
		t.Fatal(err)
	}
	credentials, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return New(sluice.DefaultIdentity(), credentials)
}

// request makes a request that is signed the way the SDK does it.
func request(t *testing.T, method, target, body string, at time.Time, secret string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, "http://localhost:9000"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, r, hashOf([]byte(body)), "lambda", "us-east-1", at); err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(strings.NewReader(body))
	return r
}

func TestSignatures(t *testing.T) { // docs/contract/function-url.md §6, §7.2
	s := service(t, "")
	for _, target := range []string{"/", "/2015-03-31/functions/arn%3Aaws%3Alambda/invocations?Qualifier=%24LATEST", "/a%2Fb/%C3%BC?x=1&x=2&a=b%20c&e"} {
		for _, body := range []string{"", `{"a":1}`} {
			caller, refused := s.Verify(request(t, "POST", target, body, time.Now(), secret), []byte(body))
			if refused != nil || caller.ARN != "arn:aws:iam::123456789012:user/ann" || caller.AccessKeyID != key {
				t.Errorf("%s %q: %+v %v", target, body, caller, refused)
			}
		}
	}
	for name, tt := range map[string]struct {
		change func(*http.Request)
		at     time.Time
		secret string
		body   string
		code   string
	}{
		"wrong secret":   {nil, time.Now(), "another-secret-of-it", "", "InvalidSignatureException"},
		"another path":   {func(r *http.Request) { r.URL.Path = "/other" }, time.Now(), secret, "", "InvalidSignatureException"},
		"another query":  {func(r *http.Request) { r.URL.RawQuery = "x=2" }, time.Now(), secret, "", "InvalidSignatureException"},
		"another method": {func(r *http.Request) { r.Method = "PUT" }, time.Now(), secret, "", "InvalidSignatureException"},
		"another host":   {func(r *http.Request) { r.Host = "evil.example" }, time.Now(), secret, "", "InvalidSignatureException"},
		"another body":   {nil, time.Now(), secret, "changed", "InvalidSignatureException"},
		"header changed": {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, time.Now(), secret, "", "InvalidSignatureException"},
		"too old":        {nil, time.Now().Add(-20 * time.Minute), secret, "", "InvalidSignatureException"},
		"of the future":  {nil, time.Now().Add(20 * time.Minute), secret, "", "InvalidSignatureException"},
		"unknown key": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), key, "AKIAOTHER", 1))
		}, time.Now(), secret, "", "UnrecognizedClientException"},
		"another region": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "us-east-1", "eu-west-1", 1))
		}, time.Now(), secret, "", "InvalidSignatureException"},
		"no signature":     {func(r *http.Request) { r.Header.Del("Authorization") }, time.Now(), secret, "", "MissingAuthenticationTokenException"},
		"broken signature": {func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=") }, time.Now(), secret, "", "IncompleteSignatureException"},
	} {
		r := request(t, "POST", "/a?x=1", "", tt.at, tt.secret)
		if tt.change != nil {
			tt.change(r)
		}
		if _, refused := s.Verify(r, []byte(tt.body)); refused == nil || refused.Code != tt.code || refused.Status != 403 {
			t.Errorf("%s: %v", name, refused)
		}
	}
}

func TestPresignedRequests(t *testing.T) {
	s := service(t, "")
	presign := func(at time.Time) *http.Request {
		r, _ := http.NewRequest("GET", "http://localhost:9000/a%2Fb?x=1&X-Amz-Expires=60", nil)
		signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, r, "UNSIGNED-PAYLOAD", "lambda", "us-east-1", at)
		if err != nil {
			t.Fatal(err)
		}
		r, _ = http.NewRequest("GET", signed, nil)
		return r
	}
	if _, refused := s.Verify(presign(time.Now()), nil); refused != nil {
		t.Errorf("%v", refused)
	}
	if _, refused := s.Verify(presign(time.Now().Add(-2*time.Minute)), nil); refused == nil || !strings.Contains(refused.Message, "Signature expired") {
		t.Errorf("expired: %v", refused)
	}
	changed := presign(time.Now())
	changed.URL.RawQuery = strings.Replace(changed.URL.RawQuery, "x=1", "x=2", 1)
	if _, refused := s.Verify(changed, nil); refused == nil {
		t.Error("a changed query is taken")
	}
}

func TestWithoutCredentialsAnySignatureIsTaken(t *testing.T) {
	s := New(sluice.DefaultIdentity(), nil)
	if caller, refused := s.Verify(request(t, "GET", "/", "", time.Now().Add(-time.Hour), "whatever"), nil); refused != nil || caller.Allowed(Request{Action: "lambda:X", Resource: "*"}) != Allowed {
		t.Errorf("%v", refused)
	}
	r, _ := http.NewRequest("GET", "http://localhost/", nil)
	if _, refused := s.Verify(r, nil); refused == nil || refused.Code != "MissingAuthenticationTokenException" {
		t.Errorf("%v", refused)
	}
}

func TestPolicies(t *testing.T) {
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:"
	for _, tt := range []struct {
		statement, action, resource string
		context                     map[string]string
		want                        Decision
	}{
		{`{"Effect":"Allow","Action":"*","Resource":"*"}`, "lambda:GetFunction", arn + "a", nil, Allowed},
		{`{"Effect":"Allow","Action":"lambda:Get*","Resource":"*"}`, "lambda:GetFunction", arn + "a", nil, Allowed},
		{`{"Effect":"Allow","Action":"LAMBDA:getfunction","Resource":"*"}`, "lambda:GetFunction", arn + "a", nil, Allowed},
		{`{"Effect":"Allow","Action":["lambda:A","lambda:B"],"Resource":"*"}`, "lambda:C", arn + "a", nil, NotAllowed},
		{`{"Effect":"Allow","Action":"*","Resource":"` + arn + `a*"}`, "lambda:A", arn + "b", nil, NotAllowed},
		{`{"Effect":"Allow","Action":"*","Resource":"` + arn + `a?c"}`, "lambda:A", arn + "abc", nil, Allowed},
		{`{"Effect":"Allow","NotAction":"lambda:Delete*","Resource":"*"}`, "lambda:DeleteFunction", arn + "a", nil, NotAllowed},
		{`{"Effect":"Allow","Action":"*","NotResource":"` + arn + `secret"}`, "lambda:A", arn + "secret", nil, NotAllowed},
		{`{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"lambda:Delete*","Resource":"*"}`, "lambda:DeleteFunction", arn + "a", nil, Denied},
		{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`, "lambda:A", "*", map[string]string{"lambda:functionurlauthtype": "AWS_IAM"}, Allowed},
		{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`, "lambda:A", "*", nil, NotAllowed},
		{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEqualsIfExists":{"k":"v"}}}`, "lambda:A", "*", nil, Allowed},
		{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`, "lambda:A", "*", map[string]string{"lambda:InvokedViaFunctionUrl": "true"}, Allowed},
		{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b*"}}}`, "lambda:A", "*", map[string]string{"aws:SourceArn": "arn:aws:s3:::bucket"}, Allowed},
		{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"k":["a","b"]}}}`, "lambda:A", "*", map[string]string{"k": "b"}, NotAllowed},
	} {
		var p Policy
		if err := json.Unmarshal([]byte(`{"Statement":[`+tt.statement+`]}`), &p); err != nil {
			t.Fatal(err)
		}
		if got := p.Decide(Request{tt.action, tt.resource, tt.context}); got != tt.want {
			t.Errorf("%s for %s on %s: %v", tt.statement, tt.action, tt.resource, got)
		}
	}
}

func TestResourcePolicies(t *testing.T) {
	const ann = "arn:aws:iam::123456789012:user/ann"
	for principal, want := range map[string]Decision{
		`"*"`: Allowed, `{"AWS":"*"}`: Allowed, `{"AWS":"` + ann + `"}`: Allowed, `{"AWS":"arn:aws:iam::123456789012:root"}`: Allowed,
		`{"AWS":["arn:aws:iam::999999999999:root"]}`: NotAllowed, `{"Service":"s3.amazonaws.com"}`: NotAllowed,
	} {
		var p Policy
		if err := json.Unmarshal([]byte(`{"Statement":[{"Effect":"Allow","Principal":`+principal+`,"Action":"lambda:InvokeFunctionUrl","Resource":"r"}]}`), &p); err != nil {
			t.Fatal(err)
		}
		if got := p.DecideFor(ann, Request{Action: "lambda:InvokeFunctionUrl", Resource: "r"}); got != want {
			t.Errorf("%s: %v", principal, got)
		}
	}
}

func TestMistakesInTheFileAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"credentials: []": "there are none",
		"credentials:\n- secretAccessKey: 0123456789abcdef":                                                                          "entry 1: accessKeyId is missing",
		"credentials:\n- {accessKeyId: a, secretAccessKey: short}":                                                                   "fewer than 16 characters",
		"credentials:\n- {accessKeyId: a, secretAccessKey: 0123456789abcdef, polcy: {}}":                                             "polcy",
		"credentials:\n- {accessKeyId: a, secretAccessKey: 0123456789abcdef, policy: {Statement: [{Effect: Maybe}]}}":                `Effect is "Maybe"`,
		"credentials:\n- {accessKeyId: a, secretAccessKey: 0123456789abcdef}\n- {accessKeyId: a, secretAccessKey: 0123456789abcdef}": "is there twice",
	} {
		file := filepath.Join(t.TempDir(), "c.yaml")
		os.WriteFile(file, []byte(text), 0o600)
		if _, err := Load(file); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzVerify: no request makes the verification panic, or is taken.
func FuzzVerify(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature=00", "/?X-Amz-Signature=a&X-Amz-Expires=1", "20260101T000000Z")
	f.Fuzz(func(t *testing.T, authorization, target, date string) {
		r, err := http.NewRequest("GET", "http://localhost"+target, bytes.NewReader(nil))
		if err != nil {
			return
		}
		r.Header = http.Header{"Authorization": {authorization}, "X-Amz-Date": {date}}
		s := New(sluice.DefaultIdentity(), []Credential{{AccessKeyID: key, SecretAccessKey: secret, Policy: &Policy{}}})
		if _, refused := s.Verify(r, nil); refused == nil {
			t.Errorf("taken: %q %q %q", authorization, target, date)
		}
	})
}

// FuzzPolicy: no policy makes the evaluation panic or hang.
func FuzzPolicy(f *testing.F) {
	f.Add(`{"Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":"a*b*c*?","Resource":["*"],"Condition":{"StringLike":{"k":"*a*a*a*"}}}]}`, "aaaaaaaaaaaaaaaaaaaaab")
	f.Fuzz(func(t *testing.T, text, value string) {
		var p Policy
		if json.Unmarshal([]byte(text), &p) != nil {
			return
		}
		p.DecideFor(value, Request{value, value, map[string]string{"k": value}})
	})
}
