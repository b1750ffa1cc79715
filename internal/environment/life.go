package environment

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/runtimeapi"
	"github.com/sluice-run/sluice/internal/sandbox"
	"github.com/sluice-run/sluice/internal/telemetry"
)

// life is one runtime process of an environment, from its start to its end,
// with the Runtime API it talks to and the pipes it writes to.
type life struct {
	env *Environment
	api *runtimeapi.Server
	box sandbox.Sandbox
	// proc is the runtime's process.
	proc sandbox.Process
	logs []*logStream
	// initialized gets one value when the INIT phase ends well or was reported
	// as failed.
	initialized chan *initFailure
	// extensions that were started from files, in their order; watching are the
	// goroutines that wait for their exits.
	extensions []*extension
	watching   sync.WaitGroup
	telemetry  *telemetry.Hub
	// ending tells that processes exit because they are told to.
	ending atomic.Bool
	// failure is why the platform gave the life up; failed is closed then.
	failure atomic.Pointer[failure]
	failed  chan struct{}
	// closeOnce guards close, which the end of an invocation, an exit and a
	// shutdown may all reach.
	closeOnce sync.Once
	// watched is closed when the goroutine that waits for the exit is done.
	watched chan struct{}
}

// initFailure is what a runtime posted to /init/error.
type initFailure struct {
	errorType string
	document  []byte
}

var _ runtimeapi.Handler = (*life)(nil)

// startLife starts the runtime process.
func (e *Environment) startLife(phase string) (*life, error) {
	l := &life{env: e, initialized: make(chan *initFailure, 1), failed: make(chan struct{}), watched: make(chan struct{})}
	l.api = runtimeapi.NewServer(l)
	if err := l.start(phase); err != nil {
		l.api.Close()
		for _, s := range l.logs {
			s.close()
		}
		return nil, err
	}
	return l, nil
}

func (l *life) start(phase string) error {
	e := l.env
	l.telemetry = telemetry.New(func(ctx context.Context, port int) (net.Conn, error) { return l.box.Dial(ctx, port) })
	e.log.hub.Store(l.telemetry)
	e.log.initStart(e.pool.runtime.Version, phase)
	e.lives++
	run := filepath.Join(e.dir, lifeName(e.lives))
	if err := os.Mkdir(run, 0o700); err != nil {
		return err
	}
	rt, fn := e.pool.runtime, e.pool.fn
	opt, err := e.pool.opt()
	if err != nil {
		return err
	}
	if l.box, err = e.pool.host.Driver.Open(context.Background(), sandbox.Spec{
		Code: fn.CodeDir, Runtime: rt.Dir, Opt: opt, Tmp: e.tmp(), TmpMB: fn.EphemeralStorageMB, Run: run, Programs: rt.Programs, Layers: fn.Layers,
		MemoryMB: fn.MemoryMB, Image: rt.Image,
	}); err != nil {
		return err
	}
	names := externalExtensions(opt)
	l.api.UseExtensions(e.info(), names)
	for _, listener := range l.box.Listeners() {
		l.api.Serve(listener)
	}
	err = l.startExtensions(opt, names)
	if err == nil && len(names) == 0 {
		err = l.startRuntime()
	}
	if err != nil {
		l.ending.Store(true)
		l.box.Close()
		l.watching.Wait()
		l.telemetry.Close()
	}
	return err
}

// startRuntime starts the runtime's process.
func (l *life) startRuntime() error {
	files, err := l.openLogs()
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if err != nil {
		return err
	}
	rt, layout := l.env.pool.runtime, l.box.Layout()
	l.proc, err = l.box.Start(context.Background(), sandbox.Command{
		Args: l.wrapped(rt.Command(layout)), Dir: orElse(rt.WorkingDir, layout.Task), Env: l.env.environ(layout),
		Stdout: files[0], Stderr: files[1], Files: files[2:],
	})
	if err == nil {
		go l.env.watch(l)
	}
	return l.explain(err)
}

// bootstrapError says in the platform's own words that there is no program.
type bootstrapError struct{ reason error }

func (e *bootstrapError) Error() string {
	return "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]: " + e.reason.Error()
}

// explain says of a program that an OS-only runtime does not find where it looks.
func (l *life) explain(err error) error {
	rt := l.env.pool.runtime
	var start *sandbox.StartError
	if errors.As(err, &start) && start.Type == "Runtime.InvalidEntrypoint" && !rt.Managed && rt.Image == nil {
		return &sandbox.StartError{Type: start.Type, Err: &bootstrapError{start.Err}}
	}
	return err
}

