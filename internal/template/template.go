package template

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/bundle"
)

// Options are what a template is read with.
type Options struct {
	// Parameters override the defaults of the template's parameters, by name.
	Parameters map[string]string
	Identity   sluice.Identity
	// StackName is the value of AWS::StackName, and the prefix of made-up names.
	StackName string
	// NameFunction names a function that has no FunctionName.
	NameFunction func(logicalID string) string
	// URL returns the address of a Function URL; alone tells that its function
	// has no other.
	URL func(function, qualifier string, alone bool) string
	// Images asks for functions with container images too.
	Images bool
}

// Template is what a file says should exist.
type Template struct {
	// File is the path that Load was given.
	File string
	// Functions are those Sluice can run, in the order of the file.
	Functions []*Function
	// NotRun are the other resources and the events of functions.
	NotRun []NotRun
	// Warnings are worth a developer's look and keep nothing from running.
	Warnings []Problem
	Outputs  []Output
}

// Function is one function and what belongs to it. Its CodeDir is empty when the
// code is inline or an archive; its Layers are folders or .zip archives.
type Function struct {
	sluice.Function
	LogicalID string
	Code      Code
	// Build says how the code is bundled; what is not the template's to say is
	// empty. It is nil when the code runs as it lies there.
	Build *bundle.Spec
	// Aliases are the names that lead to the function's code.
	Aliases []string
	// URLs have no ID: the server gives them theirs.
	URLs []sluice.FunctionURL
	// ImageURI is the container image of a function that has one; it has no code,
	// runtime and handler then.
	ImageURI string
	// Image is what the function changes of its image.
	Image ImageConfig
	// Deployment is what only a server needs to know.
	Deployment Deployment
	// Line is where the resource is defined.
	Line int
}

// Code is code that is not a folder.
type Code struct {
	// Archive is the absolute path of a .zip file, "" if there is none.
	Archive string
	// Inline is the source text of the file InlineFile.
	Inline, InlineFile string
}

// ImageConfig is how a container image is started; empty members leave the image's.
type ImageConfig struct {
	EntryPoint, Command []string
	WorkingDirectory    string
}

// NotRun is a part of the template that Sluice does not run.
type NotRun struct {
	// Name is the logical id, or a function's and an event's: "Chat.Nightly".
	Name string `json:"name"`
	// Type is AWS's type of the resource, or the event's.
	Type string `json:"type"`
	// Reason explains it where the type does not, "" otherwise.
	Reason string `json:"reason"`
	Line   int    `json:"line"`
}

// Output is one of the template's outputs.
type Output struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	Description string `json:"description"`
}

// maxFile bounds the file that is read, in bytes.
const maxFile = maxFileBytes

// names are the files that a folder's template may have.
var names = []string{"template.yaml", "template.yml", "template.json"}

// Find returns the path of the template in dir.
func Find(dir string) (string, error) {
	for _, name := range names {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s holds no template; expected one of %s", dir, strings.Join(names, ", "))
}

// Load reads a template. Mistakes in it are an *Error with all of them.
func Load(file string, o Options) (*Template, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the template %s does not exist", file)
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder; name the template file", file)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s has %d bytes; a template has at most %d", file, info.Size(), maxFile)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return load(file, data, o)
}

// load is Load for a text that was read from file.
func load(file string, data []byte, o Options) (*Template, error) {
	l := &loader{
		report: &report{file: file}, o: o, dir: filepath.Dir(file),
		resources: map[string]*resource{}, generated: map[string]*generated{}, layers: map[string]string{},
	}
	l.root = parse(data, strings.EqualFold(filepath.Ext(file), ".json"), l.report)
	t := &Template{File: file}
	if l.root != nil && l.sections() {
		l.build(t)
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	t.Warnings = sorted(l.warnings)
	return t, nil
}
