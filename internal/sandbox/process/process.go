// Package process is the sandbox driver for development: plain child processes.
// It gives each sandbox process groups, a clean environment and, where the
// kernel allows it, a /tmp and an /opt of its own. It does not isolate: the code can do
// what the user who started Sluice can do.
package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/sluice-run/sluice/internal/sandbox"
)

// Driver starts child processes.
type Driver struct {
	privateMounts func() bool
}

var _ sandbox.Driver = (*Driver)(nil)

// New returns the driver. The first Open finds out whether the kernel lets it
// mount.
func New() *Driver {
	return &Driver{privateMounts: sync.OnceValue(canMount)}
}

// Name is "process".
func (d *Driver) Name() string { return "process" }

// Capabilities: none.
func (d *Driver) Capabilities() sandbox.Capabilities { return sandbox.Capabilities{} }

// Open makes the listeners and finds out what can be mounted.
func (d *Driver) Open(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if spec.Image != nil {
		return nil, &sandbox.StartError{Type: "Runtime.InvalidEntrypoint", Err: errors.New("container images need the sandbox oci")}
	}
	b := &box{spec: spec, layout: sandbox.Layout{Task: spec.Code, Runtime: spec.Runtime, Tmp: spec.Tmp}}
	if d.privateMounts() {
		b.mounts.tmp, b.layout.Tmp = spec.Tmp, "/tmp"
		if spec.Opt != "" && b.canCover("/opt") {
			b.mounts.opt, b.layout.Opt = spec.Opt, "/opt"
		}
	}
	b.mounts.visible = b.visible()
	b.layout.Socket = filepath.Join(spec.Run, "rt")
	unix, err := net.Listen("unix", b.layout.Socket)
	if err != nil {
		return nil, err
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		unix.Close()
		return nil, err
	}
	b.layout.API, b.listeners = tcp.Addr().String(), []net.Listener{unix, tcp}
	return b, nil
}

// mounts are what a command sees in other places than the rest of the machine does.
type mounts struct {
	// tmp and opt are folders to be seen at /tmp and /opt, "" for the machine's own.
	tmp, opt string
	// visible paths stay in sight below a covered /tmp.
	visible []string
}

// box is one sandbox: processes that belong together.
type box struct {
	spec      sandbox.Spec
	layout    sandbox.Layout
	mounts    mounts
	listeners []net.Listener

	mu sync.Mutex
	// killed boxes start nothing more.
	killed bool
	procs  []*proc
}

// visible are the paths that commands need.
func (b *box) visible() []string {
	paths := append(append([]string{b.spec.Run}, b.spec.Programs...), b.spec.Layers...)
	for _, path := range []string{b.spec.Code, b.spec.Runtime} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// canCover tells whether a folder of the machine is there and holds nothing that
// commands need.
func (b *box) canCover(dir string) bool {
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return false
	}
	for _, path := range b.visible() {
		if real, err := filepath.EvalSymlinks(path); err != nil || real == dir || strings.HasPrefix(real, dir+"/") || strings.HasPrefix(path, dir+"/") {
			return false
		}
	}
	return true
}

func (b *box) Layout() sandbox.Layout { return b.layout }

func (b *box) Listeners() []net.Listener { return b.listeners }

// Start starts the command in a process group of its own.
func (b *box) Start(ctx context.Context, c sandbox.Command) (sandbox.Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkDir(c.Dir); err != nil {
		return nil, err
	}
	// What lies in a mounted /opt can't be looked up from here.
	program := c.Args[0]
	if rest, mounted := strings.CutPrefix(program, "/opt/"); mounted && b.layout.Opt != "" {
		program = filepath.Join(b.mounts.opt, rest)
	}
	if _, err := exec.LookPath(program); err != nil {
		return nil, &sandbox.StartError{Type: "Runtime.InvalidEntrypoint", Err: err}
	}
	cmd := &exec.Cmd{Path: c.Args[0], Args: c.Args, Dir: c.Dir, Env: c.Env, Stdout: c.Stdout, Stderr: c.Stderr, ExtraFiles: c.Files}
	isolate(cmd, b.mounts)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.killed {
		return nil, errors.New("the sandbox is closed")
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, os.ErrPermission) || strings.Contains(err.Error(), "exec format error") {
			return nil, &sandbox.StartError{Type: "Runtime.InvalidEntrypoint", Err: err}
		}
		return nil, fmt.Errorf("start of %s: %w", c.Args[0], err)
	}
	p := &proc{cmd: cmd, done: make(chan struct{})}
	b.procs = append(b.procs, p)
	go p.wait()
	return p, nil
}

func checkDir(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", dir)
	}
	if err != nil {
		return &sandbox.StartError{Type: "Runtime.InvalidWorkingDir", Err: err}
	}
	return nil
}

// Dial connects to a port of this machine, which the sandbox shares.
func (b *box) Dial(ctx context.Context, port int) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

func (b *box) Kill() {
	b.mu.Lock()
	b.killed = true
	procs := b.procs
	b.mu.Unlock()
	for _, p := range procs {
		p.Signal(os.Kill)
	}
}

func (b *box) Close() {
	b.Kill()
	for _, p := range b.procs {
		<-p.done
	}
	// What left its process group still carries the address of its Runtime API.
	killStrays("AWS_LAMBDA_RUNTIME_API=" + b.layout.API)
}

func (b *box) PeakMemory() int64 {
	b.mu.Lock()
	procs := b.procs
	b.mu.Unlock()
	total := int64(0)
	for _, p := range procs {
		total += p.peakMemory()
	}
	return total
}

// proc is a running child. Its one goroutine reaps it and ends with Done.
type proc struct {
	cmd  *exec.Cmd
	done chan struct{}
	exit string

	mu sync.Mutex
	// reaped guards against signalling a process id that was given away.
	reaped bool
	peak   int64
}

func (p *proc) wait() {
	err := waitLeader(p)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		p.exit = strings.TrimSuffix(exit.ProcessState.String(), " (core dumped)")
	case err != nil:
		p.exit = err.Error()
	}
	close(p.done)
}

func (p *proc) Done() <-chan struct{} { return p.done }

func (p *proc) Exit() string { return p.exit }