// wrapped lets the script that AWS_LAMBDA_EXEC_WRAPPER names start a managed
// runtime. A shell runs it, so that a script that is not there ends with status 127, as
// on AWS.
func (l *life) wrapped(command []string) []string {
	wrapper := l.env.pool.fn.Environment["AWS_LAMBDA_EXEC_WRAPPER"]
	if wrapper == "" || !l.env.pool.runtime.Managed {
		return command
	}
	if rest, inLayer := strings.CutPrefix(wrapper, "/opt/"); inLayer && l.box.Layout().Opt == "" {
		for _, layer := range slices.Backward(l.env.pool.fn.Layers) {
			if path := filepath.Join(layer, rest); isFile(path) {
				wrapper = path
				break
			}
		}
	} else if rest, inTask := strings.CutPrefix(wrapper, "/var/task/"); inTask {
		wrapper = filepath.Join(l.box.Layout().Task, rest)
	}
	return append([]string{"/bin/sh", "-c", `exec "$0" "$@"`, wrapper}, command...)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// openLogs opens stdout, stderr and the log channel, and returns the child's
// ends.
func (l *life) openLogs() ([]*os.File, error) {
	var files []*os.File
	for _, framed := range []bool{false, false, true} {
		s, w, err := openLogStream(framed, l.env.emit)
		if err != nil {
			return files, err
		}
		l.logs = append(l.logs, s)
		files = append(files, w)
	}
	return files, nil
}

// drainLogs emits what the function has written so far.
func (l *life) drainLogs() {
	for _, s := range l.logs {
		s.drain()
	}
}

// close kills the processes and frees everything the life holds. It waits.
func (l *life) close() {
	l.closeOnce.Do(func() {
		l.ending.Store(true)
		l.box.Close()
		l.watching.Wait()
		for _, s := range l.logs {
			s.close()
		}
		l.api.Close()
		l.telemetry.Close()
	})
}

func (l *life) exited() bool {
	select {
	case <-l.proc.Done():
		return true
	default:
		return false
	}
}

// exitMessage words the process's end as the platform does
// (docs/contract/execution-environment.md §4.3).
func (l *life) exitMessage() string {
	if f := l.failure.Load(); f != nil {
		return f.message
	}
	if exit := l.proc.Exit(); exit != "" {
		return "Runtime exited with error: " + exit
	}
	return "Runtime exited without providing a reason"
}

// exitType is the platform's error type for the process's end.
func (l *life) exitType() string {
	if f := l.failure.Load(); f != nil {
		return f.errorType
	}
	return errExit
}

// Initialized ends the INIT phase.
func (l *life) Initialized() {
	l.telemetry.Seal()
	l.initialized <- nil
}

// InitFailed ends the INIT phase, badly.
func (l *life) InitFailed(errorType string, document []byte) {
	l.initialized <- &initFailure{errorType: errorType, document: document}
}

// Responded lets a caller that comes right behind this one wait for the
// environment instead of starting another.
func (l *life) Responded(*runtimeapi.Call) { l.env.pool.finishing(l.env) }

// Finished ends the current invocation.
func (l *life) Finished(call *runtimeapi.Call) { l.env.finished(l, call) }

// truncationGrace is how long a broken connection may precede the exit of the
// process that broke it.
const truncationGrace = 500 * time.Millisecond

// Truncated tells an exit mid-response from a broken connection.
func (l *life) Truncated(*runtimeapi.Call) *sluice.StreamError {
	grace := time.NewTimer(truncationGrace)
	defer grace.Stop()
	select {
	case <-l.proc.Done():
		if l.env.pool.closing() {
			return &sluice.StreamError{Ending: sluice.EndingShutdown, Type: errFailure, Message: shutdownMessage}
		}
		return &sluice.StreamError{Ending: sluice.EndingExit, Type: l.exitType(), Message: l.exitMessage()}
	case <-grace.C:
		return &sluice.StreamError{
			Ending: sluice.EndingTruncated, Type: "Runtime.TruncatedResponse",
			Message: "the runtime closed its connection before the end of the response",
		}
	}
}

// startFailure words an error of Start for the caller.
func startFailure(err error) (errorType, message string) {
	var start *sandbox.StartError
	if errors.As(err, &start) {
		return start.Type, start.Err.Error()
	}
	return "Sandbox.Failure", err.Error()
}
