package dev

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/archive"
	"github.com/sluice-run/sluice/internal/bundle"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/gobuild"
	"github.com/sluice-run/sluice/internal/runtimes"
	"github.com/sluice-run/sluice/internal/sandbox"
	"github.com/sluice-run/sluice/internal/template"
	"github.com/sluice-run/sluice/internal/terminal"
)

// function is one function of the project: its definition, and the target that
// serves it.
type function struct {
	project *Project
	target  *target
	// inspector is nil without --inspect.
	inspector *Inspector
	// dir is where its builds go.
	dir string

	mu sync.Mutex
	// definition is what the template says now.
	definition *template.Function
	// inputs are the files that the last bundle was made of, nil if the code runs
	// as it lies there.
	inputs map[string]bool
	// builds counts the folders in dir.
	builds int
	// cleaning are the goroutines that remove builds nobody runs any more.
	cleaning sync.WaitGroup
}

// addFunction makes a function and starts to serve it.
func (p *Project) addFunction(def *template.Function) (*function, error) {
	f := &function{project: p, definition: def, dir: filepath.Join(p.dir, "code", def.Name)}
	if p.o.Inspect {
		in, err := OpenInspector(inspectAddr(p.o.InspectPort, p.inspectors))
		if err != nil {
			return nil, err
		}
		p.inspectors++
		f.inspector = in
	}
	f.target = &target{name: def.Name, report: p.o.Terminal, build: f.build, leads: f.leads, arn: func(q string) string { return p.o.Config.Identity().FunctionARN(def.Name, q) }}
	p.functions[def.Name] = f
	p.invoker.Set(def.Name, f.target)
	return f, nil
}

// leads tells whether a qualifier is one of the function's.
func (f *function) leads(qualifier string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return qualifier == sluice.LatestVersion || slices.Contains(f.definition.Aliases, qualifier) ||
		slices.ContainsFunc(f.definition.URLs, func(u sluice.FunctionURL) bool { return u.Qualifier == qualifier })
}

// close waits for what the function still does until ctx ends, then cuts it off.
func (f *function) close(ctx context.Context) {
	f.target.Retire()
	if f.target.Wait(ctx) != nil {
		f.target.Kill()
	}
	f.cleaning.Wait()
	if f.inspector != nil {
		f.inspector.Close()
	}
}

// build makes a pool for what the definition and the files hold now.
func (f *function) build(ctx context.Context) (*environment.Pool, error) {
	f.mu.Lock()
	def := f.definition
	f.builds++
	out := filepath.Join(f.dir, strconv.Itoa(f.builds))
	f.mu.Unlock()

	interpreter, err := f.project.launcher.Serves(def.Runtime)
	if err != nil {
		return nil, err
	}
	fn := def.Function
	err = unpack(def, &fn, out)
	switch {
	case err != nil:
	case interpreter.Family == sluice.OSOnly:
		err = compile(ctx, &fn, out)
	case interpreter.Family == sluice.NodeJS:
		err = f.bundle(ctx, def, &fn, interpreter.Release, out)
	}
	if err != nil {
		os.RemoveAll(out)
		return nil, err
	}
	pool := environment.NewPool(f.project.host, fn, f.runtime(fn, interpreter))
	f.cleaning.Go(func() {
		<-pool.Gone()
		os.RemoveAll(out)
	})
	return pool, nil
}

// unpack puts code and layers that are not folders into some.
func unpack(def *template.Function, fn *sluice.Function, out string) error {
	fn.Layers = slices.Clone(fn.Layers)
	for i, layer := range fn.Layers {
		if info, err := os.Stat(layer); err == nil && info.IsDir() {
			continue
		}
		fn.Layers[i] = filepath.Join(out, "layer"+strconv.Itoa(i))
		if err := archive.ExtractFile(layer, fn.Layers[i], archive.MaxUnzipped); err != nil {
			return err
		}
	}
	switch {
	case def.Code.Inline != "":
		fn.CodeDir = filepath.Join(out, "inline")
		if err := os.MkdirAll(fn.CodeDir, 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(fn.CodeDir, def.Code.InlineFile), []byte(def.Code.Inline), 0o644)
	case def.Code.Archive != "":
		fn.CodeDir = filepath.Join(out, "archive")
		return archive.ExtractFile(def.Code.Archive, fn.CodeDir, archive.MaxUnzipped)
	}
	return nil
}

