package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output is a standard stream that can be read while it is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// newSession makes a session in a folder with the given files.
func newSession(t *testing.T, files map[string]string, args ...string) *session {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &session{
		args: args, environ: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, dir: dir,
		stdout: &output{}, stderr: &output{}, interrupt: make(chan os.Signal, 2),
	}
}

const templateText = `Transform: AWS::Serverless-2016-10-31
Parameters: {Seconds: {Type: Number, Default: 5}}
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ., Handler: index.handler, Runtime: nodejs20.x, Timeout: !Ref Seconds}
`

func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		args   string
		files  map[string]string
		code   int
		stderr string
	}{
		{"version", nil, exitOK, ""},
		{"help", nil, exitOK, ""},
		{"", nil, exitOK, ""},
		{"config check", nil, exitOK, ""},
		{"runtimes list --json", nil, exitOK, ""},
		{"nonsense", nil, exitUsage, `"nonsense"`},
		{"dev --nonsense", nil, exitUsage, "unknown flag: --nonsense"},
		{"dev a b", nil, exitUsage, "accepts at most 1 arg"},
		{"dev --inspect=x", map[string]string{"template.yaml": templateText}, exitUsage, "--inspect=x is not a port"},
		{"dev --parameter-overrides x", map[string]string{"template.yaml": templateText}, exitUsage, "write Name=value"},
		{"dev nope", nil, exitProject, "does not exist; name a template, a folder with one, or a handler file"},
		{"dev", nil, exitProject, "holds no template; expected one of template.yaml, template.yml, template.json"},
		{"dev", map[string]string{"index.mjs": ""}, exitProject, "to serve the handler alone: sluice dev "},
		{"dev --parameter-overrides Seconds=1000", map[string]string{"template.yaml": templateText}, exitProject, "template.yaml:6:84: Resources.Fn.Properties.Timeout: Timeout is 1000; expected a number of seconds from 1 to 900"},
		{"dev", map[string]string{"template.yaml": templateText, "sluice.yaml": "adr: x\n"}, exitProject, "sluice.yaml:1:1: adr"},
		{"dev notes.txt", map[string]string{"notes.txt": ""}, exitProject, "neither a template"},
		{"runtimes install nodejs1.x", nil, exitUsage, "is not served; served are nodejs18.x"},
		{"runtimes remove nodejs22.x", nil, exitFailure, "is not installed"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			s := newSession(t, tt.files, strings.Fields(tt.args)...)
			code := s.run(t.Context())
			stderr := s.stderr.(*output).String()
			if code != tt.code || !strings.Contains(stderr, tt.stderr) || (code == exitOK) != (stderr == "") {
				t.Errorf("exit code %d, %q; want %d, %q", code, stderr, tt.code, tt.stderr)
			}
		})
	}
}

// startDev starts `sluice dev` on a free port and waits for its banner. It returns the
// address and a channel for the exit code.
func startDev(t *testing.T) (s *session, addr string, code chan int) {
	t.Helper()
	return startProject(t, map[string]string{"template.yaml": templateText, "index.mjs": "export const handler = async () => 1"})
}

// startProject does that for any project.
func startProject(t *testing.T, files map[string]string) (s *session, addr string, code chan int) {
	t.Helper()
	s = newSession(t, files, "dev", "--addr", "127.0.0.1:0")
	code = make(chan int, 1)
	go func() { code <- s.run(context.Background()) }()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if found := regexp.MustCompile(`Listening +http://(\S+)`).FindStringSubmatch(s.stdout.(*output).String()); found != nil {
			return s, found[1], code
		}
		if time.Now().After(deadline) {
			t.Fatalf("no banner: %s%s", s.stdout, s.stderr)
		}
	}
}

func TestDevServesUntilInterrupted(t *testing.T) {
	s, _, code := startDev(t)
	s.interrupt <- syscall.SIGTERM
	if got := <-code; got != exitOK || !strings.Contains(s.stdout.(*output).String(), "stopping") {
		t.Errorf("exit code %d\n%s", got, s.stdout)
	}
}

func TestAddressInUse(t *testing.T) {
	first, addr, code := startDev(t)
	second := newSession(t, map[string]string{"template.yaml": templateText}, "dev", "--addr", addr)
	if got := second.run(t.Context()); got != exitFailure || !strings.Contains(second.stderr.(*output).String(), "choose another address with --addr") {
		t.Errorf("exit code %d: %s", got, second.stderr)
	}
	first.interrupt <- os.Interrupt
	<-code
}

func TestAServerThatIsNotThereIsNamed(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + closed.Addr().String()
	closed.Close()
	for _, command := range []string{"usage", "list", "logs", "invoke fn", "invoke fn --stream", "invoke fn --timeline", "delete fn", "deploy"} {
		s := newSession(t, map[string]string{"template.yaml": templateText, "index.mjs": ""}, append(strings.Fields(command), "--endpoint", endpoint)...)
		if code := s.run(t.Context()); code != exitFailure {
			t.Errorf("%s: exit code %d", command, code)
		}
		if want := "sluice: no server answers at " + endpoint + ": connection refused. Start one"; !strings.HasPrefix(s.stderr.(*output).String(), want) {
			t.Errorf("%s: %s", command, s.stderr)
		}
	}
}

func TestARefusalIsReadable(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"Message":"no key"}`)
	}))
	defer server.Close()
	s := newSession(t, nil, "usage", "--endpoint", server.URL)
	if code := s.run(t.Context()); code != exitFailure || s.stderr.(*output).String() != "sluice: no key\n" {
		t.Errorf("%d %s", code, s.stderr)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestParseParameters(t *testing.T) {
	got, err := parseParameters([]string{"A=1 B=2", `C="x y" D='z'`, "E=it's", "F="})
	want := map[string]string{"A": "1", "B": "2", "C": "x y", "D": "z", "E": "it's", "F": ""}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"A", "=1", "A=1 b"} {
		if _, err := parseParameters([]string{bad}); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
