package dev

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/template"
)

// handlerTypes are the files that can be served without a template.
var handlerTypes = []string{".mjs", ".cjs", ".js", ".ts", ".mts", ".cts", ".tsx", ".jsx", ".py"}

// Source is what a project is made from.
type Source struct {
	// File is the template or handler file, absolute.
	File string
	// Handler tells that File is a handler, not a template.
	Handler bool
}

// Dir is the folder of the source's file.
func (s Source) Dir() string { return filepath.Dir(s.File) }

// Find says what path, which is absolute, stands for: a template, a folder with
// one, or a handler file.
func Find(path string) (Source, error) {
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Source{}, fmt.Errorf("%s does not exist; name a template, a folder with one, or a handler file", path)
	case err != nil:
		return Source{}, err
	case info.IsDir():
		file, err := template.Find(path)
		if err != nil {
			if handler := loneHandler(path); handler != "" {
				return Source{}, fmt.Errorf("%w; to serve the handler alone: sluice dev %s", err, handler)
			}
			return Source{}, err
		}
		return Source{File: file}, nil
	}
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case slices.Contains(handlerTypes, ext):
		return Source{File: path, Handler: true}, nil
	case ext == ".yaml", ext == ".yml", ext == ".json", ext == ".template":
		return Source{File: path}, nil
	}
	return Source{}, fmt.Errorf("%s is neither a template (.yaml .yml .json) nor a handler file (%s)", path, strings.Join(handlerTypes, " "))
}

func loneHandler(dir string) string {
	file := filepath.Join(dir, "lambda_function.py")
	if _, err := os.Stat(file); err == nil {
		return file
	}
	for _, ext := range handlerTypes {
		file := filepath.Join(dir, "index"+ext)
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return ""
}

// plan is what a source asks for.
type plan struct {
	functions []*template.Function
	notRun    []template.NotRun
	warnings  []string
	outputs   []template.Output
	// files are those whose change asks for another plan.
	files []string
}

// load reads the source.
func (p *Project) load() (*plan, error) {
	if p.o.Source.Handler {
		return p.loadHandler()
	}
	t, err := template.Load(p.o.Source.File, template.Options{
		Parameters: p.o.Parameters, Identity: p.o.Config.Identity(), StackName: "local",
		NameFunction: func(logicalID string) string { return logicalID },
		URL: func(function, qualifier string, alone bool) string {
			return p.urls.host(urlID(function, qualifier, !alone && qualifier != ""))
		},
	})
	if err != nil {
		return nil, err
	}
	pl := &plan{functions: t.Functions, notRun: t.NotRun, outputs: t.Outputs, files: []string{t.File}}
	for _, w := range t.Warnings {
		pl.warnings = append(pl.warnings, w.String())
	}
	return pl, nil
}

// loadHandler makes a function of a single file: streaming, open to everyone,
// with Lambda's defaults.
func (p *Project) loadHandler() (*plan, error) {
	file := p.o.Source.File
	if len(p.o.Parameters) > 0 {
		return nil, fmt.Errorf("--parameter-overrides needs a template; %s is a handler file", file)
	}
	module := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	handler, runtime := module+".handler", ""
	if filepath.Ext(file) == ".py" {
		runtime = p.o.Runtimes.PreferredPython()
		// The name that AWS's own blueprints give it.
		if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), "def lambda_handler") {
			handler = module + ".lambda_handler"
		}
	} else {
		runtime = p.o.Runtimes.Preferred()
	}
	name := module
	if module == "index" || module == "handler" || module == "lambda_function" {
		name = FunctionName(filepath.Base(filepath.Dir(file)))
	}
	timeout := sluice.DefaultTimeout
	if p.o.Timeout > 0 {
		timeout = min(p.o.Timeout, sluice.MaxTimeout)
	}
	fn := &template.Function{
		LogicalID: name,
		Function: sluice.Function{
			Name: FunctionName(name), Version: sluice.LatestVersion, Runtime: runtime, Handler: handler,
			CodeDir: filepath.Dir(file), Timeout: timeout, MemoryMB: sluice.DefaultMemoryMB,
			EphemeralStorageMB: sluice.DefaultEphemeralStorageMB, Architecture: "x86_64",
		},
		URLs: []sluice.FunctionURL{{AuthType: sluice.AuthNone, Mode: sluice.ResponseStream, Public: true}},
	}
	fn.URLs[0].Function = fn.Name
	return &plan{functions: []*template.Function{fn}}, nil
}

// FunctionName makes a valid function name of any text.
func FunctionName(s string) string {
	name := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, s)
	if name = strings.Trim(name, "-"); name == "" {
		return "function"
	}
	return name[:min(len(name), 64)]
}

// assignURLs gives every Function URL of the plan its id. Two functions whose
// names make the same DNS label are a mistake that only the names can mend.
func (pl *plan) assignURLs() ([]sluice.FunctionURL, error) {
	var all []sluice.FunctionURL
	owner := map[string]string{}
	for _, fn := range pl.functions {
		for i := range fn.URLs {
			u := &fn.URLs[i]
			u.ID = urlID(fn.Name, u.Qualifier, len(fn.URLs) > 1 && u.Qualifier != "")
			if other, taken := owner[u.ID]; taken {
				return nil, fmt.Errorf("the Function URLs of %s and %s would both be http://%s.lambda-url.…; rename one of them", other, fn.Name, u.ID)
			}
			owner[u.ID] = fn.Name
			all = append(all, *u)
		}
	}
	return all, nil
}
