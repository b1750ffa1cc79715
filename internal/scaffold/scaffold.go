// Package scaffold writes new projects. A project is a folder with a SAM template, a
// function that streams and what belongs to it; a kind is one sort of project, ready
// to run as it is.
package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Kind is one sort of project.
type Kind struct {
	Name    string `json:"kind"`
	Summary string `json:"summary"`
	// function is the logical id where the folder's name yields none.
	function string
	// try is what is appended to the function's URL, and curl's arguments after
	// it, to see the response stream.
	try string
}

// Default is the name of the kind for those who don't care.
const Default = "node"

// kinds has the default first; each has a folder of that name in projects.
var kinds = []Kind{
	{Name: Default, Summary: "JavaScript: text that arrives line by line", function: "Stream"},
	{Name: "typescript", Summary: "TypeScript, bundled on save: a job that reports its progress as JSON lines", function: "Stream"},
	{Name: "python", Summary: "Python: a handler that yields; streams on Sluice, not on AWS", function: "Stream"},
	{Name: "go", Summary: "Go, compiled on save: a net/http handler, no dependencies", function: "Stream"},
	{Name: "chat", Summary: "a chat with a page: answers word by word as server-sent events", function: "Chat",
		try: `chat -d '{"messages":[{"role":"user","content":"Hello"}]}'`},
	{Name: "ssr", Summary: "a page rendered on the server: its frame first, slow parts as they are ready", function: "Page"},
}

// Kinds lists the kinds, the default first.
func Kinds() []Kind { return slices.Clone(kinds) }

// Find returns the kind with a name.
func Find(name string) (Kind, bool) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}

// Names are the kinds' names.
func Names() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return names
}

// The projects. A file whose real name would mean something to the tools that work on
// this repository has another here, see renamed.
//
//go:embed projects
var projects embed.FS

var renamed = map[string]string{"gitignore": ".gitignore", "gomod": "go.mod"}

// Project is what was written.
type Project struct {
	Kind string `json:"kind"`
	// Dir is the folder, as Write was given it.
	Dir string `json:"folder"`
	// Function is the function's logical id, and its name in `sluice dev`.
	Function string `json:"function"`
	// Files are the paths in Dir, slash-separated and in order.
	Files []string `json:"files"`
	try   string
}

// Request is the end of a curl command: the URL on a server's address and what follows it.
func (p *Project) Request(server string) string {
	return server + "/lambda-url/" + p.Function + "/" + p.try
}

// ExistsError: nothing was written, because something is there already.
type ExistsError struct {
	Dir string
	// Files are the paths in Dir that are taken, "." for Dir itself when it is
	// no folder.
	Files []string
}

func (e *ExistsError) Error() string {
	if slices.Equal(e.Files, []string{"."}) {
		return fmt.Sprintf("%s exists and is not a folder", e.Dir)
	}
	return fmt.Sprintf("%s has these already: %s", e.Dir, strings.Join(e.Files, ", "))
}

// Write makes a project in a folder, which it creates if need be. It overwrites
// nothing: if one of the project's files exists, it writes none and returns an
// *ExistsError. After any error the folder is as it was before.
func Write(kind Kind, dir string) (*Project, error) {
	p := &Project{Kind: kind.Name, Dir: dir, Function: FunctionID(dir, kind.function), try: kind.try}
	files, err := p.render()
	if err != nil {
		return nil, err
	}
	for name := range files {
		p.Files = append(p.Files, name)
	}
	slices.Sort(p.Files)
	if taken := p.taken(); len(taken) > 0 {
		return nil, &ExistsError{Dir: dir, Files: taken}
	}
	var made creation
	for _, name := range p.Files {
		if err := made.file(filepath.Join(dir, filepath.FromSlash(name)), files[name]); err != nil {
			made.undo()
			if errors.Is(err, fs.ErrExist) { // it came after the check
				return nil, &ExistsError{Dir: dir, Files: []string{name}}
			}
			return nil, err
		}
	}
	return p, nil
}

// render returns the project's files by their paths.
func (p *Project) render() (map[string]string, error) {
	fill := strings.NewReplacer("{{function}}", p.Function, "{{host}}", strings.ToLower(p.Function))
	root := path.Join("projects", p.Kind)
	files := map[string]string{}
	err := fs.WalkDir(projects, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := projects.ReadFile(name)
		if err != nil {
			return err
		}
		folder, base := path.Split(strings.TrimPrefix(name, root+"/"))
		if real, ok := renamed[base]; ok {
			base = real
		}
		files[folder+base] = fill.Replace(string(text))
		return nil
	})
	return files, err
}

// taken lists what is in the way: files that exist, and files where folders would be.
// A link counts as what it is, wherever it leads.
func (p *Project) taken() []string {
	if info, err := os.Stat(p.Dir); err == nil && !info.IsDir() {
		return []string{"."}
	}
	var taken []string
	for _, name := range p.Files {
		if _, err := os.Lstat(filepath.Join(p.Dir, filepath.FromSlash(name))); err == nil {
			taken = append(taken, name)
			continue
		}
		for parent := path.Dir(name); parent != "."; parent = path.Dir(parent) {
			info, err := os.Stat(filepath.Join(p.Dir, filepath.FromSlash(parent)))
			if err == nil && !info.IsDir() && !slices.Contains(taken, parent) {
				taken = append(taken, parent)
			}
		}
	}
	return taken
}

// creation remembers what it made, so that it can be undone.
type creation struct{ paths []string }

func (c *creation) file(name, text string) error {
	if err := c.folder(filepath.Dir(name)); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	c.paths = append(c.paths, name)
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func (c *creation) folder(name string) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(name); parent != name {
		if err := c.folder(parent); err != nil {
			return err
		}
	}
	err := os.Mkdir(name, 0o777)
	if errors.Is(err, fs.ErrExist) {
		return &ExistsError{Dir: name, Files: []string{"."}}
	}
	if err != nil {
		return err
	}
	c.paths = append(c.paths, name)
	return nil
}

// undo removes what was made, the last first. A folder that others have put something
// into stays.
func (c *creation) undo() {
	for _, name := range slices.Backward(c.paths) {
		os.Remove(name)
	}
}
