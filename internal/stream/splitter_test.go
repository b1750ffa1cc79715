package stream

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// split pushes the pieces and returns what came out while they came, and all of it.
func split(pieces ...string) (s *Splitter, early, all string) {
	s = &Splitter{}
	for _, piece := range pieces {
		early += string(s.Push([]byte(piece)))
	}
	return s, early, early + string(s.Rest())
}

func TestAPreludeIsFoundByItsLooksAtAnySplit(t *testing.T) {
	want := &Prelude{StatusCode: 201, Headers: []Header{{"a", []string{`}"{`}}}, Cookies: []string{"c=1"}}
	const body = "\x00{payload}" + nul8
	for _, text := range []string{
		`{"statusCode":201,"headers":{"a":"}\"{"},"cookies":["c=1"]}` + nul8 + body,
		" {\n" + `"headers":{"a":"}\u0022{"}, "cookies" : ["c=1"], "statusCode":201 }` + "\n" + nul8 + body,
	} {
		for i := range len(text) + 1 {
			for j := i; j <= len(text); j++ {
				s, _, all := split(text[:i], text[i:j], text[j:])
				if !reflect.DeepEqual(s.Prelude, want) || s.Invalid != nil || all != body {
					t.Fatalf("%q %q %q: %+v %q %v", text[:i], text[i:j], text[j:], s.Prelude, all, s.Invalid)
				}
			}
		}
	}
}

func TestWhatHasNoPreludeIsNotHeldBack(t *testing.T) {
	for _, pieces := range [][]string{
		{"hello"}, {"<!doctype html>"}, {" ", "x"}, {"[{"}, {`"statusCode"`}, {"\x1f\x8b"}, {nul8}, {"}"},
		{`{"token"`, `:"a"}` + "\n"}, {`{"statusCodes"`}, {`{"statusCode":1}` + "\n{"}, {`{"statusCode":1} ` + "\x00x"}, {"{\x00"},
		{`{"token":"a"}` + "\n", `{"token":"b"}`}, {`{}` + "\n" + `{"statusCode":1}`}, {`{"headers":`, "1}", strings.Repeat(" ", MaxPrelude+1)}, {`{"headers":"` + strings.Repeat("x", MaxPrelude)},
	} {
		s, early, all := split(pieces...)
		if s.Prelude != nil || early != strings.Join(pieces, "") || all != early {
			t.Errorf("%.40q: %.40q while it came, %+v", pieces, early, s.Prelude)
		}
	}
}

func TestWhatMayBecomeAPreludeComesAtTheEndAtTheLatest(t *testing.T) {
	for _, text := range []string{`{"statusCode":200}`, `{"statusCode":200,"body":"x`, `{"statusCode":200}` + nul8[1:], "{", `{"head`} {
		if s, early, all := split(text); s.Prelude != nil || early != "" || all != text {
			t.Errorf("%q: %q, then %q", text, early, all)
		}
	}
}

func TestOddPreludesAreSome(t *testing.T) {
	// An unknown name is none to wait for, but this one is here.
	for _, text := range []string{`{}`, `{"status":500}`} {
		if s, _, all := split(text + nul8 + "x"); s.Prelude == nil || s.Prelude.StatusCode != 200 || all != "x" {
			t.Errorf("%s: %+v %q", text, s.Prelude, all)
		}
	}
	for _, text := range []string{`{"statusCode":"x"}`, `{statusCode:1}`} {
		if s, _, all := split(text + nul8 + "x"); s.Prelude != nil || s.Invalid == nil || all != "x" {
			t.Errorf("%s: %+v %v %q", text, s.Prelude, s.Invalid, all)
		}
	}
}

// What has a prelude for one reader has the same for the other.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte(`{"statusCode":201,"headers":{"a":"b"}}`+nul8+"x"), 3)
	f.Add([]byte(`{"status":201}`+nul8), 0)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		at = max(0, min(at, len(data)))
		s, _, all := split(string(data[:at]), string(data[at:]))
		if s.Prelude == nil {
			if s.Invalid == nil && all != string(data) {
				t.Fatalf("%q became %q", data, all)
			}
			return
		}
		p, rest, err := ReadPrelude(newScript(string(data)))
		if err != nil || fmt.Sprint(p) != fmt.Sprint(s.Prelude) {
			t.Fatalf("%q: %+v, and to ReadPrelude %+v %v", data, s.Prelude, p, err)
		}
		text := ""
		for b := make([]byte, 64); ; {
			n, err := rest.Read(b)
			text += string(b[:n])
			if err != nil {
				break
			}
		}
		if text != all {
			t.Fatalf("%q: %q, and to ReadPrelude %q", data, all, text)
		}
	})
}
