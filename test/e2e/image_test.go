package e2e

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// closure are programs of this machine and the libraries they need.
func closure(t *testing.T, programs ...string) []string {
	t.Helper()
	var files []string
	for _, program := range programs {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
		out, err := exec.Command("ldd", path).Output()
		if err != nil {
			t.Fatalf("ldd %s: %v", path, err)
		}
		files = append(files, regexp.MustCompile(`/[^ ]+`).FindAllString(string(out), -1)...)
	}
	return files
}

// imageOf is an image with files of this machine and the example's under /app.
func imageOf(t *testing.T, files []string, app string) v1.Image {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(path, target string) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(target, "/"), Mode: 0o755, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		w.Write(data)
	}
	for _, path := range files {
		add(path, path)
	}
	entries, err := os.ReadDir(app)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		add(filepath.Join(app, entry.Name()), "/app/"+entry.Name())
	}
	w.Close()
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config = v1.Config{
		Entrypoint: []string{"sh", "/app/bootstrap"}, Cmd: []string{"clock.tick"}, WorkingDir: "/app", Env: []string{"PATH=/usr/bin:/bin", "FROM_IMAGE=1"},
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

func TestContainerImages(t *testing.T) {
	needContainers(t)
	programs := closure(t, "sh", "curl", "sed", "tr", "mktemp", "date", "sleep", "cat")
	img := imageOf(t, programs, "../../examples/shell/src")
	hub := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer hub.Close()
	uri := strings.TrimPrefix(hub.URL, "http://") + "/clock:v1"
	ref, err := name.ParseReference(uri)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	s := startServe(t, t.TempDir(), "--sandbox", "oci")
	defer s.stop()
	ctx, fn := t.Context(), aws.String("clock")
	made, err := s.client.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: fn, Role: aws.String("arn:aws:iam::123456789012:role/r"),
		PackageType: types.PackageTypeImage, Code: &types.FunctionCode{ImageUri: &uri}, Timeout: aws.Int32(20)})
	if err != nil {
		t.Fatal(err)
	}
	digest, _ := img.Digest()
	if made.PackageType != types.PackageTypeImage || made.Runtime != "" || made.Handler != nil || *made.CodeSha256 != digest.Hex {
		t.Errorf("%+v", made)
	}
	stream := func() (text string, gap time.Duration) {
		t.Helper()
		out, err := s.client.InvokeWithResponseStream(ctx, &lambda.InvokeWithResponseStreamInput{FunctionName: fn, Payload: []byte(`{"count":"2"}`)})
		if err != nil {
			t.Fatal(err)
		}
		var first time.Time
		for e := range out.GetStream().Events() {
			switch e := e.(type) {
			case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
				if text += string(e.Value.Payload); first.IsZero() {
					first = time.Now()
				}
				gap = time.Since(first)
			case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
				if e.Value.ErrorCode != nil {
					t.Fatalf("%s %s", *e.Value.ErrorCode, aws.ToString(e.Value.ErrorDetails))
				}
			}
		}
		return text, gap
	}
	if text, gap := stream(); strings.Count(text, "\n") != 2 || gap < 500*time.Millisecond {
		t.Errorf("%q, the last %v after the first", text, gap)
	}
	got, err := s.client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: fn})
	if err != nil || *got.Code.RepositoryType != "ECR" || *got.Code.ImageUri != uri || !strings.HasSuffix(*got.Code.ResolvedImageUri, "@sha256:"+digest.Hex) {
		t.Errorf("%+v %v", got.Code, err)
	}
	// The example's template, and a second time, when there is nothing to do.
	for _, want := range []string{"create", "unchanged"} {
		if out := s.must(binary, "deploy", "../../examples/image", "--parameter-overrides", "Image="+uri, "--json"); !strings.Contains(out, `"action": "`+want+`"`) {
			t.Errorf("expected %s: %s", want, out)
		}
	}
	if out := s.must(binary, "invoke", "image-Clock", "--payload", `{"count":"1"}`); strings.Count(out, ":") != 2 {
		t.Errorf("%q", out)
	}
	// A command of the function's own.
	if _, err := s.client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: fn, ImageConfig: &types.ImageConfig{Command: []string{"nothing.here"}}}); err != nil {
		t.Fatal(err)
	}
	out, err := s.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: fn})
	if err != nil || !strings.Contains(string(out.Payload), "nothing.sh can't be read") {
		t.Errorf("%s %v", out.Payload, err)
	}
	if _, err := s.client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: fn, ImageConfig: &types.ImageConfig{}}); err != nil {
		t.Fatal(err)
	}
	// What was pulled serves without the registry.
	hub.Close()
	if text, _ := stream(); strings.Count(text, "\n") != 2 {
		t.Errorf("%q", text)
	}
	for _, tt := range []struct {
		in   *lambda.UpdateFunctionCodeInput
		want string
	}{
		{&lambda.UpdateFunctionCodeInput{FunctionName: fn, ZipFile: zipped(t, "x")}, "Please provide ImageUri when updating a function with packageType Image."},
		{&lambda.UpdateFunctionCodeInput{FunctionName: fn, ImageUri: aws.String("127.0.0.1:1/nope:v1")}, "Source image 127.0.0.1:1/nope:v1 can't be used"},
		{&lambda.UpdateFunctionCodeInput{FunctionName: fn, ImageUri: aws.String("oci:/etc")}, "--hot-reload"},
	} {
		var refused *types.InvalidParameterValueException
		if _, err := s.client.UpdateFunctionCode(ctx, tt.in); !errors.As(err, &refused) || !strings.Contains(*refused.Message, tt.want) {
			t.Errorf("%v, expected %s", err, tt.want)
		}
	}
}

