package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

const (
	// maxText bounds what is shown of one event, in bytes. CloudWatch splits log
	// events at the same size.
	maxText = 256 << 10
	// maxLines bounds the lines that are shown of one event.
	maxLines = 1000
	// maxSGR bounds, in bytes, a colour sequence and the sequences that are carried
	// from one line to the next.
	maxSGR = 64
	// maxSentence bounds a reason or a warning, in columns.
	maxSentence = 1024
)

const reset = "\x1b[0m"

// cut shortens text to maxText without splitting a character and returns the
// number of bytes that are missing.
func cut(text string) (string, int) {
	if len(text) <= maxText {
		return text, 0
	}
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n], len(text) - n
}

// cleaner turns text from outside into lines that can't harm a terminal.
type cleaner struct {
	// colour keeps SGR sequences.
	colour bool
	lines  []string
	line   strings.Builder
	// active are the SGR sequences in force: a line is closed with a reset and the
	// next one opens with them, because a prefix comes in between.
	active string
}

// cleanLines splits text into at least one line. What is too long or has too many
// lines is cut, and the last line tells how much is missing.
func cleanLines(text string, colour bool) []string {
	text, missing := cut(strings.TrimRight(text, "\r\n"))
	c := cleaner{colour: colour}
	for i := 0; i < len(text); {
		if len(c.lines) == maxLines {
			missing += len(text) - i
			break
		}
		i += c.step(text[i:])
	}
	if len(c.lines) < maxLines {
		c.endLine()
	}
	if missing > 0 {
		c.lines = append(c.lines, fmt.Sprintf("… %s more not shown", size(int64(missing))))
	}
	return c.lines
}

// step consumes the beginning of s, which is not empty, and returns its length.
func (c *cleaner) step(s string) int {
	switch b := s[0]; {
	case b == '\n':
		c.endLine()
	case b == '\r':
		c.endLine()
		if len(s) > 1 && s[1] == '\n' {
			return 2
		}
	case b == '\t':
		c.line.WriteByte(b)
	case b == 0x1b:
		n, sgr := sequence(s)
		if n == 0 {
			c.line.WriteString(`\x1b`)
			return 1
		}
		if sgr && c.colour && n <= maxSGR {
			c.sgr(s[:n])
		}
		return n
	case b < utf8.RuneSelf:
		c.line.WriteString(visible(rune(b)))
	default:
		r, n := utf8.DecodeRuneInString(s)
		if unicode.IsControl(r) {
			c.line.WriteString(visible(r))
		} else {
			c.line.WriteRune(r)
		}
		return n
	}
	return 1
}

func (c *cleaner) sgr(seq string) {
	c.line.WriteString(seq)
	switch {
	case strings.Trim(seq[2:len(seq)-1], "0;") == "":
		c.active = ""
	case len(c.active)+len(seq) <= maxSGR:
		c.active += seq
	default:
		c.active = seq
	}
}

func (c *cleaner) endLine() {
	if c.active != "" {
		c.line.WriteString(reset)
	}
	c.lines = append(c.lines, c.line.String())
	c.line.Reset()
	c.line.WriteString(c.active)
}

// sequence returns the length of the control sequence at the start of s, which
// begins with ESC, and whether it only selects colours (SGR). Zero means that no
// complete sequence starts here: showing the ESC is better than hiding what may
// be the rest of a log.
func sequence(s string) (n int, sgr bool) {
	if len(s) < 2 {
		return 0, false
	}
	switch b := s[1]; {
	case b == '[':
		i := 2
		for i < len(s) && s[i] >= 0x30 && s[i] <= 0x3f {
			i++
		}
		params := s[2:i]
		for i < len(s) && s[i] >= 0x20 && s[i] <= 0x2f {
			i++
		}
		if i == len(s) || s[i] < 0x40 || s[i] > 0x7e {
			return 0, false
		}
		plain := i == 2+len(params) && strings.Trim(params, "0123456789;:") == ""
		return i + 1, plain && s[i] == 'm'
	case strings.IndexByte("]PX^_", b) >= 0:
		for i := 2; i < len(s); i++ {
			switch {
			case s[i] == 0x07:
				return i + 1, false
			case s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\':
				return i + 2, false
			case s[i] < 0x20:
				return 0, false
			}
		}
		return 0, false
	case b >= 0x20 && b <= 0x2f:
		i := 2
		for i < len(s) && s[i] >= 0x20 && s[i] <= 0x2f {
			i++
		}
		if i == len(s) || s[i] < 0x30 || s[i] > 0x7e {
			return 0, false
		}
		return i + 1, false
	case b >= 0x30 && b <= 0x7e:
		return 2, false
	}
	return 0, false
}

// visible writes a control character as \x07 or \u009b, anything else as it is.
func visible(r rune) string {
	switch {
	case !unicode.IsControl(r):
		return string(r)
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// inline makes one line of s, a path or a name: whatever does not print, including
// the marks that turn the direction of writing, is escaped.
func inline(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] >= 0x20 && s[i] < 0x7f
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return b.String()
}

// sentence makes one line of prose: line breaks and tabs become spaces, and what
// goes beyond maxSentence columns is cut.
func sentence(s string) string {
	s, _ = cut(s)
	return ansi.Truncate(inline(strings.Join(strings.Fields(s), " ")), maxSentence, "…")
}
