package environment

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLaterLayersOverlayEarlierOnes(t *testing.T) { // docs/contract/execution-environment.md §6
	layer := func(files map[string]string) string {
		dir := t.TempDir()
		for name, text := range files {
			path := filepath.Join(dir, name)
			os.MkdirAll(filepath.Dir(path), 0o755)
			if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	first := layer(map[string]string{"bin/tool": "first", "bin/only": "first", "lib": "a file"})
	second := layer(map[string]string{"bin/tool": "second", "bin/other": "second"})
	if err := os.Symlink("tool", filepath.Join(second, "bin/link")); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := overlay(dir, []string{first, second}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"bin/tool": "second", "bin/only": "first", "bin/other": "second", "bin/link": "second", "lib": "a file"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); string(text) != want {
			t.Errorf("%s: %q %v", name, text, err)
		}
	}
	if text, _ := os.ReadFile(filepath.Join(first, "bin/tool")); string(text) != "first" {
		t.Errorf("the layer itself was changed: %q", text)
	}
	if info, err := os.Stat(filepath.Join(dir, "bin/tool")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v %v", info, err)
	}
}
