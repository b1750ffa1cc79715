package environment

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/sandbox"
)

// environ builds the runtime's environment. Order decides: a later entry
// replaces an earlier one of the same name
// (docs/contract/execution-environment.md §5).
func (e *Environment) environ(layout sandbox.Layout) []string {
	fn, rt := e.pool.fn, e.pool.runtime
	roots := layerRoots(fn, layout)
	vars := newVariables()
	vars.set("TZ", ":UTC")
	vars.set("LANG", "en_US.UTF-8")
	vars.set("PATH", searchPath(roots))
	vars.set("LD_LIBRARY_PATH", libraryPath(roots, layout))
	switch sluice.FamilyOf(fn.Runtime) {
	case sluice.NodeJS:
		vars.set("NODE_PATH", nodePath(fn.Runtime, roots, layout.Runtime))
	case sluice.Python:
		vars.set("PYTHONPATH", pythonPath(fn.Runtime, roots))
	}
	if layout.Tmp != "/tmp" {
		vars.set("TMPDIR", layout.Tmp)
	}
	for _, kv := range rt.Env {
		name, value, _ := strings.Cut(kv, "=")
		vars.set(name, value)
	}
	for _, name := range slices.Sorted(maps.Keys(fn.Environment)) {
		if !strings.HasPrefix(name, "_") {
			vars.set(name, fn.Environment[name])
		}
	}
	for _, kv := range e.pool.host.Credentials {
		name, value, _ := strings.Cut(kv, "=")
		vars.set(name, value)
	}
	vars.set("_HANDLER", fn.Handler)
	vars.set("AWS_REGION", e.pool.host.Identity.Region)
	vars.set("AWS_DEFAULT_REGION", e.pool.host.Identity.Region)
	if rt.Managed {
		vars.set("AWS_EXECUTION_ENV", "AWS_Lambda_"+fn.Runtime)
	}
	vars.set("AWS_LAMBDA_FUNCTION_NAME", fn.Name)
	vars.set("AWS_LAMBDA_FUNCTION_VERSION", fn.Version)
	vars.set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", strconv.Itoa(fn.MemoryMB))
	vars.set("AWS_LAMBDA_LOG_GROUP_NAME", logGroup(fn))
	vars.set("AWS_LAMBDA_LOG_STREAM_NAME", e.stream)
	vars.set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
	vars.set("AWS_LAMBDA_RUNTIME_API", layout.API)
	vars.set("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR")
	vars.set("LAMBDA_TASK_ROOT", layout.Task)
	vars.set("LAMBDA_RUNTIME_DIR", orElse(layout.Runtime, "/var/runtime"))
	vars.set("AWS_LAMBDA_LOG_FORMAT", "Text")
	if fn.Logging.JSON {
		vars.set("AWS_LAMBDA_LOG_FORMAT", "JSON")
	}
	if fn.Logging.ApplicationLevel != "" {
		vars.set("AWS_LAMBDA_LOG_LEVEL", fn.Logging.ApplicationLevel)
	}
	if rt.Managed {
		// Ours, for the bundled runtimes; they remove them before user code runs.
		vars.set("_SLUICE_RUNTIME_SOCKET", layout.Socket)
		vars.set("_SLUICE_QUIRKS", string(e.pool.host.Quirks))
		vars.set("_LAMBDA_TELEMETRY_LOG_FD", "3")
	}
	return vars.list
}

func logGroup(fn sluice.Function) string {
	if fn.Logging.Group != "" {
		return fn.Logging.Group
	}
	return "/aws/lambda/" + fn.Name
}

// layerRoots are the folders that layers are found in, the one that wins first: /opt,
// or each layer where it could not be put there.
func layerRoots(fn sluice.Function, layout sandbox.Layout) []string {
	roots := []string{"/opt"}
	if layout.Opt == "" {
		roots = append(roots, fn.Layers...)
	}
	slices.Reverse(roots)
	return roots
}

// searchPath is Lambda's PATH.
func searchPath(roots []string) string {
	path := []string{"/var/lang/bin", "/usr/local/bin", "/usr/bin/", "/bin"}
	for _, root := range roots {
		path = append(path, filepath.Join(root, "bin"))
	}
	return join(path)
}

// libraryPath is Lambda's LD_LIBRARY_PATH without the system's own folders, which are
// searched anyway.
func libraryPath(roots []string, layout sandbox.Layout) string {
	path := []string{layout.Task, filepath.Join(layout.Task, "lib")}
	for _, root := range roots {
		path = append(path, filepath.Join(root, "lib"))
	}
	return join(path)
}

// nodePath is Lambda's NODE_PATH.
func nodePath(runtime string, roots []string, runtimeDir string) string {
	major := strings.TrimSuffix(strings.TrimPrefix(runtime, "nodejs"), ".x")
	var path []string
	for _, root := range roots {
		path = append(path, filepath.Join(root, "nodejs", "node"+major, "node_modules"), filepath.Join(root, "nodejs", "node_modules"))
	}
	return join(append(path, filepath.Join(runtimeDir, "node_modules")))
}

// pythonPath leads Python to what layers hold, as its bootstrap does on Lambda.
func pythonPath(runtime string, roots []string) string {
	var path []string
	for _, root := range roots {
		path = append(path, filepath.Join(root, "python"), filepath.Join(root, "python", "lib", runtime, "site-packages"))
	}
	return join(path)
}

func join(path []string) string { return strings.Join(path, string(filepath.ListSeparator)) }

// variables is an environment in which a name occurs once.
type variables struct {
	list  []string
	index map[string]int
}

func newVariables() *variables { return &variables{index: map[string]int{}} }

func (v *variables) set(name, value string) {
	kv := name + "=" + value
	if i, ok := v.index[name]; ok {
		v.list[i] = kv
		return
	}
	v.index[name] = len(v.list)
	v.list = append(v.list, kv)
}
