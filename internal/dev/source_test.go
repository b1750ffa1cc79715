package dev

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/template"
)

// folder writes empty files and returns their folder.
func folder(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFind(t *testing.T) {
	dir := folder(t, "template.yml", "chat.mts", "other.template", "notes.txt")
	for path, want := range map[string]Source{
		"": {File: "template.yml"}, "template.yml": {File: "template.yml"}, "other.template": {File: "other.template"}, "chat.mts": {File: "chat.mts", Handler: true},
	} {
		want.File = filepath.Join(dir, want.File)
		if got, err := Find(filepath.Join(dir, path)); got != want || err != nil {
			t.Errorf("%q: %+v %v", path, got, err)
		}
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "notes.txt"): "neither a template", filepath.Join(dir, "nope"): "does not exist", folder(t): "holds no template", folder(t, "index.js"): "to serve the handler alone",
	} {
		if _, err := Find(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestURLsOfAPlan(t *testing.T) {
	fn := func(name string, qualifiers ...string) *template.Function {
		f := &template.Function{Function: sluice.Function{Name: name}}
		for _, q := range qualifiers {
			f.URLs = append(f.URLs, sluice.FunctionURL{Function: name, Qualifier: q})
		}
		return f
	}
	all, err := (&plan{functions: []*template.Function{fn("My_Fn", ""), fn("two", "", "live"), fn("three", "live"), fn("none")}}).assignURLs()
	var ids []string
	for _, u := range all {
		ids = append(ids, u.ID)
	}
	if got := strings.Join(ids, " "); got != "my-fn two two-live three" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if _, err := (&plan{functions: []*template.Function{fn("a_b", ""), fn("A-B", "")}}).assignURLs(); err == nil || !strings.Contains(err.Error(), "a_b and A-B would both be http://a-b.lambda-url.…; rename one") {
		t.Errorf("%v", err)
	}
}
