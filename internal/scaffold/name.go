package scaffold

import (
	"path/filepath"
	"slices"
	"strings"
)

const (
	// longestID leaves room for the name of the stack before it: a function's
	// name has at most 64 characters.
	longestID = 24
	// word begins or ends an id that YAML would read as something else.
	word = "App"
)

// notNames are keys that YAML 1.1 takes for truth values or nothing.
var notNames = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// FunctionID makes a logical id of a folder's name, letters and digits as
// CloudFormation wants them: "my app 1" is MyApp1. It returns otherwise if the name
// has none.
func FunctionID(dir, otherwise string) string {
	var id strings.Builder
	begins := true
	for _, r := range filepath.Base(dir) {
		lower, digit := r >= 'a' && r <= 'z', r >= '0' && r <= '9'
		switch {
		case lower && begins:
			id.WriteRune(r - 'a' + 'A')
		case lower || digit || r >= 'A' && r <= 'Z':
			id.WriteRune(r)
		}
		// Other letters are left out, and don't begin a word.
		if r < 0x80 {
			begins = !lower && !digit && (r < 'A' || r > 'Z')
		}
	}
	name := id.String()
	switch {
	case name == "":
		return otherwise
	case name[0] >= '0' && name[0] <= '9':
		name = word + name
	case slices.Contains(notNames, strings.ToLower(name)):
		name += word
	}
	return name[:min(len(name), longestID)]
}
