// Package launch says how the process of a function starts: an interpreter of this
// machine with the bootstrap that we carry, or a program of the function's own.
package launch

import (
	"os"
	"path/filepath"
	"strings"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/runtimes"
	"github.com/sluice-run/sluice/internal/sandbox"
	"github.com/sluice-run/sluice/runtimes/node"
	"github.com/sluice-run/sluice/runtimes/python"
)

// Launcher knows the interpreters and where the bootstraps are on disk.
type Launcher struct {
	resolver     *runtimes.Resolver
	node, python string
}

// New writes the bootstraps into dir.
func New(dir string, resolver *runtimes.Resolver) (*Launcher, error) {
	l := &Launcher{resolver: resolver}
	var err error
	if l.node, err = runtimes.Materialize(node.Files, filepath.Join(dir, "node")); err != nil {
		return nil, err
	}
	if l.python, err = runtimes.Materialize(python.Files, filepath.Join(dir, "python")); err != nil {
		return nil, err
	}
	return l, nil
}

// Serves returns what serves a runtime on this machine; see runtimes.Resolver.Resolve
// for the errors.
func (l *Launcher) Serves(runtime string) (*runtimes.Interpreter, error) {
	return l.resolver.Resolve(runtime)
}

// Runtime returns how the process of fn is started by in.
func (l *Launcher) Runtime(fn sluice.Function, in *runtimes.Interpreter) environment.Runtime {
	rt := environment.Runtime{Version: in.LogName(fn.Runtime)}
	switch in.Family {
	case sluice.NodeJS:
		rt.Managed, rt.Dir, rt.Programs = true, l.node, programs(in.Path)
		rt.Command = func(layout sandbox.Layout) []string {
			command := []string{in.Path}
			if fn.SourceMaps {
				command = append(command, "--enable-source-maps")
			}
			return append(command, filepath.Join(layout.Runtime, "index.mjs"))
		}
	case sluice.Python:
		rt.Managed, rt.Dir, rt.Programs = true, l.python, programs(in.Path)
		rt.Command = func(layout sandbox.Layout) []string {
			return []string{in.Path, filepath.Join(layout.Runtime, "bootstrap.py")}
		}
	default:
		rt.Command = func(layout sandbox.Layout) []string { return []string{entry(fn, layout)} }
	}
	return rt
}

// programs are the path of a program and, if it is a link, of what it leads to.
func programs(path string) []string {
	paths := []string{path}
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
		paths = append(paths, real)
	}
	return paths
}

// entry is the function's own program, as its sandbox sees it: the handler of go1.x,
// else a file named bootstrap in the code or in a layer
// (docs/contract/execution-environment.md §7).
func entry(fn sluice.Function, layout sandbox.Layout) string {
	if fn.Runtime == sluice.Go1x {
		return filepath.Join(layout.Task, filepath.FromSlash(strings.TrimPrefix(fn.Handler, "/")))
	}
	task := filepath.Join(layout.Task, "bootstrap")
	if isFile(filepath.Join(fn.CodeDir, "bootstrap")) {
		return task
	}
	for i := len(fn.Layers) - 1; i >= 0; i-- {
		if path := filepath.Join(fn.Layers[i], "bootstrap"); isFile(path) {
			if layout.Opt != "" {
				return filepath.Join(layout.Opt, "bootstrap")
			}
			return path
		}
	}
	return task
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
