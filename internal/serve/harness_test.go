package serve

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
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

	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/runtimes"
	"github.com/sluice-run/sluice/internal/sdkhttp"
	"github.com/sluice-run/sluice/internal/terminal"
)

const role = "arn:aws:iam::123456789012:role/r"

// running is a server with a client of AWS's own.
type running struct {
	t      *testing.T
	server *Server
	client *lambda.Client
	base   string
	data   string
	log    *bytes.Buffer
}

// start serves a data folder, a fresh one if data is "", until the end of the
// test.
func start(t *testing.T, data string, change func(*config.Config)) *running {
	t.Helper()
	if data == "" {
		data = t.TempDir()
	}
	cfg := config.Default()
	cfg.Addr, cfg.Data, cfg.Sandbox = "127.0.0.1:0", data, config.SandboxProcess
	if change != nil {
		change(&cfg)
	}
	log := &bytes.Buffer{}
	out := terminal.New(log, terminal.Options{JSON: true})
	s, err := Open(t.Context(), Options{
		Config: cfg, Runtimes: &runtimes.Resolver{Path: os.Getenv("PATH")}, Terminal: out, Log: slog.New(slog.DiscardHandler), Started: time.Now(),
		Credentials: []string{"AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y"},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, server: s, base: "http://" + s.Addr().String(), data: data, log: log}
	transport := &http.Transport{}
	r.client = lambda.New(lambda.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(r.base), Credentials: credentials.NewStaticCredentialsProvider("x", "y", ""),
		HTTPClient: sdkhttp.Client{Client: &http.Client{Transport: transport}}, RetryMaxAttempts: 1,
	})
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.Close(ctx)
		out.Close()
		if t.Failed() {
			t.Logf("log:\n%s", log)
		}
	})
	return r
}

// zipped makes a package of files.
func zipped(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		entry, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(entry, text)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// layerOf is the content of a layer.
func layerOf(t *testing.T, files map[string]string) *types.LayerVersionContentInput {
	return &types.LayerVersionContentInput{ZipFile: zipped(t, files)}
}

// code is a package whose index.mjs has that text.
func code(t *testing.T, text string) *types.FunctionCode {
	return &types.FunctionCode{ZipFile: zipped(t, map[string]string{"index.mjs": text})}
}

const echo = `export const handler = async (event, context) => ({ event, version: context.functionVersion, arn: context.invokedFunctionArn, client: context.clientContext, value: process.env.VALUE })`

// create makes a function of a handler's text.
func (r *running) create(name, text string, change func(*lambda.CreateFunctionInput)) *lambda.CreateFunctionOutput {
	r.t.Helper()
	in := &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: types.RuntimeNodejs20x, Role: aws.String(role), Handler: aws.String("index.handler"), Code: code(r.t, text),
		Timeout: aws.Int32(10),
	}
	if change != nil {
		change(in)
	}
	out, err := r.client.CreateFunction(r.t.Context(), in)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// call sends a request by hand, with something like a signature, and returns
// status, error type and body.
func (r *running) call(method, path, body string, header ...string) (status int, kind, answer string) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.base+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		if header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.Header.Get("X-Amzn-Requestid") == "" {
		r.t.Errorf("%s %s: no request id", method, path)
	}
	return resp.StatusCode, resp.Header.Get("X-Amzn-Errortype"), string(data)
}

// invoke calls a function and decodes its result.
func (r *running) invoke(name, payload string, into any) *lambda.InvokeOutput {
	r.t.Helper()
	out, err := r.client.Invoke(r.t.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: []byte(payload)})
	if err != nil {
		r.t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(out.Payload, into); err != nil {
			r.t.Fatalf("%v: %s", err, out.Payload)
		}
	}
	return out
}

// files lists everything below a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	filepath.WalkDir(dir, func(path string, _ os.DirEntry, _ error) error {
		all = append(all, path)
		return nil
	})
	return all
}