// needContainers skips a test on machines that can't run any; CI can.
func needContainers(t *testing.T) {
	t.Helper()
	if os.Getenv("SLUICE_TEST_OCI") == "" {
		t.Skip("SLUICE_TEST_OCI is not set")
	}
}

// guests are the first processes of containers that run on this machine.
func guests() []string {
	var found []string
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range all {
		if text, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(text), "/.sluice/guest\x00") {
			found = append(found, file)
		}
	}
	return found
}

func TestContainersEndWithTheirServer(t *testing.T) {
	needContainers(t)
	if left := guests(); len(left) > 0 {
		t.Fatalf("containers of others are in the way: %v", left)
	}
	data := t.TempDir()
	s := startServe(t, data, "--sandbox", "oci")
	fn := aws.String("fn")
	if _, err := s.client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: fn, Runtime: types.RuntimeNodejs20x, Role: aws.String("arn:aws:iam::123456789012:role/r"),
		Handler: aws.String("index.handler"), Code: &types.FunctionCode{ZipFile: zipped(t, "export const handler = async () => process.env.LAMBDA_TASK_ROOT")}}); err != nil {
		t.Fatal(err)
	}
	invoke := func() {
		t.Helper()
		if out, err := s.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: fn}); err != nil || string(out.Payload) != `"/var/task"` {
			t.Fatalf("%s %v", out.Payload, err)
		}
	}
	invoke()
	if len(guests()) != 1 {
		t.Errorf("%d containers run", len(guests()))
	}
	s.kill()
	for deadline := time.Now().Add(patience); len(guests()) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("containers outlive a server that was killed")
		}
	}
	s = startServe(t, data, "--sandbox", "oci")
	groups := func() int {
		all, _ := filepath.Glob("/sys/fs/cgroup/*/sluice/sluice-*")
		more, _ := filepath.Glob("/sys/fs/cgroup/sluice/sluice-*")
		return len(all) + len(more)
	}
	if n := groups(); n > 0 {
		t.Errorf("%d control groups are left of the killed server", n)
	}
	invoke()
	s.stop()
	if len(guests()) > 0 || groups() > 0 {
		t.Errorf("left: %d containers, %d control groups", len(guests()), groups())
	}
}
