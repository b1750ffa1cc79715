package python

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"
)

var imports = regexp.MustCompile(`(?m)^\s*(?:from (\S+) import|import (\S+))`)

// standard are the modules that the runtime may import. What is not among them
// is either no part of Python or costs too much of the boot.
var standard = regexp.MustCompile(`^(__future__|asyncio|base64|binascii|collections\.abc|contextlib|contextvars|dataclasses|importlib|io|json|logging|os|platform|re|select|socket|struct|sys|threading|time|traceback|typing|urllib\.parse)$`)

func TestFilesAreComplete(t *testing.T) {
	var names []string
	err := fs.WalkDir(Files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bootstrap.py", "awslambda.py", "sluice_runtime/__init__.py"} {
		if _, err := fs.Stat(Files, name); err != nil {
			t.Errorf("missing: %v", err)
		}
	}
	for _, name := range names {
		source, err := fs.ReadFile(Files, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range imports.FindAllStringSubmatch(code(string(source)), -1) {
			module := match[1] + match[2]
			target := ""
			switch {
			case strings.HasPrefix(module, "."):
				target = path.Join(path.Dir(name), module[1:]+".py")
			case strings.HasPrefix(module, "sluice_runtime."):
				target = strings.ReplaceAll(module, ".", "/") + ".py"
			case !standard.MatchString(module):
				t.Errorf("%s imports %s: not on the list of standard modules", name, module)
			}
			if target == "" {
				continue
			}
			if _, err := fs.Stat(Files, target); err != nil {
				t.Errorf("%s imports %s: %v", name, module, err)
			}
		}
	}
}

// code is a module's source without its strings of several lines, in which
// sentences may look like imports.
func code(source string) string {
	var out strings.Builder
	for i, part := range strings.Split(source, `"""`) {
		if i%2 == 0 {
			out.WriteString(part)
		}
	}
	return out.String()
}

func TestRuntime(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a hundred processes")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on the PATH")
	}
	cmd := exec.Command(python, "-m", "unittest", "discover", "-s", ".", "-t", ".")
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
