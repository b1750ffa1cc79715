package environment

import (
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/sandbox"
)

// Host is what all execution environments of a server share.
type Host struct {
	Driver   sandbox.Driver
	Observer sluice.Observer
	Identity sluice.Identity
	Quotas   func() sluice.Quotas
	Quirks   sluice.Quirks
	// Dir is a folder for the environments' own folders. Its path should be
	// short: Unix socket addresses end at about 100 characters.
	Dir string
	// Credentials are handed to functions, "NAME=value".
	Credentials []string
	// Idle is how long an environment is kept without an invocation; 0 keeps it
	// for good.
	Idle time.Duration

	// account is the limit of Quotas.Concurrency on the invocations of all pools.
	account     *Concurrency
	accountOnce sync.Once
}

func (h *Host) concurrency() *Concurrency {
	h.accountOnce.Do(func() { h.account = newAccount(h.Quotas().Concurrency) })
	return h.account
}

// Runtime says how the runtime process of a function is started.
type Runtime struct {
	// Command returns the program and its arguments for one life, in a sandbox that
	// is laid out so.
	Command func(sandbox.Layout) []string
	// Managed runtimes have a name of AWS's, and a wrapper script may start them
	// (docs/contract/execution-environment.md §5).
	Managed bool
	// Dir holds the bootstrap's files, "" for none.
	Dir string
	// Programs are paths that the process needs, see sandbox.Spec.
	Programs []string
	// WorkingDir is where the process starts, "" for the code's folder.
	WorkingDir string
	// Image, if not nil, is the root file system, and Env its variables, which the
	// function's come over.
	Image *sandbox.Image
	Env   []string
	// Version is the runtime's own version for INIT_START, "nodejs:22.v20.20.2".
	Version string
	// Paused, if not nil, tells that a debugger is attached: clocks wait.
	Paused func() bool
}

// initTimeout is the time an on-demand INIT phase may take
// (docs/contract/runtime-api.md §5).
const initTimeout = 10 * time.Second
