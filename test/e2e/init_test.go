package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// runInit runs `sluice init` in a folder.
func runInit(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"init"}, args...)...)
	cmd.Dir = dir
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), complaints.String()
}

// What init writes runs as it is, and streams.
func TestInitWritesProjectsThatStream(t *testing.T) {
	for _, tt := range []struct {
		kind, function, path, body string
		needs                      []string
		contentType, want          string
		chunks                     int
		takes                      time.Duration
	}{
		{kind: "node", function: "Node", path: "?name=Ada", contentType: "text/plain", want: `^Hello, Ada\.\n3\n2\n1\nDone\.\n$`, chunks: 4, takes: 800 * time.Millisecond},
		{kind: "typescript", function: "Typescript", path: "?steps=3", contentType: "application/x-ndjson",
			want: `^\{"step":0,"of":3,"done":false\}\n(.*\n)*\{"step":3,"of":3,"done":true\}\n$`, chunks: 4, takes: 800 * time.Millisecond},
		{kind: "python", function: "Python", path: "?name=Ada", needs: []string{"python3"}, contentType: "text/plain", want: `^Hello, Ada\.\n3\n2\n1\nDone\.\n$`, chunks: 4, takes: 800 * time.Millisecond},
		{kind: "go", function: "Go", path: "?name=Ada", needs: []string{"go"}, contentType: "text/plain", want: `^Hello, Ada\.\n3\n2\n1\nDone\.\n$`, chunks: 4, takes: 800 * time.Millisecond},
		{kind: "chat", function: "Chat", path: "chat", body: `{"messages":[{"role":"user","content":"Hello"}]}`, contentType: "text/event-stream",
			want: `^event: token\ndata: \{"text":"Hello! "\}\n\n(?s:.*)event: done\ndata: \{\}\n\n$`, chunks: 8, takes: 600 * time.Millisecond},
		{kind: "ssr", function: "Ssr", path: "?name=<Ada>", contentType: "text/html",
			want: `(?s)^<!doctype html>.*Loading.*slot="Visitor">.*&#60;Ada&#62;.*slot="Weather">.*slot="News">.*</html>\n$`, chunks: 4, takes: 800 * time.Millisecond},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			needProgram(t, tt.needs...)
			dir := t.TempDir()
			code, stdout, stderr := runInit(t, dir, tt.kind)
			if code != 0 || stderr != "" || !strings.Contains(stdout, "\n  cd "+tt.kind+"\n  sluice dev\n  curl -N http://127.0.0.1:9000/lambda-url/"+tt.function+"/") {
				t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
			}
			d := startDev(t, filepath.Join(dir, tt.kind))
			var resp *http.Response
			if tt.body == "" {
				resp = d.get(tt.function, tt.path)
			} else {
				// As curl -d sends it.
				var err error
				resp, err = http.Post(d.url(tt.function, tt.path), "application/x-www-form-urlencoded", strings.NewReader(tt.body))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
			}
			chunks, at, err := arrivals(resp.Body)
			if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), tt.contentType) ||
				!regexp.MustCompile(tt.want).MatchString(strings.Join(chunks, "")) {
				t.Fatalf("%s %v %q %v", resp.Status, resp.Header, chunks, err)
			}
			if len(chunks) < tt.chunks || at[len(at)-1]-at[0] < tt.takes {
				t.Errorf("%d chunks at %v: the response was held back", len(chunks), at)
			}
		})
	}
}

func TestInitChatHasAPageAndRefusesNonsense(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := runInit(t, dir, "chat", "."); code != 0 {
		t.Fatal(stderr)
	}
	d := startDev(t, dir)
	function := d.ready.Functions[0].Name
	if status, body, err := d.body(function, ""); status != 200 || err != nil || !strings.Contains(body, "<form>") {
		t.Errorf("%d %q %v", status, body, err)
	}
	if status, _, err := d.body(function, "nowhere"); status != 404 || err != nil {
		t.Errorf("%d %v", status, err)
	}
	for _, body := range []string{"", "nonsense", "null", `{"messages":[]}`, `{"messages":[{}]}`, `{"messages":[null]}`} {
		resp, err := http.Post(d.url(function, "chat"), "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 400 {
			t.Errorf("%q: %s", body, resp.Status)
		}
	}
}

