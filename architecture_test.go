package sluice_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sluice-run/sluice"

// rooms lists the directories that hold Go code, from the street to the
// foundations. A package may import what stands below its own room and what
// stands inside it, never what stands above: docs/ARCHITECTURE.md tells the
// reasons. Tests obey the same list; a test that needs an upper room belongs
// up there.
var rooms = []string{
	"examples", // clients of the public API
	"test",     // drives the built binary from outside
	"bench",    // may measure everything
	"cmd/sluice",
	"internal/dev",
	"internal/serve",
	"internal/deploy",
	"internal/doctor",
	"internal/server",
	"internal/console",
	"internal/functionurl",
	"internal/lambdaapi",
	"internal/scaffold",
	"internal/logbook",
	"internal/records",
	"internal/metrics",
	"internal/traces",
	"internal/pricing",
	"internal/async",
	"internal/hosting",
	"internal/launch",
	"internal/invoke",
	"internal/environment",
	"internal/runtimeapi",
	"internal/telemetry",
	"internal/stream",
	"internal/eventstream",
	"internal/sandbox",
	"internal/sdkhttp",
	"internal/runtimes",
	"internal/auth",
	"internal/destination",
	"internal/objects",
	"internal/images",
	"internal/registry",
	"internal/history",
	"internal/store",
	"internal/template",
	"internal/archive",
	"internal/bundle",
	"internal/gobuild",
	"internal/watch",
	"internal/scratch",
	"internal/filelock",
	"internal/config",
	"internal/terminal",
	"internal/spelling",
	".", // the vocabulary
	"runtimes",
}

// owners names the rooms that know a third-party module. Elsewhere an import of
// it means that mechanism leaked out of its room.
var owners = map[string][]string{
	"github.com/spf13/cobra":         {"cmd/sluice"},
	"github.com/vbauerster/mpb":      {"cmd/sluice"},
	"github.com/evanw/esbuild":       {"internal/bundle"},
	"github.com/fsnotify/fsnotify":   {"internal/watch"},
	"github.com/nats-io/nats.go":     {"internal/store", "test"}, // the broker of examples/iot
	"github.com/prometheus":          {"internal/metrics"},
	"github.com/nats-io/nats-server": {"internal/store", "test"},
	"go.opentelemetry.io":            {"internal/traces"},
}

func TestImportsFlowDownTheListOfRooms(t *testing.T) {
	for _, file := range goFiles(t) {
		from := slices.Index(rooms, roomOf(file.dir))
		if from < 0 {
			t.Errorf("%s: %s is not in the list of rooms: add it to architecture_test.go and to docs/ARCHITECTURE.md, where its imports point down", file.path, file.dir)
			continue
		}
		for _, spec := range file.syntax.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			dir, ours := inModule(imported)
			if !ours {
				continue
			}
			to := slices.Index(rooms, roomOf(dir))
			if to < 0 {
				t.Errorf("%s imports %s, which is not in the list of rooms", file.path, dir)
			} else if to < from {
				t.Errorf("%s: %s imports %s, which stands above it", file.path, rooms[from], rooms[to])
			}
		}
	}
}

func TestTheRootPackageImportsTheStandardLibraryOnly(t *testing.T) {
	for _, file := range goFiles(t) {
		if file.dir != "." || file.test {
			continue
		}
		for _, spec := range file.syntax.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s", file.path, imported)
			}
		}
	}
}

func TestOneRoomKnowsEachMechanism(t *testing.T) {
	for _, file := range goFiles(t) {
		for _, spec := range file.syntax.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			for library, allowed := range owners {
				if within(imported, library) && !slices.Contains(allowed, roomOf(file.dir)) {
					t.Errorf("%s imports %s, which belongs to %s", file.path, imported, strings.Join(allowed, ", "))
				}
			}
		}
	}
}

func TestEveryPackageHasADocComment(t *testing.T) {
	hasCode, documented := map[string]bool{}, map[string]bool{}
	files := goFiles(t)
	for _, file := range files {
		if !file.test {
			hasCode[file.dir] = true
		}
	}
	for _, file := range files {
		if file.test && hasCode[file.dir] {
			continue // only a directory of tests alone is documented by a test
		}
		if file.syntax.Doc.Text() != "" {
			documented[file.dir] = true
		}
	}
	for _, file := range files {
		if !documented[file.dir] {
			documented[file.dir] = true
			t.Errorf("%s: no file of the package has a doc comment that says what it is and what its words mean", file.dir)
		}
	}
}

type goFile struct {
	path   string // slash-separated, from the module's root
	dir    string // "." for the root
	test   bool
	syntax *ast.File
}

// goFiles parses the imports and package comments of every Go file of the
// module, whatever system it is for.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	for _, name := range repositoryFiles(t, ".go") {
		syntax, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(name), nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, goFile{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), syntax: syntax})
	}
	return files
}

// repositoryFiles lists the files of the repository with one of the suffixes,
// without what tools have put there.
func repositoryFiles(t *testing.T, suffixes ...string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if base == "node_modules" || base == "testdata" || name == "bin" || strings.HasPrefix(base, ".") && base != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(base, s) }) {
			names = append(names, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// inModule returns the directory of an import path of this module.
func inModule(imported string) (dir string, ours bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

// roomOf returns the room that dir belongs to, or dir itself when it has none.
func roomOf(dir string) string {
	for _, room := range rooms {
		if within(dir, room) {
			return room
		}
	}
	return dir
}

func within(name, parent string) bool {
	return name == parent || strings.HasPrefix(name, parent+"/")
}
