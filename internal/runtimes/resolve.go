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

	sluice "github.com/sluice-run/sluice"
)

// Interpreter is what serves a runtime.
type Interpreter struct {
	Family sluice.RuntimeFamily
	// Path of the program, absolute; "" for OS-only runtimes, whose program is the
	// function's own.
	Path string
	// Version without the "v", for example "22.11.0"; "" for OS-only runtimes.
	Version string
	// Release is the number that tells runtimes of a family apart: 22 of Node.js
	// 22.11.0, 12 of Python 3.12.4.
	Release int
	// Exact tells that the release is the runtime's.
	Exact bool
	// Installed tells that Install fetched it.
	Installed bool
	// Warning is set unless Exact: one sentence that says what to do.
	Warning string
}

// String is the interpreter in the words of its users: "node v22.11.0".
func (in *Interpreter) String() string {
	switch in.Family {
	case sluice.NodeJS:
		return "node v" + in.Version
	case sluice.Python:
		return "python " + in.Version
	}
	return "its own program"
}

// LogName is the interpreter in the platform's log, "nodejs:22.v22.11.0".
func (in *Interpreter) LogName(runtime string) string {
	switch in.Family {
	case sluice.NodeJS:
		return "nodejs:" + strconv.Itoa(in.Release) + ".v" + in.Version
	case sluice.Python:
		return "python:3." + strconv.Itoa(in.Release) + ".v" + in.Version
	}
	return strings.Replace(runtime, "provided.", "provided:", 1)
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
	return fmt.Sprintf("runtime %q is not served; served are %s", e.Runtime, strings.Join(sluice.Runtimes, ", "))
}

// MissingError is a runtime that nothing on this machine can serve.
type MissingError struct{ Runtime string }

func (e *MissingError) Error() string {
	if sluice.FamilyOf(e.Runtime) == sluice.Python {
		return fmt.Sprintf("no Python from 3.%d on was found for %s; install one from https://www.python.org or with your system's packages, so that %s is on the PATH", oldestPython, e.Runtime, e.Runtime)
	}
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
	// known programs by path.
	known map[string]program
}

// Resolve returns what serves a runtime: of the same release from the PATH, of the
// same release from Install, else of the nearest release, a newer one before an
// older. Errors are an *UnsupportedError or a *MissingError.
func (r *Resolver) Resolve(name string) (*Interpreter, error) {
	family := sluice.FamilyOf(name)
	switch family {
	case "":
		return nil, &UnsupportedError{name}
	case sluice.OSOnly:
		return &Interpreter{Family: family, Exact: true}, nil
	}
	release := releaseOf(name)
	best := nearest(r.candidates(family), release)
	if best == nil {
		return nil, &MissingError{name}
	}
	served := *best
	served.Exact = served.Release == release
	switch {
	case served.Exact:
	case family == sluice.Python:
		served.Warning = fmt.Sprintf("%s is served by Python %s; for the right one install %s", name, served.Version, name)
	default:
		served.Warning = fmt.Sprintf("%s is served by Node.js %s; for the right one run: sluice runtimes install %s", name, served.Version, name)
	}
	return &served, nil
}

// nearest returns the first candidate of the release, or else of the one that is
// nearest to it.
func nearest(candidates []Interpreter, release int) *Interpreter {
	distance := func(in Interpreter) int {
		if in.Release >= release {
			return in.Release - release
		}
		return 1000 + release - in.Release
	}
	var best *Interpreter
	for i := range candidates {
		if best == nil || distance(candidates[i]) < distance(*best) {
			best = &candidates[i]
		}
	}
	return best
}

// The first releases that our bootstraps work with.
const (
	oldestNode   = 18
	oldestPython = 10
)

// nodes are the Node.js runtimes, oldest first.
func nodes() []string {
	return slices.DeleteFunc(slices.Clone(sluice.Runtimes), func(name string) bool { return sluice.FamilyOf(name) != sluice.NodeJS })
}

// Preferred returns the runtime that fits the first node on the PATH, for code
// that does not name its runtime. Without one it is the newest but one.
func (r *Resolver) Preferred() string {
	names := nodes()
	for _, in := range r.candidates(sluice.NodeJS) {
		for _, name := range slices.Backward(names) {
			if releaseOf(name) <= in.Release {
				return name
			}
		}
	}
	return names[len(names)-2]
}

