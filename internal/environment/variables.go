package environment

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	sluice "github.com/sluice-run/sluice"
)

// environ builds the runtime's environment. Order decides: a later entry
// replaces an earlier one of the same name
// (docs/contract/execution-environment.md §5). api is the Runtime API's
// host:port and socket its Unix socket.
func (e *Environment) environ(api, socket string) []string {
	fn, rt := e.pool.fn, e.pool.runtime
	vars := newVariables()
	vars.set("TZ", ":UTC")
	vars.set("LANG", "en_US.UTF-8")
	vars.set("PATH", searchPath(fn.Layers))
	if nodePath := nodePath(fn, rt.Dir); nodePath != "" {
		vars.set("NODE_PATH", nodePath)
	}
	if !e.pool.host.Driver.Capabilities().PrivateTmp {
		vars.set("TMPDIR", e.tmp())
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
	vars.set("AWS_EXECUTION_ENV", "AWS_Lambda_"+fn.Runtime)
	vars.set("AWS_LAMBDA_FUNCTION_NAME", fn.Name)
	vars.set("AWS_LAMBDA_FUNCTION_VERSION", fn.Version)
	vars.set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", strconv.Itoa(fn.MemoryMB))
	vars.set("AWS_LAMBDA_LOG_GROUP_NAME", logGroup(fn))
	vars.set("AWS_LAMBDA_LOG_STREAM_NAME", e.stream)
	vars.set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
	vars.set("AWS_LAMBDA_RUNTIME_API", api)
	vars.set("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR")
	vars.set("LAMBDA_TASK_ROOT", fn.CodeDir)
	vars.set("LAMBDA_RUNTIME_DIR", rt.Dir)
	vars.set("AWS_LAMBDA_LOG_FORMAT", "Text")
	if fn.Logging.JSON {
		vars.set("AWS_LAMBDA_LOG_FORMAT", "JSON")
	}
	if fn.Logging.ApplicationLevel != "" {
		vars.set("AWS_LAMBDA_LOG_LEVEL", fn.Logging.ApplicationLevel)
	}
	// Ours, for the bundled runtimes; they remove them before user code runs.
	vars.set("_SLUICE_RUNTIME_SOCKET", socket)
	vars.set("_SLUICE_QUIRKS", string(e.pool.host.Quirks))
	vars.set("_LAMBDA_TELEMETRY_LOG_FD", "3")
	return vars.list
}

func logGroup(fn sluice.Function) string {
	if fn.Logging.Group != "" {
		return fn.Logging.Group
	}
	return "/aws/lambda/" + fn.Name
}

// searchPath is Lambda's PATH with the layers' bin folders where /opt/bin is.
func searchPath(layers []string) string {
	path := []string{"/var/lang/bin", "/usr/local/bin", "/usr/bin/", "/bin", "/opt/bin"}
	for _, layer := range slices.Backward(layers) {
		path = append(path, filepath.Join(layer, "bin"))
	}
	return strings.Join(path, string(filepath.ListSeparator))
}

var nodeRuntime = regexp.MustCompile(`^nodejs(\d+)\.x$`)

// nodePath is NODE_PATH with each layer in the place of /opt, the last one
// first because it overlays the others.
func nodePath(fn sluice.Function, runtimeDir string) string {
	m := nodeRuntime.FindStringSubmatch(fn.Runtime)
	if m == nil {
		return ""
	}
	var path []string
	roots := append([]string{"/opt"}, fn.Layers...)
	for _, root := range slices.Backward(roots) {
		path = append(path,
			filepath.Join(root, "nodejs", "node"+m[1], "node_modules"),
			filepath.Join(root, "nodejs", "node_modules"))
	}
	path = append(path, filepath.Join(runtimeDir, "node_modules"))
	return strings.Join(path, string(filepath.ListSeparator))
}

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
