// Package sandbox is the contract between an execution environment and whatever
// isolates its processes. A driver starts one command with its environment,
// files and limits; what comes back can be waited for, signalled, measured and
// removed. Drivers live in the packages below this one.
package sandbox

import (
	"context"
	"os"
)

// Driver starts sandboxes. It is safe for concurrent use.
type Driver interface {
	// Name is the driver's name in configuration and logs.
	Name() string
	// Capabilities says what the driver can do on this machine.
	Capabilities() Capabilities
	// Start starts the command of spec. It returns once the process runs; the
	// context bounds the start only. An error means that nothing was left
	// behind; see StartError for the kind that is the function's own mistake.
	Start(ctx context.Context, spec Spec) (Sandbox, error)
}

// Capabilities are what drivers differ in.
type Capabilities struct {
	// PrivateTmp: Spec.Tmp is the sandbox's /tmp. Otherwise the caller has to
	// point TMPDIR to it.
	PrivateTmp bool
}

// Spec is what to run.
type Spec struct {
	// Command is the program, an absolute path, and its arguments.
	Command []string
	// Dir is the working folder.
	Dir string
	// Env is the whole environment, "NAME=value". Nothing is inherited.
	Env []string
	// Tmp is the folder that is the sandbox's /tmp. It belongs to the caller and
	// outlives the sandbox.
	Tmp string
	// Visible are paths the sandbox needs even if they lie below the host's
	// /tmp: code, layers, runtime, the Runtime API's socket.
	Visible []string
	// MemoryMB is the memory limit in MiB, for drivers that can enforce one.
	MemoryMB int
	// Stdout and Stderr are the write ends of pipes. Start does not close them.
	Stdout, Stderr *os.File
	// Files are handed down as file descriptors 3, 4, ….
	Files []*os.File
}

// Sandbox is a started command and every process that descends from it.
type Sandbox interface {
	// Done is closed when the command has exited and its process group is gone.
	Done() <-chan struct{}
	// Exit describes how the command ended, after Done: "" for exit status 0,
	// else in Go's words, "exit status 1" or "signal: killed".
	Exit() string
	// Signal sends sig to every process. It is an error only if that failed
	// while the sandbox runs.
	Signal(sig os.Signal) error
	// Kill ends every process at once. It does not wait; see Done.
	Kill()
	// PeakMemory is the largest resident memory so far in bytes, 0 if unknown.
	PeakMemory() int64
}

// StartError is a command that can't be started for a reason its author can
// mend.
type StartError struct {
	// Type is the platform's error type, for example "Runtime.InvalidEntrypoint"
	// (docs/contract/execution-environment.md §4.3).
	Type string
	Err  error
}

func (e *StartError) Error() string { return e.Type + ": " + e.Err.Error() }

func (e *StartError) Unwrap() error { return e.Err }
