package node

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
)

var imports = regexp.MustCompile(`from '([^']+)'`)

func TestFilesAreComplete(t *testing.T) {
	names, err := fs.Glob(Files, "*")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.Stat(Files, "index.mjs"); err != nil {
		t.Fatalf("entry: %v", err)
	}
	for _, name := range names {
		source, err := fs.ReadFile(Files, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range imports.FindAllSubmatch(source, -1) {
			target := string(match[1])
			switch {
			case strings.HasPrefix(target, "./"):
				if _, err := fs.Stat(Files, path.Clean(target)); err != nil {
					t.Errorf("%s imports %s: %v", name, target, err)
				}
			case !strings.HasPrefix(target, "node:"):
				t.Errorf("%s imports %s: the runtime has no dependencies", name, target)
			case target == "node:http" || target == "node:https":
				t.Errorf("%s imports %s: it costs half of the boot", name, target)
			}
		}
	}
}
