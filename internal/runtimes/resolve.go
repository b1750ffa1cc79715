package runtimes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Names are the runtimes that can be served, oldest first.
var Names = []string{"nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x"}

// Interpreter is a program that serves a runtime.
type Interpreter struct {
	// Path of the program, absolute.
	Path string
	// Version without the "v", for example "22.11.0".
	Version string
	Major   int
	// Exact tells that the major is the runtime's.
	Exact bool
	// Installed tells that Install fetched it.
	Installed bool
	// Warning is set unless Exact: one sentence that says what to do.
	Warning string
}

// Status is a runtime and what serves it; Err says why nothing does.
type Status struct {
	Runtime string
	Served  *Interpreter
	Err     error
}

// UnsupportedError is a runtime that is not served, whatever is installed.
type UnsupportedError struct{ Runtime string }

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("runtime %q is not served; served are %s", e.Runtime, strings.Join(Names, ", "))
}

// MissingError is a runtime that nothing on this machine can serve.
type MissingError struct{ Runtime string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("no Node.js was found for %s; install one from https://nodejs.org, or, with npm at hand, run: sluice runtimes install %s", e.Runtime, e.Runtime)
}

// Resolver finds interpreters. It is safe for concurrent use, and asks each
// program for its version once.
type Resolver struct {
	// DataDir is where Install puts what it fetches; "" if the user has none.
	DataDir string
	// Path is the search path, in the form of the variable PATH.
	Path string

	mu sync.Mutex
	// versions of programs by path, "" for those that have none to tell.
	versions map[string]string
}

// Resolve returns the interpreter for a runtime: of the same major from the PATH,
// of the same major from Install, else of the nearest major, a newer one before
// an older. Errors are an *UnsupportedError or a *MissingError.
func (r *Resolver) Resolve(name string) (*Interpreter, error) {
	major, err := majorOf(name)
	if err != nil {
		return nil, err
	}
	candidates := r.candidates()
	best := nearest(candidates, major)
	if best == nil {
		return nil, &MissingError{name}
	}
	served := *best
	served.Exact = served.Major == major
	if !served.Exact {
		served.Warning = fmt.Sprintf("%s is served by Node.js %s; for the right one run: sluice runtimes install %s", name, served.Version, name)
	}
	return &served, nil
}

// nearest returns the first candidate of the major, or else of the one that is
// nearest to it.
func nearest(candidates []Interpreter, major int) *Interpreter {
	distance := func(in Interpreter) int {
		if in.Major >= major {
			return in.Major - major
		}
		return 1000 + major - in.Major
	}
	var best *Interpreter
	for i := range candidates {
		if best == nil || distance(candidates[i]) < distance(*best) {
			best = &candidates[i]
		}
	}
	return best
}

// oldest is the first major that the Node.js runtime works with.
const oldest = 18

// Preferred returns the runtime that fits the first node on the PATH, for code
// that does not name its runtime. Without one it is the newest but one.
func (r *Resolver) Preferred() string {
	for _, in := range r.candidates() {
		for _, name := range slices.Backward(Names) {
			if major, _ := majorOf(name); major <= in.Major {
				return name
			}
		}
	}
	return Names[len(Names)-2]
}

// List returns every runtime and what serves it.
func (r *Resolver) List() []Status {
	all := make([]Status, len(Names))
	for i, name := range Names {
		in, err := r.Resolve(name)
		all[i] = Status{name, in, err}
	}
	return all
}

// majorOf reads the major out of a runtime's name.
func majorOf(name string) (int, error) {
	if !slices.Contains(Names, name) {
		return 0, &UnsupportedError{name}
	}
	return strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(name, "nodejs"), ".x"))
}

// candidates are all programs that could serve, those on the PATH first.
func (r *Resolver) candidates() []Interpreter {
	var found []Interpreter
	add := func(path string, installed bool) {
		version := r.version(path)
		number, _, _ := strings.Cut(version, ".")
		if major, err := strconv.Atoi(number); err == nil && major >= oldest {
			found = append(found, Interpreter{Path: path, Version: version, Major: major, Installed: installed})
		}
	}
	for _, path := range onPath(r.Path, "node", "nodejs") {
		add(path, false)
	}
	for _, name := range Names {
		if path := r.installedPath(name); path != "" {
			add(path, true)
		}
	}
	return found
}

// versionTimeout bounds how long a program may take to tell its version. A shim
// that wants to download something first is no answer.
const versionTimeout = 10 * time.Second

func (r *Resolver) version(path string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.versions[path]; ok {
		return v
	}
	ctx, cancel := context.WithTimeout(context.Background(), versionTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	version := ""
	if v, ok := strings.CutPrefix(strings.TrimSpace(string(out)), "v"); ok && err == nil {
		version = v
	}
	if r.versions == nil {
		r.versions = map[string]string{}
	}
	r.versions[path] = version
	return version
}

// forget makes the next Resolve ask again what a path holds.
func (r *Resolver) forget(path string) {
	r.mu.Lock()
	delete(r.versions, path)
	r.mu.Unlock()
}

// onPath returns the programs of those names in all folders of a search path, the
// same file once.
func onPath(path string, names ...string) []string {
	var found []string
	seen := map[string]bool{}
	for _, dir := range filepath.SplitList(path) {
		for _, name := range names {
			file, err := exec.LookPath(filepath.Join(dir, name))
			if err != nil || !filepath.IsAbs(file) {
				continue
			}
			real, err := filepath.EvalSymlinks(file)
			if err != nil || seen[real] {
				continue
			}
			seen[real] = true
			found = append(found, file)
		}
	}
	return found
}

// installedPath returns the program that Install put there for a runtime, "" if
// there is none.
func (r *Resolver) installedPath(name string) string {
	if r.DataDir == "" {
		return ""
	}
	path := r.programOf(r.dirOf(name))
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path
}

func (r *Resolver) dirOf(name string) string { return filepath.Join(r.DataDir, "runtimes", name) }

// programOf is where npm puts the program of a package.
func (r *Resolver) programOf(dir string) string {
	program := "node"
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	return filepath.Join(dir, "node_modules", packageName(), "bin", program)
}

// packageName is the npm package that carries Node's own binary for this machine.
func packageName() string {
	system, arch := runtime.GOOS, runtime.GOARCH
	switch system {
	case "windows":
		system = "win"
	}
	switch arch {
	case "amd64":
		arch = "x64"
	case "386":
		arch = "x86"
	}
	return "node-" + system + "-" + arch
}
