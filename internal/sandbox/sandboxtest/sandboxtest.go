// Package sandboxtest is the conformance suite of sandbox drivers: what every driver
// promises, tried with real commands.
package sandboxtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-run/sluice/internal/sandbox"
)

// Bench is an open sandbox with the folders it was made of.
type Bench struct {
	T    *testing.T
	Box  sandbox.Sandbox
	Spec sandbox.Spec
}

// Folder makes a folder that any user can read, with files.
func Folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Open opens a sandbox with a little code, a layer and a /tmp; change may be nil.
func Open(t *testing.T, d sandbox.Driver, change func(*sandbox.Spec)) *Bench {
	t.Helper()
	spec := sandbox.Spec{
		Code: Folder(t, map[string]string{"code.txt": "the code"}), Runtime: Folder(t, map[string]string{"runtime.txt": "the runtime"}),
		Opt: Folder(t, map[string]string{"opt.txt": "the layer"}), Tmp: Folder(t, nil), TmpMB: 512, Run: Folder(t, nil), MemoryMB: 256,
	}
	os.Chmod(spec.Tmp, 0o777)
	if change != nil {
		change(&spec)
	}
	box, err := d.Open(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	b := &Bench{t, box, spec}
	t.Cleanup(b.Close)
	return b
}

// Close closes the sandbox and its listeners.
func (b *Bench) Close() {
	b.Box.Close()
	for _, l := range b.Box.Listeners() {
		l.Close()
	}
}

// Environ is an environment as an execution environment makes it.
func (b *Bench) Environ(extra ...string) []string {
	l := b.Box.Layout()
	return append([]string{"PATH=/usr/local/bin:/usr/bin:/bin", "AWS_LAMBDA_RUNTIME_API=" + l.API, "TASK=" + l.Task, "TMP=" + l.Tmp}, extra...)
}

// Start starts a shell script; what it prints comes from the reader.
func (b *Bench) Start(script string, extra ...string) (sandbox.Process, *bufio.Reader) {
	b.T.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		b.T.Fatal(err)
	}
	b.T.Cleanup(func() { r.Close() })
	p, err := b.Box.Start(b.T.Context(), sandbox.Command{
		Args: []string{"/bin/sh", "-c", script}, Dir: b.Box.Layout().Task, Env: b.Environ(extra...), Stdout: w, Stderr: w,
	})
	w.Close()
	if err != nil {
		b.T.Fatal(err)
	}
	return p, bufio.NewReader(r)
}

// Run runs a shell script to its end and returns what it printed and how it ended.
func (b *Bench) Run(script string, extra ...string) (output, exit string) {
	b.T.Helper()
	p, r := b.Start(script, extra...)
	text := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(r)
		text <- string(all)
	}()
	select {
	case <-p.Done():
	case <-time.After(time.Minute):
		b.T.Fatalf("still running after a minute: %s", script)
	}
	return <-text, p.Exit()
}

// Expect runs a script and wants its output, and status 0.
func (b *Bench) Expect(script, want string) {
	b.T.Helper()
	if got, exit := b.Run(script); got != want || exit != "" {
		b.T.Errorf("%s\nprinted %q and ended with %q, expected %q", script, got, exit, want)
	}
}

