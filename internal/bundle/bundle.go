package bundle

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// Spec says what to build. Everything but Dir, Handler and Out may be left out.
type Spec struct {
	// Dir is the code's folder, absolute; EntryPoints are relative to it.
	Dir string
	// Handler is the function's, such as "src/app.handler".
	Handler string
	// Out is the folder to write to, absolute. It is created.
	Out string
	// Alone tells that the result has to run without what lies around the source,
	// on another machine: nothing is linked.
	Alone bool
	// Major is that of the Node.js that will run it, the default for Target.
	Major int

	// EntryPoints are source files; without them the handler's file is one, and
	// files beside it stay in reach of the result.
	EntryPoints []string
	// Format is "cjs", "esm" or "". Without it ECMAScript modules are made for a
	// package of type "module" and for .mts, CommonJS for everything else.
	Format            string
	Target            string
	Minify, KeepNames bool
	External          []string
	MainFields        []string
	Conditions        []string
	Loader            map[string]string
	OutExtension      map[string]string
	Banner, Footer    map[string]string
	Define, Alias     map[string]string
	Inject            []string
}

// Result is a finished build.
type Result struct {
	// OutDir is the function's new code folder, Handler its handler there.
	OutDir, Handler string
	// Inputs are the source files that went in, absolute, dependencies left out.
	Inputs []string
	// Warnings are esbuild's, one readable text each.
	Warnings []string
}

// Failure is code that can't be built.
type Failure struct {
	// Diagnostics name file, line and column, and show the line.
	Diagnostics []string
	// Uninstalled: packages are missing that package.json names, so that the failure may
	// pass without a change of the code.
	Uninstalled bool
}

func (e *Failure) Error() string { return strings.Join(e.Diagnostics, "\n") }

// sources are extensions that Node.js on Lambda does not load by itself.
var sources = []string{".ts", ".mts", ".cts", ".tsx", ".jsx"}

// modules are those that it does.
var modules = []string{".js", ".mjs", ".cjs"}

// NeedsBundle reports whether the handler's file can only run once it was built.
func NeedsBundle(dir, handler string) bool {
	return find(dir, handler, modules) == "" && find(dir, handler, sources) != ""
}

// find returns the handler's file relative to dir, with slashes, or "".
func find(dir, handler string, extensions []string) string {
	module := moduleOf(handler)
	for _, ext := range extensions {
		if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(module+ext))); err == nil && info.Mode().IsRegular() {
			return module + ext
		}
	}
	return ""
}

// moduleOf is the path part of a handler: "src/app" of "src/app.inner.handler".
func moduleOf(handler string) string {
	slash := strings.LastIndexByte(handler, '/') + 1
	name, _, _ := strings.Cut(handler[slash:], ".")
	return handler[:slash] + name
}

// Build bundles. An error is a *Failure if the code is to blame.
func Build(ctx context.Context, s Spec) (*Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	options, failure := s.options()
	if failure != nil {
		return nil, failure
	}
	if err := os.MkdirAll(s.Out, 0o755); err != nil {
		return nil, err
	}
	built := api.Build(options)
	if len(built.Errors) > 0 {
		failure := &Failure{Diagnostics: format(built.Errors, api.ErrorMessage)}
		if hint := s.uninstalled(built.Errors); hint != "" {
			failure.Diagnostics, failure.Uninstalled = append(failure.Diagnostics, hint), true
		}
		return nil, failure
	}
	if !s.Alone {
		s.linkSurroundings()
	}
	if find(s.Out, s.Handler, modules) == "" {
		return nil, s.misplaced(built.OutputFiles)
	}
	return &Result{OutDir: s.Out, Handler: s.Handler, Inputs: s.inputs(built.Metafile), Warnings: format(built.Warnings, api.WarningMessage)}, nil
}

func format(messages []api.Message, kind api.MessageKind) []string {
	texts := api.FormatMessages(messages, api.FormatMessagesOptions{Kind: kind})
	for i, text := range texts {
		texts[i] = strings.TrimSpace(text)
	}
	return texts
}

// options translates the spec for esbuild.
func (s *Spec) options() (api.BuildOptions, *Failure) {
	own := len(s.EntryPoints) > 0
	o := api.BuildOptions{
		AbsWorkingDir: s.Dir, Outdir: s.Out, Bundle: true, Write: true, Metafile: true, Platform: api.PlatformNode,
		// Stack traces lead to the source in any case.
		Sourcemap:        api.SourceMapLinked,
		MinifyWhitespace: s.Minify, MinifyIdentifiers: s.Minify, MinifySyntax: s.Minify, KeepNames: s.KeepNames,
		External: s.External, MainFields: s.MainFields, Conditions: s.Conditions, OutExtension: s.OutExtension,
		Banner: s.Banner, Footer: s.Footer, Define: s.Define, Alias: s.Alias, Inject: s.Inject, LogLevel: api.LogLevelSilent,
	}
	entries := s.EntryPoints
	if !own {
		entry := find(s.Dir, s.Handler, append(slices.Clone(sources), modules...))
		if entry == "" {
			return o, fail("the handler is %s, but there is no %s with one of %s in %s", s.Handler, moduleOf(s.Handler), strings.Join(append(slices.Clone(sources), modules...), " "), s.Dir)
		}
		entries = []string{entry}
		// The result keeps its place below the code folder, as the handler says.
		o.Outbase = s.Dir
	}
	for _, entry := range entries {
		path := filepath.Join(s.Dir, filepath.FromSlash(entry))
		if _, err := os.Stat(path); err != nil {
			return o, fail("the entry point %s does not exist in %s", entry, s.Dir)
		}
		o.EntryPoints = append(o.EntryPoints, path)
	}
	if failure := s.setTarget(&o); failure != nil {
		return o, failure
	}
	for ext, name := range s.Loader {
		loader, ok := loaders[name]
		if !ok {
			return o, fail("Loader: %s=%s: esbuild has no loader %s", ext, name, name)
		}
		if o.Loader == nil {
			o.Loader = map[string]api.Loader{}
		}
		o.Loader[ext] = loader
	}
	s.setFormat(&o, entries[0], own)
	return o, nil
}

