// Package sandbox is the contract between an execution environment and whatever
// isolates its processes. A driver opens a sandbox: files, network, limits. Commands
// are started in it, and can be waited for, signalled and measured; when the sandbox is
// closed nothing of it is left. Drivers live in the packages below this one.
package sandbox

import (
	"context"
	"net"
	"os"
)

// Driver opens sandboxes. It is safe for concurrent use.
type Driver interface {
	// Name is the driver's name in configuration and logs.
	Name() string
	// Capabilities says what the driver can do on this machine.
	Capabilities() Capabilities
	// Open makes a sandbox; the context bounds that only. An error means that
	// nothing was left behind; see StartError for the kind that is the function's
	// own mistake.
	Open(ctx context.Context, spec Spec) (Sandbox, error)
}

// Capabilities are what drivers differ in.
type Capabilities struct {
	// Isolated: code in a sandbox can reach nothing but the sandbox.
	Isolated bool
}

// Spec is what a sandbox holds. Folders belong to the caller and outlive it.
type Spec struct {
	// Code is the function's code, Runtime the bootstrap's files and Opt the layers
	// laid over each other; "" for none. Nothing in them can be written where the
	// driver isolates.
	Code, Runtime, Opt string
	// Layers are the folders that Opt was made of, for drivers that can't put it in
	// place.
	Layers []string
	// Tmp is a folder for what has to be kept of /tmp when the sandbox is closed and
	// another is opened for the same environment; TmpMB is how much /tmp may hold.
	Tmp   string
	TmpMB int
	// Run is an empty folder for the driver. Its path is short enough for sockets.
	Run string
	// Programs are the paths of interpreters and of whatever else commands need.
	Programs []string
	// MemoryMB is the memory limit in MiB; the share of the CPU follows from it.
	MemoryMB int
	// Image, if not nil, is the root file system instead of the machine's.
	Image *Image
}

// Image is the root file system of a container image.
type Image struct {
	// Root is its folder. It is not written to, but for mount points that are missing.
	Root string
}

// Layout says where commands find things.
type Layout struct {
	// Task, Runtime and Opt are the folders of Spec as commands see them; Opt is ""
	// when /opt could not be put in place.
	Task, Runtime, Opt string
	// Tmp is "/tmp", or the folder that TMPDIR has to name.
	Tmp string
	// API is the Runtime API's host:port, Socket its Unix socket.
	API, Socket string
}

// Command is what to start.
type Command struct {
	// Args are the program, an absolute path, and its arguments.
	Args []string
	// Dir is the working folder.
	Dir string
	// Env is the whole environment, "NAME=value". Nothing is inherited.
	Env []string
	// Stdout and Stderr are the write ends of pipes. Start does not close them.
	Stdout, Stderr *os.File
	// Files are handed down as file descriptors 3, 4, ….
	Files []*os.File
}

// Sandbox is an open sandbox. Its methods are safe for concurrent use.
type Sandbox interface {
	// Layout is fixed when the sandbox is opened.
	Layout() Layout
	// Listeners are the two that the Runtime API is served on, at Layout's API and
	// Socket. The caller closes them.
	Listeners() []net.Listener
	// Start starts a command; the context bounds that only. See StartError.
	Start(ctx context.Context, c Command) (Process, error)
	// Dial connects to a TCP port that a process in the sandbox listens on.
	Dial(ctx context.Context, port int) (net.Conn, error)
	// Kill ends every process at once. It does not wait.
	Kill()
	// Close ends every process, waits for their end and removes the sandbox.
	Close()
	// PeakMemory is the largest resident memory so far in bytes, 0 if unknown.
	PeakMemory() int64
}

// Process is a started command and, as far as the driver can tell, what descends from
// it.
type Process interface {
	// Done is closed when the command has exited.
	Done() <-chan struct{}
	// Exit describes how the command ended, after Done: "" for exit status 0,
	// else in Go's words, "exit status 1" or "signal: killed".
	Exit() string
	// Signal sends sig to the command's process group. It is an error only if that
	// failed while the command runs.
	Signal(sig os.Signal) error
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
