package environment

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/runtimeapi"
	"github.com/sluice-run/sluice/internal/sandbox"
	"github.com/sluice-run/sluice/internal/telemetry"
)

// This file is about extensions: processes beside the runtime that are started before
// it and told of invocations and of the end (docs/contract/runtime-api.md §6).

// disabled is the file in /opt that keeps extensions from being started.
const disabled = "disable-extensions-jwigqn8j"

// Budgets of the SHUTDOWN phase, and the runtime's share of them
// (docs/contract/execution-environment.md §1).
const (
	internalBudget = 500 * time.Millisecond
	externalBudget = 2 * time.Second
	runtimeShare   = 0.3
)

// extension is an extension that was started from a file.
type extension struct {
	name string
	proc sandbox.Process
}

// failure is why the platform gave a life up.
type failure struct{ errorType, message string }

// externalExtensions are the names of the files in opt/extensions.
func externalExtensions(opt string) []string {
	if _, err := os.Stat(filepath.Join(opt, disabled)); opt == "" || err == nil {
		return nil
	}
	entries, _ := os.ReadDir(filepath.Join(opt, "extensions"))
	var names []string
	for _, entry := range entries {
		// A link to a file counts as one.
		if info, err := os.Stat(filepath.Join(opt, "extensions", entry.Name())); err == nil && !info.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}

// startExtensions starts every file in /opt/extensions.
func (l *life) startExtensions(opt string, names []string) error {
	layout := l.box.Layout()
	env := extensionEnviron(l.env.environ(layout))
	for _, name := range names {
		out, w, err := openLogStream(false, func(line sluice.LogLine) {
			line.Source = sluice.SourceExtension
			l.env.emit(line)
		})
		if err != nil {
			return err
		}
		l.logs = append(l.logs, out)
		proc, err := l.box.Start(context.Background(), sandbox.Command{
			Args: []string{filepath.Join(orElse(layout.Opt, opt), "extensions", name)}, Dir: orElse(layout.Opt, opt), Env: env, Stdout: w, Stderr: w,
		})
		w.Close()
		if err != nil {
			_, message := startFailure(err)
			l.env.log.extension(name, "LaunchError", nil)
			return &sandbox.StartError{Type: "Extension.LaunchError", Err: &launchError{name, message}}
		}
		x := &extension{name, proc}
		l.extensions = append(l.extensions, x)
		l.watching.Go(func() { l.watchExtension(x) })
	}
	return nil
}

type launchError struct{ name, message string }

func (e *launchError) Error() string { return "extension " + e.name + ": " + e.message }

// watchExtension gives the life up when an extension exits by itself.
func (l *life) watchExtension(x *extension) {
	<-x.proc.Done()
	reason := "exit status 0"
	if exit := x.proc.Exit(); exit != "" {
		reason = exit
	}
	l.giveUp("Extension.Crash", "extension "+x.name+": "+reason)
}

// giveUp ends a life for a reason of the platform's, unless it is ending anyway. The
// first reason counts.
func (l *life) giveUp(errorType, message string) {
	if l.ending.Load() || !l.failure.CompareAndSwap(nil, &failure{errorType, message}) {
		return
	}
	close(l.failed)
	l.box.Kill()
}

// onlyRuntime are variables that extensions don't get
// (docs/contract/execution-environment.md §5).
var onlyRuntime = []string{
	"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
	"AWS_XRAY_CONTEXT_MISSING",
}

func extensionEnviron(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return strings.HasPrefix(name, "_") || slices.Contains(onlyRuntime, name)
	})
}

// info is what extensions are told about the function.
func (e *Environment) info() runtimeapi.Info {
	return runtimeapi.Info{
		FunctionName: e.pool.fn.Name, FunctionVersion: e.pool.fn.Version, Handler: e.pool.fn.Handler, AccountID: e.pool.host.Identity.AccountID,
	}
}

// Registered notes an extension in the log.
func (l *life) Registered(name string, events []string) {
	l.env.log.extension(name, "Ready", events)
}

// ExtensionFailed gives the life up.
func (l *life) ExtensionFailed(name, failed, errorType string) {
	l.giveUp(failed, "extension "+name+": "+errorType)
}

// Subscribe starts to send telemetry to an extension.
func (l *life) Subscribe(name string, body []byte) error {
	s, err := telemetry.Parse(body)
	if err != nil {
		return err
	}
	l.telemetry.Subscribe(s)
	l.env.log.subscribed(name, s.Types)
	return nil
}

// shutdown ends the life in the order that extensions may count on
// (docs/contract/execution-environment.md §8). It waits.
func (l *life) shutdown(reason string) {
	external, internal := l.api.Extensions()
	budget := internalBudget
	switch {
	case external+internal == 0 || l.proc == nil:
		l.close()
		return
	case external > 0:
		budget = externalBudget
	}
	deadline := time.Now().Add(budget)
	l.ending.Store(true)
	l.proc.Signal(syscall.SIGTERM)
	wait(l.proc.Done(), time.Duration(float64(budget)*runtimeShare))
	l.proc.Signal(syscall.SIGKILL)
	l.telemetry.Flush()
	l.api.Shutdown(reason, deadline)
	for _, x := range l.extensions {
		wait(x.proc.Done(), time.Until(deadline))
	}
	l.close()
}

// wait waits for done, at most for a while.
func wait(done <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// extension writes what became of an extension.
func (p *platformLog) extension(name, state string, events []string) {
	if events == nil {
		events = []string{}
	}
	p.publish("extension", map[string]any{"name": name, "state": state, "events": events})
	if !p.fn.Logging.JSON {
		p.line("", "EXTENSION\tName: "+name+"\tState: "+state+"\tEvents: ["+strings.Join(events, ", ")+"]")
	}
}

// subscribed writes that an extension gets telemetry.
func (p *platformLog) subscribed(name string, types []string) {
	p.publish("telemetrySubscription", map[string]any{"name": name, "state": "Subscribed", "types": types})
	if !p.fn.Logging.JSON {
		p.line("", "TELEMETRY\tName: "+name+"\tState: Subscribed\tTypes: ["+strings.Join(types, ", ")+"]")
	}
}

// lifeName tells the folders of an environment's lives apart.
func lifeName(n int) string { return "run" + strconv.Itoa(n) }
