package scaffold

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/template"
)

func load(t *testing.T, dir string) *template.Template {
	t.Helper()
	tmpl, err := template.Load(filepath.Join(dir, "template.yaml"), template.Options{
		Identity: sluice.DefaultIdentity(), StackName: "local",
		NameFunction: func(id string) string { return id },
		URL:          func(function, _ string, _ bool) string { return "http://" + function + "/" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestTheTemplateOfEveryKindStreams(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "my app 1")
			p, err := Write(kind, dir)
			if err != nil {
				t.Fatal(err)
			}
			tmpl := load(t, dir)
			if len(tmpl.Warnings) > 0 || len(tmpl.NotRun) > 0 || len(tmpl.Functions) != 1 {
				t.Fatalf("%v, not run %v, %d functions", tmpl.Warnings, tmpl.NotRun, len(tmpl.Functions))
			}
			fn := tmpl.Functions[0]
			if fn.LogicalID != "MyApp1" || p.Function != "MyApp1" || len(fn.URLs) != 1 || fn.URLs[0].Mode != sluice.ResponseStream {
				t.Errorf("%s, %s, URLs %+v", fn.LogicalID, p.Function, fn.URLs)
			}
			if len(tmpl.Outputs) != 1 || tmpl.Outputs[0].Value != "http://MyApp1/" {
				t.Errorf("outputs %v", tmpl.Outputs)
			}
		})
	}
}

var leftover = regexp.MustCompile(`\{\{\w*\}\}`)

func TestEveryKindIsComplete(t *testing.T) {
	entries, err := fs.ReadDir(projects, "projects")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(kinds) {
		t.Errorf("%d kinds, %d folders in projects", len(kinds), len(entries))
	}
	for _, kind := range Kinds() {
		dir := filepath.Join(t.TempDir(), "shop")
		p, err := Write(kind, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"template.yaml", "README.md", ".gitignore"} {
			if !slices.Contains(p.Files, name) {
				t.Errorf("%s has no %s: %v", kind.Name, name, p.Files)
			}
		}
		if slices.Contains(p.Files, "go.mod") != (kind.Name == "go") {
			t.Errorf("%s: %v", kind.Name, p.Files)
		}
		if found := filesIn(t, dir); !slices.Equal(found, p.Files) {
			t.Errorf("%s: %v was written, %v is told", kind.Name, found, p.Files)
		}
		for _, name := range p.Files {
			text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
			if err != nil {
				t.Fatal(err)
			}
			if hole := leftover.Find(text); hole != nil || len(text) == 0 {
				t.Errorf("%s/%s: %d bytes, %q is not filled in", kind.Name, name, len(text), hole)
			}
		}
		readme, _ := os.ReadFile(filepath.Join(dir, "README.md"))
		for _, command := range []string{"\nsluice dev\n", "\ncurl -N ", "/lambda-url/Shop/", "\nsluice deploy\n"} {
			if !strings.Contains(string(readme), command) {
				t.Errorf("%s: the README lacks %q", kind.Name, command)
			}
		}
		handler, _ := os.ReadFile(filepath.Join(dir, "template.yaml"))
		if !strings.Contains(string(handler), "# The timeout covers the whole stream") {
			t.Errorf("%s: the template says nothing about the timeout", kind.Name)
		}
	}
}

