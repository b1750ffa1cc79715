package stream

import (
	"bytes"
	"slices"
)

// Splitter takes the prelude off bytes that nobody announced one for: to the callers of
// Invoke it is payload like any other (docs/contract/invoke-api.md §3), and those who
// show a response can tell it by its looks only, a JSON object and the separator.
//
// A response that streams must not wait for a prelude that never comes. What is held
// back is an object whose first name is one of a prelude's, until it is complete.
type Splitter struct {
	// Prelude is nil until there is one.
	Prelude *Prelude
	// Invalid is what is wrong with what stands where a prelude should.
	Invalid error

	held    []byte
	decided bool
	// scanned bytes of held are known, and that they are the beginning of an object.
	scanned int
	depth   int
	// inString, escaped: where in the object scanned is.
	inString, escaped bool
	// name is where the first name begins; named, that it is whole; known, that it is
	// one of a prelude's.
	name         int
	named, known bool
	// end is the length of the object once it is complete.
	end int
}

// preludeNames are those that a prelude begins with.
var preludeNames = []string{`"statusCode"`, `"headers"`, `"multiValueHeaders"`, `"cookies"`}

// Push takes the next bytes and returns those of the payload; they are valid until the
// next call.
func (s *Splitter) Push(p []byte) []byte {
	if s.decided {
		return p
	}
	s.held = append(s.held, p...)
	if s.end == 0 && !s.scan() {
		return s.Rest()
	}
	var after []byte
	if s.end > 0 {
		after = bytes.TrimLeft(s.held[s.end:], " \t\r\n")
	}
	n := min(len(after), len(separator))
	switch {
	case !bytes.Equal(after[:n], separator[:n]):
		return s.Rest()
	case n < len(separator) && (s.named && !s.known || len(s.held) > MaxPrelude+len(separator)):
		return s.Rest()
	case n < len(separator):
		return nil
	}
	s.Prelude, s.Invalid = parsePrelude(s.held[:s.end])
	s.held = after[n:]
	return s.Rest()
}

// Rest returns what was held back: there is no prelude, or no more to come.
func (s *Splitter) Rest() []byte {
	s.decided = true
	rest := s.held
	s.held = nil
	return rest
}

// scan goes on to the end of the object, or of what is there. It reports false for what
// can't be the beginning of an object.
func (s *Splitter) scan() bool {
	for ; s.scanned < len(s.held) && s.end == 0; s.scanned++ {
		b := s.held[s.scanned]
		switch {
		case s.escaped:
			s.escaped = false
		case s.inString && b == '\\':
			s.escaped = true
		case b == '"' && s.depth > 0:
			s.quote()
		case b < ' ' && b != '\t' && b != '\r' && b != '\n':
			return false // not JSON
		case s.inString:
		case b == '{' || b == '[' && s.depth > 0:
			s.depth++
		case s.depth == 0 && !bytes.ContainsRune([]byte(" \t\r\n"), rune(b)):
			return false
		case b == '}' || b == ']':
			if s.depth--; s.depth == 0 {
				s.end = s.scanned + 1
			}
		}
	}
	return true
}

// quote begins or ends a string.
func (s *Splitter) quote() {
	s.inString = !s.inString
	switch {
	case s.named:
	case s.inString:
		s.name = s.scanned
	default:
		s.named, s.known = true, slices.Contains(preludeNames, string(s.held[s.name:s.scanned+1]))
	}
}
