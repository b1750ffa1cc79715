package template

import (
	"strings"

	"github.com/sluice-run/sluice/internal/bundle"
)

var buildProperties = []string{
	"EntryPoints", "Format", "Target", "Minify", "KeepNames", "Sourcemap", "SourceMap", "External", "MainFields", "Conditions", "Loader",
	"OutExtension", "Banner", "Footer", "Define", "Alias", "Inject", "Platform", "UseNpmCi", "SourcesContent", "TreeShaking",
}

// build reads the build method of Metadata, nil if the code runs as it lies there.
// Source maps are made whether the template asks for them or not.
func (p properties) build(r *resource, fn *Function) *bundle.Spec {
	metadata := r.node.get("Metadata")
	method := metadata.get("BuildMethod")
	if method == nil || method.kind != scalar {
		return nil
	}
	switch {
	case method.text == "esbuild":
	case strings.HasPrefix(method.text, "nodejs"), strings.HasPrefix(method.text, "python"):
		return nil // npm install and pip install, which are the developer's
	case method.text == "go1.x":
		return nil // a folder of Go is built whether it says so or not
	default:
		p.warning(method, method.path, "BuildMethod %s is not run here; the code is used as it lies", excerpt(method.text))
		return nil
	}
	if fn.CodeDir == "" {
		p.warning(method, method.path, "BuildMethod esbuild needs code in a folder; the code is used as it is")
		return nil
	}
	b := properties{p.loader, metadata.get("BuildProperties"), method, method.path}
	if b.node != nil && b.node.kind != object {
		if b.node.kind != null {
			p.wrong(b.node, "BuildProperties", "a map")
		}
		b.node = nil
	}
	b.known("BuildProperties", buildProperties)
	build := &bundle.Spec{
		EntryPoints: b.strings("EntryPoints"), Target: b.string("Target"), Minify: b.bool("Minify"), KeepNames: b.bool("KeepNames"),
		External: b.strings("External"), MainFields: b.list("MainFields"),
		Conditions: b.list("Conditions"), Loader: b.pairs("Loader"), OutExtension: b.pairs("OutExtension"),
		Banner: b.pairs("Banner"), Footer: b.pairs("Footer"), Define: b.pairs("Define"), Alias: b.pairs("Alias"), Inject: b.strings("Inject"),
	}
	if b.has("Format") {
		build.Format = b.oneOf("Format", "cjs", "esm")
	}
	return build
}

// list reads a list, also in the form "a,b".
func (p properties) list(key string) []string {
	v := p.value(key)
	if v != nil && v.kind == scalar {
		return strings.Split(v.text, ",")
	}
	return p.strings(key)
}

// pairs reads a list of name=value, also in the form of a map or of one text.
func (p properties) pairs(key string) map[string]string {
	v := p.value(key)
	if v == nil {
		return nil
	}
	pairs := map[string]string{}
	switch v.kind {
	case object:
		for _, m := range v.members {
			if m.value.kind == scalar {
				pairs[m.key] = m.value.text
			}
		}
	default:
		items := []*node{v}
		if v.kind == list {
			items = v.items
		}
		for _, item := range items {
			name, value, ok := strings.Cut(item.text, "=")
			if item.kind != scalar || !ok {
				p.wrong(item, key, "name=value")
				continue
			}
			pairs[name] = value
		}
	}
	return pairs
}
