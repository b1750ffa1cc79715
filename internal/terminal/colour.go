package terminal

import (
	"hash/fnv"
	"io"
	"strings"

	"github.com/charmbracelet/x/term"
)

// style is an SGR parameter list. We use the sixteen colours only: the user has
// chosen them to be legible.
type style string

const (
	plain   style = ""
	bold    style = "1"
	dim     style = "2"
	red     style = "31"
	boldRed style = "1;31"
	green   style = "32"
	yellow  style = "33"
	cyan    style = "36"
	hinted  style = "1;36"
)

// nameStyles are the colours of function names; red is left to failures.
var nameStyles = [...]style{"36", "35", "34", "32", "33", "96", "95", "94", "92"}

// nameStyle gives a function the same colour in every run.
func nameStyle(name string) style {
	h := fnv.New32a()
	io.WriteString(h, name)
	return nameStyles[h.Sum32()%uint32(len(nameStyles))]
}

// IsTerminal tells whether somebody looks at w.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(term.File)
	return ok && term.IsTerminal(f.Fd())
}

// Detect returns the options for printing text to w: colours and line width if w
// is a terminal that has them. NO_COLOR, if not empty, forbids colours; otherwise
// CLICOLOR_FORCE or FORCE_COLOR, if neither empty nor "0" nor "false", demands
// them. Environ is what os.Environ returns.
func Detect(w io.Writer, environ []string) Options {
	env := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	var o Options
	tty := IsTerminal(w)
	if tty {
		o.Width = func() int {
			width, _, err := term.GetSize(w.(term.File).Fd())
			if err != nil {
				return 0
			}
			return width
		}
	}
	force := func(name string) bool {
		v := strings.ToLower(env[name])
		return v != "" && v != "0" && v != "false"
	}
	switch {
	case env["NO_COLOR"] != "":
	case force("CLICOLOR_FORCE") || force("FORCE_COLOR"):
		o.Colour = true
	case env["FORCE_COLOR"] != "" || env["CLICOLOR"] == "0" || env["TERM"] == "dumb":
	case tty:
		o.Colour = understandsColour(w.(term.File).Fd())
	}
	return o
}
