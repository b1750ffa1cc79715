package logbook

import (
	"strings"
	"testing"
)

func TestFilterPatterns(t *testing.T) {
	for text, lines := range map[string]map[string]bool{
		"":               {"": true, "anything": true},
		"ERROR":          {"an ERROR here": true, "error": false},
		"one two":        {"two one": true, "one": false},
		`"one two"`:      {"one two": true, "two one": false},
		"?one ?two":      {"one": true, "two": true, "three": false},
		"a -b":           {"a": true, "ab": false, "b": false},
		`-"b c"`:         {"b": true, "a b c": false},
		"  spaced   out": {"out spaced": true, "spaced": false},
		`?"a b" c`:       {"a b c": true, "c": false},
	} {
		matches, err := pattern(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for line, want := range lines {
			if matches(line) != want {
				t.Errorf("%q on %q is %v", text, line, !want)
			}
		}
	}
	for _, text := range []string{`"a`, `{ $.a = 1 }`, `[ip, user]`, `-"x`} {
		if _, err := pattern(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"", "a", `"a b" ?c -d`, `"`, "?", "- ", "? ?"} {
		f.Add(seed, "a b c")
	}
	f.Fuzz(func(t *testing.T, text, line string) {
		matches, err := pattern(text)
		if err != nil {
			return
		}
		// What is left out of a line can't make a pattern without exclusions match it.
		if !strings.Contains(text, "-") && !strings.Contains(text, "?") && matches("") && !matches(line) {
			t.Errorf("%q matches nothing but not %q", text, line)
		}
	})
}