// compile builds a function that is written in Go and has no program yet.
func compile(ctx context.Context, fn *sluice.Function, out string) error {
	program := "bootstrap"
	if fn.Runtime == sluice.Go1x {
		program = fn.Handler
	}
	if !gobuild.IsSource(fn.CodeDir, program) {
		return nil
	}
	dir := filepath.Join(out, "go")
	err := gobuild.Build(ctx, gobuild.Spec{Dir: fn.CodeDir, OS: runtime.GOOS, Arch: runtime.GOARCH, Out: filepath.Join(dir, program)})
	fn.CodeDir = dir
	return err
}

// bundle runs esbuild when the template asks for it or the handler is
// TypeScript.
func (f *function) bundle(ctx context.Context, def *template.Function, fn *sluice.Function, major int, out string) error {
	if def.Build == nil && !bundle.NeedsBundle(fn.CodeDir, fn.Handler) {
		f.setInputs(nil)
		return nil
	}
	spec := bundle.Spec{}
	if def.Build != nil {
		spec = *def.Build
	}
	spec.Dir, spec.Handler, spec.Major, spec.Out = fn.CodeDir, fn.Handler, major, filepath.Join(out, "bundle")
	result, err := bundle.Build(ctx, spec)
	if err != nil {
		return err
	}
	for _, w := range result.Warnings {
		f.project.o.Terminal.Warned(terminal.Warning{Time: time.Now(), Function: fn.Name, Text: w})
	}
	f.setInputs(result.Inputs)
	fn.CodeDir, fn.Handler, fn.SourceMaps = result.OutDir, result.Handler, true
	return nil
}

func (f *function) setInputs(files []string) {
	var inputs map[string]bool
	if files != nil {
		inputs = map[string]bool{}
		for _, file := range files {
			inputs[file] = true
		}
	}
	f.mu.Lock()
	f.inputs = inputs
	f.mu.Unlock()
	f.project.followAgain()
}

// uses reports whether a changed file concerns the function.
func (f *function) uses(file string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inputs[file] || f.definition.Code.Archive == file {
		return true
	}
	for _, dir := range append([]string{f.definition.CodeDir}, f.definition.Layers...) {
		if dir != "" && (file == dir || strings.HasPrefix(file, dir+string(filepath.Separator))) {
			return true
		}
	}
	return false
}

// follows returns what to watch for the function.
func (f *function) follows() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	paths := append([]string(nil), f.definition.Layers...)
	if f.definition.CodeDir != "" {
		paths = append(paths, f.definition.CodeDir)
	}
	if f.definition.Code.Archive != "" {
		paths = append(paths, f.definition.Code.Archive)
	}
	for file := range f.inputs {
		paths = append(paths, file)
	}
	return paths
}

// runtime is how the function's process is started.
func (f *function) runtime(fn sluice.Function, in *runtimes.Interpreter) environment.Runtime {
	rt := f.project.launcher.Runtime(fn, in)
	if f.inspector == nil || in.Family != sluice.NodeJS {
		return rt
	}
	command := rt.Command
	rt.Paused = f.inspector.Paused
	rt.Command = func(layout sandbox.Layout) []string {
		all := command(layout)
		if flag, err := f.inspector.Flag(); err == nil {
			all = slices.Insert(all, 1, flag)
		}
		return all
	}
	return rt
}

// serves describes the interpreter for the banner.
func (f *function) serves() (servedBy, warning string) {
	in, err := f.project.launcher.Serves(f.definition.Runtime)
	if err != nil {
		return "nothing", err.Error()
	}
	return in.String(), in.Warning
}
