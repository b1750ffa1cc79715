package terminal

import (
	"io"
	"strings"
)

// Aside writes lines to w that belong to what a command prints elsewhere: dimmed where w
// shows colours, and harmless to a terminal whatever they hold. Environ is what
// os.Environ returns.
func Aside(w io.Writer, environ []string, lines ...string) {
	colour := Detect(w, environ).Colour
	var b strings.Builder
	for _, line := range lines {
		for _, clean := range cleanLines(line, false) {
			if colour && clean != "" {
				clean = "\x1b[" + string(dim) + "m" + clean + reset
			}
			b.WriteString(clean + "\n")
		}
	}
	io.WriteString(w, b.String())
}

// Harmless is text from outside for w: as it is, unless w is a terminal, where colours
// are all that it may do.
func Harmless(w io.Writer, environ []string, text string) string {
	if !IsTerminal(w) {
		return text
	}
	return strings.Join(cleanLines(text, Detect(w, environ).Colour), "\n")
}