// The runtime that the Go project brings along tells failures as they are.
func TestInitGoTellsFailures(t *testing.T) {
	needProgram(t, "go")
	dir := t.TempDir()
	if code, _, stderr := runInit(t, dir, "go", "shop"); code != 0 {
		t.Fatal(stderr)
	}
	main := filepath.Join(dir, "shop", "main.go")
	write(t, main, `package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
)

func main() { log.Fatal(serve(http.HandlerFunc(handle))) }

func handle(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/early":
		panic("early trouble")
	case "/late":
		fmt.Fprintln(w, "half of it")
		panic("late trouble")
	case "/nothing":
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(http.StatusNoContent)
	default:
		io.Copy(w, r.Body)
		fmt.Fprint(w, " ", r.Method, " ", r.URL.Query().Get("q"), " ", r.Header.Get("X-Word"), " ", r.Header.Get("Cookie"))
	}
}
`)
	d := startDev(t, filepath.Join(dir, "shop"))
	request, err := http.NewRequest("PUT", d.url("Shop", "echo?q=a%20b"), strings.NewReader("\xff\x00body"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Word", "word")
	request.Header.Set("Cookie", "c=3")
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if chunks, _, err := arrivals(resp.Body); err != nil || strings.Join(chunks, "") != "\xff\x00body PUT a b word c=3" {
		t.Errorf("%q %v", chunks, err)
	}
	if resp := d.get("Shop", "nothing"); resp.StatusCode != 204 || len(resp.Cookies()) != 2 {
		t.Errorf("%s %v", resp.Status, resp.Cookies())
	}
	if status, _, _ := d.body("Shop", "early"); status < 500 {
		t.Errorf("early: status %d", status)
	}
	status, body, _ := d.body("Shop", "late")
	if status != 200 || !strings.HasPrefix(body, "half of it\n") {
		t.Errorf("late: %d %q", status, body)
	}
	for _, path := range []string{"early", "late"} {
		e := d.wait("request", func(e event) bool { return strings.HasSuffix(e.Path, path) })
		if e.Ending != "function-error" || e.Reason != "HandlerError: panic: "+path+" trouble" {
			t.Errorf("%s: %+v", path, e)
		}
	}
	// The function goes on after a panic.
	if status, _, err := d.body("Shop", "echo"); status != 200 || err != nil {
		t.Errorf("%d %v", status, err)
	}
}

func TestInitRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "mine", "README.md"), "mine")
	write(t, filepath.Join(dir, "file"), "mine")
	for _, tt := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"typscript"}, 2, []string{`unknown kind "typscript"; did you mean typescript?`, "node, typescript, python, go, chat, ssr"}},
		{[]string{"my-shop"}, 2, []string{"sluice init node my-shop", "node, typescript, python, go, chat, ssr"}},
		{[]string{"."}, 2, []string{"sluice init node ."}},
		{[]string{"node", "a", "b"}, 2, []string{"accepts at most 2 arg"}},
		{[]string{"node", ""}, 2, []string{"FOLDER is empty"}},
		{[]string{"--list", "node"}, 2, []string{"--list takes no KIND"}},
		{[]string{"node", "mine"}, 3, []string{"mine has these already: README.md", "Nothing was written", "sluice init node FOLDER"}},
		{[]string{"node", "file"}, 3, []string{"exists and is not a folder"}},
		{[]string{"node", "file/below"}, 3, []string{"file exists and is not a folder"}},
	} {
		code, stdout, stderr := runInit(t, dir, tt.args...)
		if code != tt.code || stdout != "" {
			t.Errorf("%v: exit code %d, want %d: %s", tt.args, code, tt.code, stdout)
		}
		for _, want := range tt.want {
			if !strings.Contains(stderr, want) {
				t.Errorf("%v: %q lacks %q", tt.args, stderr, want)
			}
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("something was written: %v", entries)
	}
}

func TestInitForPrograms(t *testing.T) {
	dir := t.TempDir()
	_, stdout, _ := runInit(t, dir, "--list", "--json")
	var kinds []struct{ Kind, Summary string }
	if err := json.Unmarshal([]byte(stdout), &kinds); err != nil || len(kinds) != 6 || kinds[0].Kind != "node" || kinds[0].Summary == "" {
		t.Errorf("%v %s", err, stdout)
	}
	if _, stdout, _ := runInit(t, dir, "--list"); !strings.Contains(stdout, "  chat ") {
		t.Errorf("%s", stdout)
	}
	_, stdout, _ = runInit(t, dir, "node", "my app 1", "--json")
	var project struct {
		Kind, Folder, Function string
		Files                  []string
	}
	if err := json.Unmarshal([]byte(stdout), &project); err != nil || project.Kind != "node" || filepath.Base(project.Folder) != "my app 1" ||
		!filepath.IsAbs(project.Folder) || project.Function != "MyApp1" {
		t.Fatalf("%v %s", err, stdout)
	}
	for _, file := range project.Files {
		if _, err := os.Stat(filepath.Join(project.Folder, filepath.FromSlash(file))); err != nil {
			t.Error(err)
		}
	}
	// Without a kind it is node; nobody is asked.
	if code, stdout, _ := runInit(t, dir); code != 0 || !strings.HasPrefix(stdout, "Wrote node, with the function Node:\n") {
		t.Errorf("%d %s", code, stdout)
	}
}
