package template

import "strings"

// Build is how a function's code is bundled: SAM's esbuild method and its
// BuildProperties.
type Build struct {
	// EntryPoints are source files relative to the code's folder.
	EntryPoints []string
	// Format is "", "cjs" or "esm".
	Format string
	// Target is esbuild's, such as "es2020" or "node20"; "" for the runtime's.
	Target            string
	Minify, KeepNames bool
	// Sourcemap tells that the template asks for source maps. They are made in
	// any case.
	Sourcemap bool
	// External are packages and globs that stay imports.
	External   []string
	MainFields []string
	Conditions []string
	// Loader maps extensions to esbuild's loaders: ".html" to "text".
	Loader map[string]string
	// OutExtension maps ".js" to what output files get: ".mjs".
	OutExtension   map[string]string
	Banner, Footer map[string]string
	Define, Alias  map[string]string
	Inject         []string
}

var buildProperties = []string{
	"EntryPoints", "Format", "Target", "Minify", "KeepNames", "Sourcemap", "SourceMap", "External", "MainFields", "Conditions", "Loader",
	"OutExtension", "Banner", "Footer", "Define", "Alias", "Inject", "Platform", "UseNpmCi", "SourcesContent", "TreeShaking",
}

// build reads the build method of Metadata, nil if the code runs as it lies there.
func (p properties) build(r *resource, fn *Function) *Build {
	metadata := r.node.get("Metadata")
	method := metadata.get("BuildMethod")
	if method == nil || method.kind != scalar {
		return nil
	}
	switch {
	case method.text == "esbuild":
	case strings.HasPrefix(method.text, "nodejs"):
		return nil // npm install, which is the developer's
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
	build := &Build{
		EntryPoints: b.strings("EntryPoints"), Target: b.string("Target"), Minify: b.bool("Minify"), KeepNames: b.bool("KeepNames"),
		Sourcemap: b.truthy("Sourcemap") || b.truthy("SourceMap"), External: b.strings("External"), MainFields: b.list("MainFields"),
		Conditions: b.list("Conditions"), Loader: b.pairs("Loader"), OutExtension: b.pairs("OutExtension"),
		Banner: b.pairs("Banner"), Footer: b.pairs("Footer"), Define: b.pairs("Define"), Alias: b.pairs("Alias"), Inject: b.strings("Inject"),
	}
	if b.has("Format") {
		build.Format = b.oneOf("Format", "cjs", "esm")
	}
	return build
}

// truthy is bool for properties that take other values too, such as "inline".
func (p properties) truthy(key string) bool {
	v := p.value(key)
	if v == nil {
		return false
	}
	value, ok := truth(v.text)
	return value || !ok
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
