// Package console serves the web console: pages that list the functions of this
// server, invoke them and draw how a response streams. An asset is one of its
// files. They are static and ask for nothing: what they show comes from the Lambda
// API and from the paths under /_sluice, which want a signature of their own.
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// Path is where Handler belongs.
const Path = "/_sluice/console/"

//go:embed assets
var embedded embed.FS

// types are those of the assets by extension. The system's table is not asked, which
// is wrong about modules on some machines.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".mjs":  "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// pagePolicy lets a page load what is served here and nothing else, and keeps
// text from becoming markup.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-src 'self'; " +
	"form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"

// framePolicy is for the frame that shows HTML of functions. It has no origin,
// loads nothing and runs no script but its own, %s.
const framePolicy = "default-src 'none'; script-src '%s'; style-src 'unsafe-inline'; img-src data:; font-src data:; " +
	"form-action 'none'; frame-ancestors 'self'; base-uri 'none'; sandbox allow-scripts"

// frame is the name of that asset.
const frame = "frame.html"

// Match reports whether a request is for the console.
func Match(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, Path) || r.URL.Path == strings.TrimSuffix(Path, "/")
}

// asset is a file and its headers.
type asset struct {
	body           []byte
	kind, tag, csp string
}

// Handler serves the console at Path. It is safe for concurrent use.
func Handler() http.Handler {
	return handler(load())
}

func handler(assets map[string]asset) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Content-Security-Policy", pagePolicy)
		header.Set("Cache-Control", "no-cache")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "The console is read with GET and HEAD.", http.StatusMethodNotAllowed)
			return
		}
		if r.URL.Path == strings.TrimSuffix(Path, "/") {
			http.Redirect(w, r, Path, http.StatusFound)
			return
		}
		name, ours := strings.CutPrefix(r.URL.Path, Path)
		if name == "" {
			name = "index.html"
		}
		file, found := assets[name]
		if !ours || !found {
			http.Error(w, "The console has no such file.", http.StatusNotFound)
			return
		}
		header.Set("Content-Type", file.kind)
		header.Set("ETag", file.tag)
		header.Set("Content-Security-Policy", file.csp)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(file.body))
	})
}

// load reads the assets by name. What fails here was built wrong.
func load() map[string]asset {
	assets := map[string]asset{}
	entries, err := fs.ReadDir(embedded, "assets")
	if err != nil {
		panic(err)
	}
	for _, entry := range entries {
		body, err := embedded.ReadFile("assets/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		file := asset{body: body, kind: types[path.Ext(entry.Name())], tag: `"` + hex.EncodeToString(sum[:16]) + `"`, csp: pagePolicy}
		if entry.Name() == frame {
			file.csp = strings.Replace(framePolicy, "%s", hashOfScript(body), 1)
		}
		assets[entry.Name()] = file
	}
	return assets
}

// hashOfScript returns the source expression of a page's only inline script.
func hashOfScript(page []byte) string {
	_, rest, _ := bytes.Cut(page, []byte("<script>"))
	script, _, _ := bytes.Cut(rest, []byte("</script>"))
	sum := sha256.Sum256(script)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