// PreferredPython returns the runtime that fits the first python3 on the PATH.
func (r *Resolver) PreferredPython() string {
	for _, in := range r.candidates(sluice.Python) {
		if name := "python3." + strconv.Itoa(in.Release); sluice.FamilyOf(name) == sluice.Python {
			return name
		}
	}
	return "python3.13"
}

// List returns every runtime and what serves it.
func (r *Resolver) List() []Status {
	all := make([]Status, len(sluice.Runtimes))
	for i, name := range sluice.Runtimes {
		in, err := r.Resolve(name)
		all[i] = Status{name, in, err}
	}
	return all
}

// releaseOf reads the release out of the name of a managed runtime.
func releaseOf(name string) int {
	number := strings.TrimSuffix(strings.TrimPrefix(name, "nodejs"), ".x")
	n, _ := strconv.Atoi(strings.TrimPrefix(number, "python3.")) // names are ours
	return n
}

// candidates are all programs that could serve, those on the PATH first.
func (r *Resolver) candidates(family sluice.RuntimeFamily) []Interpreter {
	var found []Interpreter
	add := func(path string, installed bool) {
		p := r.ask(path, family)
		if release, ok := releaseIn(family, p.version); ok {
			found = append(found, Interpreter{Family: family, Path: p.path, Version: p.version, Release: release, Installed: installed})
		}
	}
	if family == sluice.Python {
		for _, path := range onPath(r.Path, pythons()...) {
			add(path, false)
		}
		return found
	}
	for _, path := range onPath(r.Path, "node", "nodejs") {
		add(path, false)
	}
	for _, name := range nodes() {
		if path := r.installedPath(name); path != "" {
			add(path, true)
		}
	}
	return found
}

// pythons are the names that a Python program may have on the PATH.
func pythons() []string {
	names := []string{"python3"}
	for _, name := range sluice.Runtimes {
		if sluice.FamilyOf(name) == sluice.Python {
			names = append(names, name)
		}
	}
	return names
}

// releaseIn reads the release out of a program's version; false if it is too old or
// none.
func releaseIn(family sluice.RuntimeFamily, version string) (int, bool) {
	parts := strings.Split(version, ".")
	if family == sluice.Python {
		if len(parts) < 2 || parts[0] != "3" {
			return 0, false
		}
		minor, err := strconv.Atoi(parts[1])
		return minor, err == nil && minor >= oldestPython
	}
	major, err := strconv.Atoi(parts[0])
	return major, err == nil && major >= oldestNode
}

// versionTimeout bounds how long a program may take to tell its version. A shim
// that wants to download something first is no answer.
const versionTimeout = 10 * time.Second

// program is what a path holds: a version, "" for none that it can tell, and the file
// that runs in the end, which another may stand in for.
type program struct{ version, path string }

func (r *Resolver) version(path string) string { return r.ask(path, sluice.NodeJS).version }

// ask makes a program tell what it is.
func (r *Resolver) ask(path string, family sluice.RuntimeFamily) program {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.known[path]; ok {
		return p
	}
	ctx, cancel := context.WithTimeout(context.Background(), versionTimeout)
	defer cancel()
	found := program{path: path}
	if family == sluice.Python {
		out, err := exec.CommandContext(ctx, path, "-I", "-c", "import platform, sys; print(platform.python_version()); print(sys.executable)").Output()
		if version, file, ok := strings.Cut(strings.TrimSpace(string(out)), "\n"); ok && err == nil {
			found = program{version, strings.TrimSpace(file)}
		}
	} else {
		out, err := exec.CommandContext(ctx, path, "--version").Output()
		if v, ok := strings.CutPrefix(strings.TrimSpace(string(out)), "v"); ok && err == nil {
			found.version = v
		}
	}
	if r.known == nil {
		r.known = map[string]program{}
	}
	r.known[path] = found
	return found
}

// forget makes the next Resolve ask again what a path holds.
func (r *Resolver) forget(path string) {
	r.mu.Lock()
	delete(r.known, path)
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
