package bundle

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// project writes files and returns their folder.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run calls the handler of a result in a real Node.js and returns what it
// returns.
func run(t *testing.T, r *Result) string {
	t.Helper()
	module := ""
	for _, ext := range modules {
		if file := filepath.Join(r.OutDir, moduleOf(r.Handler)+ext); exists(file) {
			module = file
		}
	}
	quoted, _ := json.Marshal(module)
	out, err := exec.Command("node", "--enable-source-maps", "--input-type=module", "-e",
		"const m = await import("+string(quoted)+"); console.log(await (m.handler ?? m.default.handler)())").CombinedOutput()
	if err != nil {
		return string(out)
	}
	return strings.TrimSpace(string(out))
}

func TestHandlersAreBuiltAndRun(t *testing.T) {
	const handler = "import {text} from './text'\nexport const handler = async (): Promise<string> => text\n"
	const text = "export const text: string = 'works'\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		spec  Spec
		wrote string
	}{
		{"TypeScript", map[string]string{"app.ts": handler, "text.ts": text}, Spec{Handler: "app.handler"}, "app.cjs"},
		{"in a folder", map[string]string{"src/app.ts": handler, "src/text.ts": text}, Spec{Handler: "src/app.handler"}, "src/app.cjs"},
		{"package of modules", map[string]string{"app.ts": handler + "await 0\n", "text.ts": text, "package.json": `{"type":"module"}`}, Spec{Handler: "app.handler"}, "app.mjs"},
		{"CommonJS package in a module", map[string]string{
			"package.json": `{"type":"module"}`, "app.ts": "import os from 'dep'\nexport const handler = () => os ? 'works' : ''\n",
			"node_modules/dep/package.json": `{"main":"i.js"}`, "node_modules/dep/i.js": "module.exports = require('os').EOL",
		}, Spec{Handler: "app.handler"}, "app.mjs"},
		{"entry points", map[string]string{"src/app.ts": handler, "src/text.ts": text}, Spec{
			Handler: "app.handler", EntryPoints: []string{"src/app.ts"}, Format: "esm", OutExtension: map[string]string{".js": ".mjs"}, Target: "es2020", Minify: true,
		}, "app.mjs"},
		{"external", map[string]string{"app.ts": "import v from 'dep'\nexport const handler = () => v\n", "node_modules/dep/package.json": `{"main":"i.js"}`, "node_modules/dep/i.js": "module.exports = 'works'"},
			Spec{Handler: "app.handler", EntryPoints: []string{"app.ts"}, External: []string{"dep"}}, "app.js"},
		{"files beside the source", map[string]string{"app.ts": "import {readFileSync} from 'fs'\nexport const handler = () => readFileSync(__dirname + '/page.html', 'utf8')\n", "page.html": "works"},
			Spec{Handler: "app.handler"}, "app.cjs"},
		{"loader", map[string]string{"app.ts": "import page from './page.html'\nexport const handler = () => page\n", "page.html": "works"},
			Spec{Handler: "app.handler", EntryPoints: []string{"app.ts"}, Loader: map[string]string{".html": "text"}}, "app.js"},
		{"JSX", map[string]string{"app.jsx": "const h = (a) => a\nexport const handler = () => <works />\n", "tsconfig.json": `{"compilerOptions":{"jsxFactory":"h"}}`},
			Spec{Handler: "app.handler"}, "app.cjs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.spec
			s.Dir, s.Out, s.Major = project(t, tt.files), filepath.Join(t.TempDir(), "out"), 20
			r, err := Build(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{tt.wrote, tt.wrote + ".map"} {
				if !exists(filepath.Join(r.OutDir, name)) {
					t.Errorf("no %s", name)
				}
			}
			if got := run(t, r); got != "works" {
				t.Errorf("the handler returns %q", got)
			}
		})
	}
}

func TestStackTracesLeadToTheSource(t *testing.T) {
	dir := project(t, map[string]string{"app.ts": "type A = string\n\nexport const handler = () => {\n  throw new Error('here' as A)\n}\n"})
	r, err := Build(t.Context(), Spec{Dir: dir, Handler: "app.handler", Out: filepath.Join(t.TempDir(), "out")})
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, r); !strings.Contains(got, "app.ts:4:9") {
		t.Errorf("%s", got)
	}
}

