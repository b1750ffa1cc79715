package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds what should happen soon, on a busy machine.
const patience = 60 * time.Second

// event is one line of `sluice dev --json`.
type event struct {
	Type        string  `json:"type"`
	Address     string  `json:"address"`
	Function    string  `json:"function"`
	Source      string  `json:"source"`
	Text        string  `json:"text"`
	Level       string  `json:"level"`
	Diagnostic  string  `json:"diagnostic"`
	Method      string  `json:"method"`
	Path        string  `json:"path"`
	Status      int     `json:"status"`
	Ending      string  `json:"ending"`
	Reason      string  `json:"reason"`
	Bytes       int64   `json:"bytes"`
	PastBurst   int64   `json:"pastBurst"`
	FirstByteMs float64 `json:"firstByteMs"`
	TotalMs     float64 `json:"totalMs"`
	MaxMemoryMB int     `json:"maxMemoryMB"`
	ErrorType   string  `json:"errorType"`
	NotRun      []struct {
		Name string `json:"name"`
		Type string `json:"type"`
	} `json:"notRun"`
	Functions []struct {
		Name string `json:"name"`
		URLs []struct {
			Host string `json:"host"`
			Path string `json:"path"`
			Mode string `json:"mode"`
		} `json:"urls"`
	} `json:"functions"`
	Outputs  []struct{ Name, Value string } `json:"outputs"`
	Warnings []string                       `json:"warnings"`
}

// devServer is a running `sluice dev`.
type devServer struct {
	t     *testing.T
	cmd   *exec.Cmd
	ready event
	tmp   string

	mu      sync.Mutex
	events  []event
	raw     bytes.Buffer
	arrived *sync.Cond
	ended   chan struct{}
	stopped sync.Once
}

// startDev runs `sluice dev` on a free port until the end of the test, checks
// that it ends cleanly and that no process is left behind.
func startDev(t *testing.T, args ...string) *devServer {
	t.Helper()
	d := &devServer{t: t, tmp: shortTemp(t), ended: make(chan struct{})}
	d.arrived = sync.NewCond(&d.mu)
	d.cmd = exec.Command(binary, append([]string{"dev", "--json", "--addr", "127.0.0.1:0"}, args...)...)
	d.cmd.Env = append(os.Environ(), "TMPDIR="+d.tmp)
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	d.cmd.Stderr = &stderr
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go d.read(out)
	t.Cleanup(func() {
		d.stop()
		if t.Failed() {
			d.mu.Lock()
			t.Logf("sluice dev said:\n%s%s", d.raw.String(), stderr.String())
			d.mu.Unlock()
		}
	})
	d.ready = d.wait("ready", func(event) bool { return true })
	return d
}

// shortTemp is a temporary folder whose path leaves room for Unix sockets.
func shortTemp(t *testing.T) string {
	dir, err := os.MkdirTemp("", "sl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (d *devServer) read(out io.Reader) {
	defer close(d.ended)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		bad := len(line) > 0 && json.Unmarshal(line, &e) != nil
		d.mu.Lock()
		d.raw.Write(line)
		if len(line) > 0 {
			d.events = append(d.events, e)
		}
		if bad {
			d.t.Errorf("not JSON: %q", line)
		}
		d.arrived.Broadcast()
		d.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// wait returns the first event of a type that match accepts.
func (d *devServer) wait(kind string, match func(event) bool) event {
	d.t.Helper()
	timer := time.AfterFunc(patience, d.arrived.Broadcast)
	defer timer.Stop()
	deadline := time.Now().Add(patience)
	d.mu.Lock()
	defer d.mu.Unlock()
	for seen := 0; ; {
		for ; seen < len(d.events); seen++ {
			if e := d.events[seen]; e.Type == kind && match(e) {
				return e
			}
		}
		if time.Now().After(deadline) || d.isEnded() {
			d.t.Fatalf("no %q event came; output:\n%s", kind, d.raw.String())
		}
		d.arrived.Wait()
	}
}

func (d *devServer) isEnded() bool {
	select {
	case <-d.ended:
		return true
	default:
		return false
	}
}

// waitLog waits for a log line that contains text.
func (d *devServer) waitLog(text string) event {
	d.t.Helper()
	return d.wait("log", func(e event) bool { return strings.Contains(e.Text, text) })
}

// stop interrupts the server, waits for its end and looks for what it left.
func (d *devServer) stop() { d.stopped.Do(d.interrupt) }

func (d *devServer) interrupt() {
	d.cmd.Process.Signal(os.Interrupt)
	done := make(chan error, 1)
	go func() {
		<-d.ended
		done <- d.cmd.Wait()
	}()
	select {
	case err := <-done:
		if err != nil {
			d.t.Errorf("sluice dev ended with %v, want exit code 0", err)
		}
	case <-time.After(patience):
		d.cmd.Process.Signal(syscall.SIGQUIT)
		d.t.Errorf("sluice dev did not stop")
		<-done
	}
	if left := processesWith(d.tmp); len(left) > 0 {
		d.t.Errorf("processes left behind: %v", left)
	}
	if entries, _ := os.ReadDir(d.tmp); len(entries) > 0 {
		d.t.Errorf("files left behind: %v", entries)
	}
}

// processesWith lists processes whose command line mentions text.
func processesWith(text string) []string {
	var found []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte(text)) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

// base is the address of the server, "http://127.0.0.1:port".
func (d *devServer) base() string {
	u, err := url.Parse(d.ready.Address)
	if err != nil {
		d.t.Fatal(err)
	}
	return "http://" + u.Host
}

func (d *devServer) port() string {
	u, _ := url.Parse(d.ready.Address)
	return u.Port()
}

// url is the path form of a function's URL.
func (d *devServer) url(function, rest string) string {
	return d.base() + "/lambda-url/" + function + "/" + strings.TrimPrefix(rest, "/")
}

func (d *devServer) get(function, rest string) *http.Response {
	d.t.Helper()
	resp, err := http.Get(d.url(function, rest))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// body fetches a URL and returns status and body; err is how the body ended.
func (d *devServer) body(function, rest string) (status int, body string, err error) {
	d.t.Helper()
	resp := d.get(function, rest)
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// project writes files into a fresh folder and returns it.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// rawRequest sends text over a fresh connection and returns all that comes back
// until the server closes it.
func (d *devServer) rawRequest(text string) string {
	d.t.Helper()
	nc, err := net.Dial("tcp", "127.0.0.1:"+d.port())
	if err != nil {
		d.t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	io.WriteString(nc, text)
	answer, _ := io.ReadAll(nc)
	return string(answer)
}

// processesBelow returns the processes that descend from one.
func processesBelow(t *testing.T, pid int) []int {
	t.Helper()
	var found []int
	tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, file := range tasks {
		list, _ := os.ReadFile(file)
		for child := range strings.FieldsSeq(string(list)) {
			if n, err := strconv.Atoi(child); err == nil {
				found = append(append(found, n), processesBelow(t, n)...)
			}
		}
	}
	return found
}

// residentMB is the memory of a process that is in RAM.
func residentMB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb >> 10
}
