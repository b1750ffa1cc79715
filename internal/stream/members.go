package stream

import (
	"bytes"
	"encoding/json"
	"iter"
	"unicode/utf8"
)

// Members yields the members of a JSON object in their order, and the values as
// they are written, without the white space around them. It copies nothing but
// names. object must be valid JSON (json.Valid) and begin with its brace; of a
// name that is repeated every value is yielded.
func Members(object []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		for rest := trim(object[1:]); rest[0] != '}'; {
			end := valueEnd(rest)
			name := Unquote(rest[:end])
			rest = trim(trim(rest[end:])[1:]) // the colon
			end = valueEnd(rest)
			if !yield(name, json.RawMessage(rest[:end:end])) {
				return
			}
			if rest = trim(rest[end:]); rest[0] == ',' {
				rest = trim(rest[1:])
			}
		}
	}
}

// elements yields the elements of a JSON array; see Members.
func elements(array []byte) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		for rest := trim(array[1:]); rest[0] != ']'; {
			end := valueEnd(rest)
			if !yield(json.RawMessage(rest[:end:end])) {
				return
			}
			if rest = trim(rest[end:]); rest[0] == ',' {
				rest = trim(rest[1:])
			}
		}
	}
}

// valueEnd returns the length of the valid JSON value that text begins with.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringEnd(text[i:]) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth > 0 {
				continue
			}
			for i < len(text) && !bytes.ContainsRune([]byte(",:]} \t\r\n"), rune(text[i])) {
				i++
			}
			return i
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

// stringEnd returns the length of the valid JSON string that text begins with.
func stringEnd(text []byte) int {
	for i := 1; ; {
		i += bytes.IndexByte(text[i:], '"')
		slashes := 0
		for text[i-1-slashes] == '\\' {
			slashes++
		}
		i++
		if slashes%2 == 0 {
			return i
		}
	}
}

// Unquote returns the text of a valid JSON string.
func Unquote(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var text string
	json.Unmarshal(quoted, &text) // escapes and bad UTF-8 are its business
	return text
}

func trim(text []byte) []byte { return bytes.TrimLeft(text, " \t\r\n") }