func TestInputsAreTheSources(t *testing.T) {
	dir := project(t, map[string]string{
		"app.ts": "import './lib/a'\nimport 'dep'\nexport const handler = 1\n", "lib/a.ts": "export {}", "unused.ts": "",
		"node_modules/dep/index.js": "",
	})
	r, err := Build(t.Context(), Spec{Dir: dir, Handler: "app.handler", Out: filepath.Join(t.TempDir(), "out")})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(dir, "app.ts"), filepath.Join(dir, "lib", "a.ts")}; !slices.Equal(r.Inputs, want) {
		t.Errorf("%q", r.Inputs)
	}
}

func TestMistakesNameTheirPlace(t *testing.T) {
	dir := project(t, map[string]string{"app.ts": "export const handler = (\n", "src/b.ts": "export const handler = 1", "c.ts": "import './nope'\n"})
	for _, tt := range []struct {
		spec Spec
		want []string
	}{
		{Spec{Handler: "app.handler"}, []string{"app.ts:2:0", "Unexpected end of file"}},
		{Spec{Handler: "c.handler"}, []string{"c.ts:1:7", `Could not resolve "./nope"`}},
		{Spec{Handler: "nope.handler"}, []string{"there is no nope with one of .ts"}},
		{Spec{Handler: "app.handler", EntryPoints: []string{"x.ts"}}, []string{"the entry point x.ts does not exist"}},
		{Spec{Handler: "src/b.handler", EntryPoints: []string{"src/b.ts"}}, []string{"esbuild wrote b.js", "write Handler: b.handler"}},
		{Spec{Handler: "b.handler", EntryPoints: []string{"src/b.ts"}, Target: "chrome"}, []string{"Target is chrome; expected esnext"}},
		{Spec{Handler: "b.handler", EntryPoints: []string{"src/b.ts"}, Loader: map[string]string{".x": "y"}}, []string{"no loader y"}},
	} {
		tt.spec.Dir, tt.spec.Out = dir, filepath.Join(t.TempDir(), "out")
		_, err := Build(t.Context(), tt.spec)
		var failure *Failure
		if !errors.As(err, &failure) {
			t.Errorf("%+v: %v", tt.spec, err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q lacks %q", err, want)
			}
		}
	}
}

func TestMissingPackagesAreToBeInstalled(t *testing.T) {
	manifest := `{"dependencies":{"react":"^19","@scope/name":"1"},"devDependencies":{"dev":"1"}}`
	for name, c := range map[string]struct {
		code, lock, hint string
	}{
		"one":            {"import 'react'", "", "react: named in package.json, not installed; run npm install in "},
		"a file of it":   {"import 'react/jsx-runtime'", "", "react: named"},
		"in a scope":     {"import '@scope/name/x'", "{}", "@scope/name: named in package.json, not installed; run npm ci in "},
		"several":        {"import 'react'; import 'react-dom'; import 'dev'; import 'react/x'", "", "react and 1 more: named"},
		"not named":      {"import 'vue'", "", ""},
		"a file of ours": {"import './react'", "", ""},
	} {
		files := map[string]string{"package.json": manifest, "src/app.ts": c.code}
		if c.lock != "" {
			files["package-lock.json"] = c.lock
		}
		dir := project(t, files)
		_, err := Build(t.Context(), Spec{Dir: filepath.Join(dir, "src"), Handler: "app.handler", Out: filepath.Join(t.TempDir(), "out")})
		var failure *Failure
		if !errors.As(err, &failure) {
			t.Fatalf("%s: %v", name, err)
		}
		last := failure.Diagnostics[len(failure.Diagnostics)-1]
		if c.hint != "" && (!failure.Uninstalled || !strings.HasPrefix(last, c.hint) || strings.Contains(c.hint, " in ") && !strings.HasSuffix(last, dir)) || c.hint == "" && (failure.Uninstalled || strings.Contains(last, "npm")) {
			t.Errorf("%s: %q", name, failure.Diagnostics)
		}
	}
}

func TestNeedsBundle(t *testing.T) {
	dir := project(t, map[string]string{"a.ts": "", "b.ts": "", "b.js": "", "c/d.mts": "", "e.mjs": ""})
	for handler, want := range map[string]bool{"a.handler": true, "b.handler": false, "c/d.inner.handler": true, "e.handler": false, "nope.handler": false} {
		if got := NeedsBundle(dir, handler); got != want {
			t.Errorf("%s: %v", handler, got)
		}
	}
}
