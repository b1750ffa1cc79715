package bundle

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/evanw/esbuild/pkg/api"
)

// manifest is what Sluice reads of a package.json.
type manifest struct {
	Type                                                string
	Dependencies, DevDependencies, OptionalDependencies map[string]string
}

// nearest returns the first package.json from a folder upwards and its folder, "" if
// there is none. A broken one is empty.
func nearest(dir string) (m manifest, folder string) {
	for ; ; dir = filepath.Dir(dir) {
		if data, err := os.ReadFile(filepath.Join(dir, "package.json")); err == nil {
			json.Unmarshal(data, &m)
			return m, dir
		}
		if dir == filepath.Dir(dir) {
			return m, ""
		}
	}
}

func (m manifest) dependsOn(name string) bool {
	for _, list := range []map[string]string{m.Dependencies, m.DevDependencies, m.OptionalDependencies} {
		if list[name] != "" {
			return true
		}
	}
	return false
}

// unresolved is esbuild's complaint about an import of a package, with its name.
var unresolved = regexp.MustCompile(`^Could not resolve "((?:@[^/"]+/)?[^./"@][^/"]*)`)

// uninstalled says how to install the packages that the errors miss, "" if they are
// about something else: packages that package.json names and that are not there.
func (s *Spec) uninstalled(errors []api.Message) string {
	m, folder := nearest(s.Dir)
	var names []string
	for _, e := range errors {
		if found := unresolved.FindStringSubmatch(e.Text); found != nil && m.dependsOn(found[1]) && !slices.Contains(names, found[1]) {
			names = append(names, found[1])
		}
	}
	if len(names) == 0 {
		return ""
	}
	command := "npm install"
	if exists(filepath.Join(folder, "package-lock.json")) {
		command = "npm ci"
	}
	others := ""
	if n := len(names) - 1; n > 0 {
		others = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("%s%s: named in package.json, not installed; run %s in %s", names[0], others, command, folder)
}
