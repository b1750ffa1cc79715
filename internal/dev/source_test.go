package dev

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
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

// archive makes a zip file with the given entries.
func archive(t *testing.T, entries map[string]string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "code.zip")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(file)
	for name, text := range entries {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(mode)
		entry, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(entry, text)
	}
	if err := errors.Join(w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUnzip(t *testing.T) {
	dir := t.TempDir()
	if err := unzip(archive(t, map[string]string{"a.js": "1", "lib/b.js": "2"}, 0o755), dir, maxUnzipped); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "lib", "b.js")); string(text) != "2" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "a.js")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("the executable bit is lost: %v %v", info, err)
	}
}

func TestUnzipRefusesWhatLeavesItsFolder(t *testing.T) {
	for _, tt := range []struct {
		name string
		mode fs.FileMode
		want string
	}{
		{"../evil.js", 0o644, "outside of the archive's folder"},
		{"/evil.js", 0o644, "outside of the archive's folder"},
		{"a/../../evil.js", 0o644, "outside of the archive's folder"},
		{"link", fs.ModeSymlink | 0o777, "neither a file nor a folder"},
	} {
		dir := filepath.Join(t.TempDir(), "code")
		err := unzip(archive(t, map[string]string{tt.name: "/etc/passwd"}, tt.mode), dir, maxUnzipped)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) > 1 {
			t.Errorf("%s: it was written: %v", tt.name, entries)
		}
	}
	if err := unzip(filepath.Join(folder(t, "no.zip"), "no.zip"), t.TempDir(), maxUnzipped); err == nil || !strings.Contains(err.Error(), "can't be read as a zip file") {
		t.Errorf("%v", err)
	}
}

func TestUnzipStopsABomb(t *testing.T) {
	bomb := archive(t, map[string]string{"bomb": strings.Repeat("\x00", sluice.MB+1)}, 0o644)
	if err := unzip(bomb, t.TempDir(), sluice.MB+1); err != nil {
		t.Error(err)
	}
	err := unzip(bomb, t.TempDir(), sluice.MB)
	if err == nil || !strings.Contains(err.Error(), "more than the 1MB that Lambda allows") {
		t.Errorf("%v", err)
	}
}