// Test runs the suite on a driver.
func Test(t *testing.T, d sandbox.Driver) {
	t.Run("layout", func(t *testing.T) {
		b := Open(t, d, nil)
		l := b.Box.Layout()
		b.Expect("pwd; cat code.txt", l.Task+"\nthe code")
		b.Expect("cat "+l.Runtime+"/runtime.txt", "the runtime")
		if l.Opt != "" {
			b.Expect("cat "+l.Opt+"/opt.txt", "the layer")
		}
		b.Expect("echo mine > "+l.Tmp+"/file; cat "+l.Tmp+"/file", "mine\n")
	})
	t.Run("nothing is inherited", func(t *testing.T) {
		t.Setenv("SLUICE_SECRET", "leaked")
		b := Open(t, d, nil)
		b.Expect(`echo "[$SLUICE_SECRET]"; echo "$OWN" | tr a-z A-Z`, "[]\n\n")
		b.Expect("cat /dev/null; if read line; then echo input; else echo none; fi", "none\n")
		b.Expect("ls /proc/self/fd | sort -n | head -3 | tr '\\n' ' '", "0 1 2 ")
	})
	t.Run("files are handed down", func(t *testing.T) {
		b := Open(t, d, nil)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		p, err := b.Box.Start(t.Context(), sandbox.Command{Args: []string{"/bin/sh", "-c", "echo third >&3"}, Dir: "/", Env: b.Environ(), Stdout: w, Stderr: w, Files: []*os.File{w}})
		w.Close()
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(r)
		if <-p.Done(); string(text) != "third\n" {
			t.Errorf("%q", text)
		}
	})
	t.Run("how a command ends", func(t *testing.T) {
		b := Open(t, d, nil)
		for script, want := range map[string]string{"exit 0": "", "exit 3": "exit status 3", "kill -SEGV $$": "signal: segmentation fault", "kill -KILL $$": "signal: killed"} {
			if _, exit := b.Run(script); exit != want {
				t.Errorf("%s: %q, expected %q", script, exit, want)
			}
		}
	})
	t.Run("mistakes", func(t *testing.T) {
		b := Open(t, d, nil)
		for want, c := range map[string]sandbox.Command{
			"Runtime.InvalidEntrypoint": {Args: []string{"/no/such/program"}, Dir: "/"},
			"Runtime.InvalidWorkingDir": {Args: []string{"/bin/true"}, Dir: "/no/such/folder"},
		} {
			if _, err := b.Box.Start(t.Context(), c); err == nil || !strings.HasPrefix(err.Error(), want+":") {
				t.Errorf("%v, expected %s", err, want)
			}
		}
		b.Expect("echo fine", "fine\n")
	})
	t.Run("signals reach the process group", func(t *testing.T) {
		b := Open(t, d, nil)
		p, r := b.Start(`exec 2>/dev/null; trap 'echo caught; exit 7' TERM; echo ready; while :; do sleep 0.01; done`)
		if line, _ := r.ReadString('\n'); line != "ready\n" {
			t.Fatalf("%q", line)
		}
		if err := p.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-p.Done()
		if line, _ := r.ReadString('\n'); line != "caught\n" || p.Exit() != "exit status 7" {
			t.Errorf("%q, %q", line, p.Exit())
		}
		if err := p.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("a signal after the end: %v", err)
		}
	})
	t.Run("the runtime API is in reach", func(t *testing.T) {
		b := Open(t, d, nil)
		for _, l := range b.Box.Listeners() {
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					io.WriteString(conn, "hello from "+l.Addr().Network()+"\n")
					conn.Close()
				}
			}()
		}
		host, port, _ := net.SplitHostPort(b.Box.Layout().API)
		got, exit := b.Run(fmt.Sprintf(`exec bash -c 'exec 4<>/dev/tcp/%s/%s; cat <&4'`, host, port))
		if got != "hello from tcp\n" || exit != "" {
			t.Errorf("%q %q", got, exit)
		}
		got, exit = b.Run(`test -S ` + b.Box.Layout().Socket + ` && echo socket`)
		if got != "socket\n" || exit != "" {
			t.Errorf("%q %q", got, exit)
		}
	})
	t.Run("ports are in reach from outside", func(t *testing.T) {
		b := Open(t, d, nil)
		script := `exec python3 -c '
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
print(s.getsockname()[1], flush=True)
c = s.accept()[0]; c.sendall(b"inside"); c.close()'`
		p, r := b.Start(script)
		line, err := r.ReadString('\n')
		if err != nil {
			t.Skipf("no python3 in the sandbox: %v", err)
		}
		var port int
		fmt.Sscan(line, &port)
		conn, err := b.Box.Dial(t.Context(), port)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if text, err := io.ReadAll(conn); string(text) != "inside" || err != nil {
			t.Errorf("%q %v", text, err)
		}
		<-p.Done()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if conn, err := b.Box.Dial(ctx, port); err == nil {
			conn.Close()
			t.Error("somebody answers at a closed port")
		}
	})
	t.Run("nothing survives", func(t *testing.T) {
		b := Open(t, d, nil)
		// Nobody else on this machine sleeps for so long.
		base := 1_000_000 + rand.IntN(1_000_000_000)
		times := make([]string, 4)
		for i := range times {
			times[i] = strconv.Itoa(base + i)
		}
		_, r := b.Start(fmt.Sprintf(`sleep %s & setsid sh -c 'exec sleep %s' & (trap "" TERM HUP; sleep %s) & echo started; wait`, times[0], times[1], times[2]))
		r.ReadString('\n')
		p, _ := b.Start("exec sleep " + times[3])
		for deadline := time.Now().Add(10 * time.Second); len(running("sleep", times...)) < 4; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the processes did not come up")
			}
		}
		time.Sleep(20 * time.Millisecond) // setsid has to be through; nothing tells when it is
		b.Close()
		select {
		case <-p.Done():
		default:
			t.Error("a command outlives its sandbox")
		}
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			left := running("sleep", times...)
			if len(left) == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("still there: %v", left)
			}
		}
		if _, err := b.Box.Start(t.Context(), sandbox.Command{Args: []string{"/bin/true"}, Dir: "/"}); err == nil {
			t.Error("a closed sandbox starts commands")
		}
		if left, _ := filepath.Glob(b.Spec.Run + "/*"); slices.ContainsFunc(left, func(path string) bool { return filepath.Base(path) != "rt" }) {
			t.Errorf("left in the folder: %v", left)
		}
	})
	t.Run("memory is measured", func(t *testing.T) {
		b := Open(t, d, nil)
		p, r := b.Start(`exec python3 -c 'x = bytearray(60 << 20); print("ready", flush=True); input()' < /dev/zero`)
		if line, _ := r.ReadString('\n'); line != "ready\n" {
			t.Skip("no python3 in the sandbox")
		}
		if peak := b.Box.PeakMemory(); peak != 0 && peak < 50<<20 {
			t.Errorf("%d bytes", peak)
		}
		p.Signal(os.Kill)
		<-p.Done()
	})
}

// running are the command lines of this machine that begin with a program and have one
// of the arguments.
func running(program string, arguments ...string) []string {
	var found []string
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if words := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00"); len(words) == 2 && words[0] == program && slices.Contains(arguments, words[1]) {
			found = append(found, strings.Join(words, " "))
		}
	}
	return found
}