// filesIn lists the files below a folder, slash-separated and in order.
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, err = filepath.Rel(dir, name)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func TestNothingIsOverwritten(t *testing.T) {
	kind, _ := Find("chat")
	for _, tt := range []struct {
		name  string
		make  func(dir string) error
		taken []string
		left  []string
	}{
		{"files", func(dir string) error {
			return errors.Join(put(dir, "README.md"), put(dir, "src/page.html"), put(dir, "mine.txt"))
		}, []string{"README.md", "src/page.html"}, []string{"README.md", "mine.txt", "src/page.html"}},
		{"a folder where a file would be", func(dir string) error { return os.MkdirAll(filepath.Join(dir, "template.yaml"), 0o755) },
			[]string{"template.yaml"}, nil},
		{"a file where a folder would be", func(dir string) error { return put(dir, "src") }, []string{"src"}, []string{"src"}},
		{"a link to nothing", func(dir string) error { return os.Symlink("nowhere", filepath.Join(dir, "README.md")) },
			[]string{"README.md"}, []string{"README.md"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := tt.make(dir); err != nil {
				t.Fatal(err)
			}
			_, err := Write(kind, dir)
			var exists *ExistsError
			if !errors.As(err, &exists) || !slices.Equal(exists.Files, tt.taken) {
				t.Fatalf("%v, want %v", err, tt.taken)
			}
			if left := filesIn(t, dir); !slices.Equal(left, tt.left) {
				t.Errorf("%v is there, want %v", left, tt.left)
			}
			if text, err := os.ReadFile(filepath.Join(dir, "README.md")); err == nil && string(text) != "mine" {
				t.Errorf("README.md is %q", text)
			}
		})
	}
}

func put(dir, name string) error {
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte("mine"), 0o644)
}

func TestTheFolderIsAFile(t *testing.T) {
	dir := t.TempDir()
	if err := put(dir, "shop"); err != nil {
		t.Fatal(err)
	}
	kind, _ := Find(Default)
	if _, err := Write(kind, filepath.Join(dir, "shop")); err == nil || !strings.HasSuffix(err.Error(), "shop exists and is not a folder") {
		t.Errorf("%v", err)
	}
}

func TestAFolderWithOtherFilesGetsTheProject(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(put(dir, "notes.txt"), put(dir, "src/other.mjs")); err != nil {
		t.Fatal(err)
	}
	kind, _ := Find(Default)
	p, err := Write(kind, dir)
	if err != nil {
		t.Fatal(err)
	}
	want := append(slices.Clone(p.Files), "notes.txt", "src/other.mjs")
	slices.Sort(want)
	if found := filesIn(t, dir); !slices.Equal(found, want) {
		t.Errorf("%v, want %v", found, want)
	}
}

// What can't be finished is taken back, new folders included.
func TestAFailureLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	var made creation
	if err := made.file(filepath.Join(dir, "new", "deep", "a"), "text"); err != nil {
		t.Fatal(err)
	}
	if err := made.file(filepath.Join(dir, "new", "b"), "text"); err != nil {
		t.Fatal(err)
	}
	if err := made.file(filepath.Join(dir, "new", "b"), "other"); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("%v", err)
	}
	made.undo()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%v %v", entries, err)
	}
}

var logicalID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)

func TestFunctionsAreNamedAfterTheFolder(t *testing.T) {
	kind, _ := Find("ssr")
	for name, want := range map[string]string{
		"shop": "Shop", "my app 1": "MyApp1", "my-app_two.three": "MyAppTwoThree", "myApp": "MyApp", "2024": "App2024",
		"a1b": "A1b", "on": "OnApp", "NULL": "NULLApp", "日本": "Page", "--": "Page", "café bar": "CafBar", "naïve": "Nave",
		"🌊wave": "Wave", strings.Repeat("long ", 9): "LongLongLongLongLongLong",
	} {
		if got := FunctionID(filepath.Join("parent", name), "Page"); got != want || !logicalID.MatchString(got) {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
		dir := filepath.Join(t.TempDir(), name)
		if _, err := Write(kind, dir); err != nil {
			t.Error(err)
		} else if tmpl := load(t, dir); tmpl.Functions[0].LogicalID != want || len(tmpl.Warnings) > 0 {
			t.Errorf("%q: the template has %s, %v", name, tmpl.Functions[0].LogicalID, tmpl.Warnings)
		}
	}
	if got := FunctionID(string(filepath.Separator), "Page"); got != "Page" {
		t.Errorf("the root folder: %s", got)
	}
}
