// Package process is the sandbox driver for development: plain child processes.
// It gives each sandbox a process group, a clean environment and, where the
// kernel allows it, a /tmp of its own. It does not isolate: the code can do what
// the user who started Sluice can do.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/sluice-run/sluice/internal/sandbox"
)

// Driver starts child processes.
type Driver struct {
	privateTmp func() bool
}

var _ sandbox.Driver = (*Driver)(nil)

// New returns the driver. The first Start finds out whether the kernel lets it
// mount a private /tmp.
func New() *Driver {
	return &Driver{privateTmp: sync.OnceValue(canMountTmp)}
}

// Name is "process".
func (d *Driver) Name() string { return "process" }

// Capabilities reports a private /tmp where the kernel lets us mount one.
func (d *Driver) Capabilities() sandbox.Capabilities {
	return sandbox.Capabilities{PrivateTmp: d.privateTmp()}
}

// Start starts the command in a process group of its own.
func (d *Driver) Start(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkDir(spec.Dir); err != nil {
		return nil, err
	}
	if _, err := exec.LookPath(spec.Command[0]); err != nil {
		return nil, &sandbox.StartError{Type: "Runtime.InvalidEntrypoint", Err: err}
	}
	cmd := exec.Command(spec.Command[0], spec.Command[1:]...)
	cmd.Dir = spec.Dir
	cmd.Env = spec.Env
	cmd.Stdout, cmd.Stderr = spec.Stdout, spec.Stderr
	cmd.ExtraFiles = spec.Files
	isolate(cmd, spec, d.privateTmp())
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start of %s: %w", spec.Command[0], err)
	}
	p := &proc{cmd: cmd, done: make(chan struct{})}
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

func (p *proc) Kill() { p.Signal(os.Kill) }
