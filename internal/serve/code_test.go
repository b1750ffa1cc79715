package serve

import (
	"net/http"
	"net/http/httptest"
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

func TestCodeFromS3(t *testing.T) { // docs/contract/control-api.md §4.1
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	data := zipped(t, map[string]string{"index.mjs": "export const handler = async () => 'from S3'"})
	// The S3 of AWS is out of reach of a test; this one answers as it does.
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/code/fn.zip" && strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256"):
			w.Write(data)
		case r.URL.Path == "/code/huge.zip":
			w.Header().Set("Content-Length", "60000000")
		default:
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusNotFound)
			w.Write([]byte("<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"))
		}
	}))
	defer bucket.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	r := start(t, "", func(c *config.Config) { c.S3Endpoint = bucket.URL })
	from := func(key string) func(*lambda.CreateFunctionInput) {
		return func(in *lambda.CreateFunctionInput) {
			in.Code = &types.FunctionCode{S3Bucket: aws.String("code"), S3Key: &key}
		}
	}
	r.create("fn", "", from("fn.zip"))
	if out := r.invoke("fn", "{}", nil); string(out.Payload) != `"from S3"` {
		t.Errorf("%s", out.Payload)
	}
	in := &lambda.CreateFunctionInput{FunctionName: aws.String("other"), Runtime: types.RuntimeNodejs20x, Role: aws.String(role), Handler: aws.String("index.handler")}
	from("nope.zip")(in)
	_, err := r.client.CreateFunction(t.Context(), in)
	refusedWith(t, err, "InvalidParameterValueException", "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.")
	from("huge.zip")(in)
	_, err = r.client.CreateFunction(t.Context(), in)
	refusedWith(t, err, "RequestEntityTooLargeException", "Zipped size must be smaller than 52428800 bytes")
}

func TestHotReload(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "index.mjs")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("export const handler = async () => '"+text+"'"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	hot := func(in *lambda.CreateFunctionInput) {
		in.Code = &types.FunctionCode{S3Bucket: aws.String("hot-reload"), S3Key: &dir}
	}
	r := start(t, "", func(c *config.Config) { c.HotReload = true })
	r.create("fn", "", hot)
	if out := r.invoke("fn", "{}", nil); string(out.Payload) != `"one"` {
		t.Errorf("%s", out.Payload)
	}
	time.Sleep(20 * time.Millisecond) // a file system's clock may be coarse
	write("two")
	if out := r.invoke("fn", "{}", nil); string(out.Payload) != `"two"` {
		t.Errorf("after a save: %s", out.Payload)
	}
	off := start(t, "", nil)
	in := &lambda.CreateFunctionInput{FunctionName: aws.String("fn"), Runtime: types.RuntimeNodejs20x, Role: aws.String(role), Handler: aws.String("index.handler")}
	hot(in)
	_, err := off.client.CreateFunction(t.Context(), in)
	refusedWith(t, err, "InvalidParameterValueException", "unless the server was started with --hot-reload")
}