func fail(format string, args ...any) *Failure {
	return &Failure{Diagnostics: []string{fmt.Sprintf(format, args...)}}
}

// setTarget takes targets such as "node20" and "es2020,node18".
func (s *Spec) setTarget(o *api.BuildOptions) *Failure {
	if s.Target == "" {
		if s.Major > 0 {
			o.Engines = []api.Engine{{Name: api.EngineNode, Version: fmt.Sprint(s.Major)}}
		}
		return nil
	}
	for name := range strings.SplitSeq(strings.ToLower(s.Target), ",") {
		name = strings.TrimSpace(name)
		if target, ok := targets[name]; ok {
			o.Target = target
			continue
		}
		version, node := strings.CutPrefix(name, "node")
		if !node || version == "" {
			return fail("Target is %s; expected esnext, es2015 to es2024, or node with a version such as node20", s.Target)
		}
		o.Engines = append(o.Engines, api.Engine{Name: api.EngineNode, Version: version})
	}
	return nil
}

var targets = map[string]api.Target{
	"esnext": api.ESNext, "es5": api.ES5, "es6": api.ES2015, "es2015": api.ES2015, "es2016": api.ES2016, "es2017": api.ES2017, "es2018": api.ES2018,
	"es2019": api.ES2019, "es2020": api.ES2020, "es2021": api.ES2021, "es2022": api.ES2022, "es2023": api.ES2023, "es2024": api.ES2024,
}

var loaders = map[string]api.Loader{
	"base64": api.LoaderBase64, "binary": api.LoaderBinary, "copy": api.LoaderCopy, "css": api.LoaderCSS, "dataurl": api.LoaderDataURL,
	"default": api.LoaderDefault, "empty": api.LoaderEmpty, "file": api.LoaderFile, "js": api.LoaderJS, "json": api.LoaderJSON,
	"jsx": api.LoaderJSX, "text": api.LoaderText, "ts": api.LoaderTS, "tsx": api.LoaderTSX,
}

// require gives bundled CommonJS packages in an ECMAScript module what they call.
const require = "import { createRequire as sluiceCreateRequire } from 'node:module'; const require = sluiceCreateRequire(import.meta.url);"

// setFormat chooses the module format. What the template says is taken as it is,
// mistakes included: sam build would make the same.
func (s *Spec) setFormat(o *api.BuildOptions, entry string, own bool) {
	switch {
	case s.Format == "esm":
		o.Format = api.FormatESModule
	case s.Format == "cjs" || own:
		o.Format = api.FormatCommonJS
	case strings.HasSuffix(entry, ".mts") || !strings.HasSuffix(entry, ".cts") && packageType(filepath.Join(s.Dir, entry)) == "module":
		o.Format = api.FormatESModule
		o.OutExtension = map[string]string{".js": ".mjs"}
		o.Banner = map[string]string{"js": require}
	default:
		o.Format = api.FormatCommonJS
		o.OutExtension = map[string]string{".js": ".cjs"}
	}
}

// packageType is the "type" of the nearest package.json above file.
func packageType(file string) string {
	m, _ := nearest(filepath.Dir(file))
	return m.Type
}

// linkSurroundings puts what the code may look for at run time within reach:
// packages that stay external and, where no template says what belongs to the
// function, the files beside the source. A system without links has to do
// without.
func (s *Spec) linkSurroundings() {
	if len(s.EntryPoints) > 0 {
		for dir := s.Dir; ; dir = filepath.Dir(dir) {
			packages := filepath.Join(dir, "node_modules")
			if info, err := os.Stat(packages); err == nil && info.IsDir() {
				os.Symlink(packages, filepath.Join(s.Out, "node_modules"))
				return
			}
			if dir == filepath.Dir(dir) {
				return
			}
		}
	}
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		// One that the build has written already stays.
		os.Symlink(filepath.Join(s.Dir, entry.Name()), filepath.Join(s.Out, entry.Name()))
	}
}

// misplaced explains that the bundle is not where the handler says.
func (s *Spec) misplaced(files []api.OutputFile) *Failure {
	for _, file := range files {
		rel, err := filepath.Rel(s.Out, file.Path)
		ext := filepath.Ext(rel)
		if err != nil || !slices.Contains(modules, ext) {
			continue
		}
		export := s.Handler[strings.LastIndexByte(s.Handler, '.')+1:]
		written := filepath.ToSlash(rel)
		return fail("the handler is %s, but esbuild wrote %s: it leaves out the folders that all entry points have in common; write Handler: %s.%s",
			s.Handler, written, strings.TrimSuffix(written, ext), export)
	}
	return fail("esbuild wrote no JavaScript for the handler %s", s.Handler)
}

// inputs reads the source files out of esbuild's metafile.
func (s *Spec) inputs(metafile string) []string {
	var meta struct{ Inputs map[string]struct{} }
	if json.Unmarshal([]byte(metafile), &meta) != nil {
		return nil
	}
	var files []string
	for name := range meta.Inputs {
		// Others are modules that plugins or esbuild itself made up.
		if path := filepath.Join(s.Dir, filepath.FromSlash(name)); !strings.Contains(filepath.ToSlash(path), "/node_modules/") && exists(path) {
			files = append(files, path)
		}
	}
	slices.Sort(files)
	return files
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
