package e2e

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// copyOf is a copy of an example with what npm would install: its dependencies are
// dependencies of this suite too. Edits are pairs: what stands in a file, and what
// takes its place.
func copyOf(t *testing.T, example string, edits ...string) string {
	t.Helper()
	dir := t.TempDir()
	all := ""
	err := fs.WalkDir(os.DirFS(example), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if err == nil && entry.Name() == "node_modules" {
				return fs.SkipDir // of somebody who tried it
			}
			return err
		}
		text, err := os.ReadFile(filepath.Join(example, name))
		if err != nil {
			return err
		}
		all += string(text)
		write(t, filepath.Join(dir, name), strings.NewReplacer(edits...).Replace(string(text)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(all, edits[i]) {
			t.Fatalf("nothing to edit: the example has no %q", edits[i])
		}
	}
	for name, locked := range readLock(t, example).Packages {
		// What another package brings along is copied with it.
		if strings.Count(name, "node_modules/") != 1 {
			continue
		}
		err := os.CopyFS(filepath.Join(dir, name), os.DirFS(name))
		switch missing := errors.Is(err, fs.ErrNotExist); {
		case missing && locked.Dev: // types are for people
		case missing:
			t.Fatalf("%s is not installed: run npm ci in test/e2e", name)
		case err != nil:
			t.Fatal(err)
		}
	}
	return dir
}

// units runs the tests that stand beside an example's code; env is what they need.
func units(t *testing.T, example string, env ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(example, "test", "*.test.mjs"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", example, err)
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"--test", "--test-timeout=60000"}, files...)...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err == nil && strings.Contains(string(out), "# SKIP") {
		err = errors.New("a test was skipped")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// lock is a package-lock.json.
type lock struct {
	Packages map[string]struct {
		Version, Resolved string
		Dev               bool
	}
}

func readLock(t *testing.T, folder string) (l lock) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &l); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestExamplesAreTestedWithTheirDependencies(t *testing.T) {
	ours := readLock(t, ".")
	for _, tt := range []struct {
		example  string
		dev      bool // what it needs for development is used too
		packages int  // at least
	}{
		{ssrExample, false, 3}, // react, react-dom and its scheduler
		{iotExample, true, 10},
		{s3Example, false, 20},
	} {
		used := 0
		for name, its := range readLock(t, tt.example).Packages {
			if its.Resolved != "" {
				t.Errorf("%s: %s is tied to a registry: %s", tt.example, name, its.Resolved)
			}
			if name == "" || its.Dev && !tt.dev {
				continue
			}
			used++
			if ours.Packages[name].Version != its.Version {
				t.Errorf("%s has %s %s, this suite %q", tt.example, name, its.Version, ours.Packages[name].Version)
			}
		}
		if used < tt.packages {
			t.Errorf("%s: %d packages", tt.example, used)
		}
	}
}
