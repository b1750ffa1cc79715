package terminal

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	sluice "github.com/sluice-run/sluice"
)

func TestFunctionOutputCannotHarmTheTerminal(t *testing.T) {
	for _, tc := range []struct {
		name, text     string
		coloured, bare []string // bare is coloured if nil
	}{
		{name: "colours", text: "\x1b[31mred\x1b[0m", coloured: []string{"\x1b[31mred\x1b[0m"}, bare: []string{"red"}},
		{name: "a colour over lines", text: "\x1b[1;38:2::1:2:3ma\nb\x1b[mc", coloured: []string{"\x1b[1;38:2::1:2:3ma\x1b[0m", "\x1b[1;38:2::1:2:3mb\x1b[mc"}, bare: []string{"a", "bc"}},
		{name: "a colour left on", text: "\x1b[31mred", coloured: []string{"\x1b[31mred\x1b[0m"}, bare: []string{"red"}},
		{name: "cursor and screen", text: "a\x1b[2J\x1b[1;1H\x1b[?25l\x1b[6nb", coloured: []string{"ab"}},
		{name: "private m", text: "a\x1b[>4;2mb\x1b[?4mc", coloured: []string{"abc"}},
		{name: "title", text: "\x1b]0;owned\x07text", coloured: []string{"text"}},
		{name: "link", text: "\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\", coloured: []string{"text"}},
		{name: "clipboard, device control, application", text: "\x1b]52;c;AAAA\x1b\\a\x1bPq#0\x1b\\b\x1b_x\x1b\\c", coloured: []string{"abc"}},
		{name: "unfinished title hides nothing", text: "\x1b]0;title\nnext", coloured: []string{`\x1b]0;title`, "next"}},
		{name: "unfinished sequences", text: "a\x1b[31", coloured: []string{`a\x1b[31`}},
		{name: "lone escape", text: "a\x1b", coloured: []string{`a\x1b`}},
		{name: "character set and reset", text: "a\x1b(0b\x1bcd", coloured: []string{"abd"}},
		{name: "controls", text: "bell\a back\b nul\x00 del\x7f tab\t.", coloured: []string{`bell\x07 back\x08 nul\x00 del\x7f tab` + "\t."}},
		{name: "8-bit controls", text: "\u009b31mx\u0085", coloured: []string{`\u009b31mx\u0085`}},
		{name: "invalid UTF-8", text: "a\xff\x9b31m\xc3", coloured: []string{"a\ufffd\ufffd31m\ufffd"}},
		{name: "line ends", text: "a\r\nb\rc\nd\r\n", coloured: []string{"a", "b", "c", "d"}},
		{name: "empty", text: "", coloured: []string{""}},
		{name: "endless colour", text: "\x1b[" + strings.Repeat("1;", 100) + "mx", coloured: []string{"x"}},
	} {
		if tc.bare == nil {
			tc.bare = tc.coloured
		}
		if got := cleanLines(tc.text, true); !slices.Equal(got, tc.coloured) {
			t.Errorf("%s, with colour: %q, want %q", tc.name, got, tc.coloured)
		}
		if got := cleanLines(tc.text, false); !slices.Equal(got, tc.bare) {
			t.Errorf("%s, without: %q, want %q", tc.name, got, tc.bare)
		}
	}
}

func TestHugeEventsAreCutAndSaySo(t *testing.T) {
	lines := cleanLines(strings.Repeat("é", maxText), true)
	if len(lines) != 2 || len(lines[0]) != maxText || lines[1] != "… 256KB more not shown" {
		t.Errorf("%d lines, the first of %d bytes, the last %q", len(lines), len(lines[0]), lines[len(lines)-1])
	}
	lines = cleanLines("x"+strings.Repeat("é", maxText), true)
	if !utf8.ValidString(lines[0]) || len(lines[0]) != maxText-1 {
		t.Errorf("cut inside a character: %d bytes", len(lines[0]))
	}
	lines = cleanLines(strings.Repeat("x\n", maxLines+5)+"end", true)
	if len(lines) != maxLines+1 || lines[maxLines] != "… 13B more not shown" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	json := printed(t, Options{JSON: true}, func(term *Terminal) {
		term.Log(sluice.LogLine{Time: noon, Text: strings.Repeat("x", maxText+1024)})
	})
	if !strings.Contains(json, "x… 1KB more not shown\"") || len(json) > maxText+1024 {
		t.Errorf("JSON line of %d bytes", len(json))
	}
}

func TestPathsAreOneLine(t *testing.T) {
	for path, want := range map[string]string{
		"/a?b=c&d=%0a":         "/a?b=c&d=%0a",
		"/ä/日本":                "/ä/日本",
		"/a\r\nb\x1b[2J\x7f":   `/a\x0d\x0ab\x1b[2J\x7f`,
		"/\u202egnp.exe\u200b": `/\u202egnp.exe\u200b`,
		"/\xff\u009b":          `/\xff\u009b`,
		"/\U000e0001":          `/\U000e0001`,
	} {
		if got := inline(path); got != want {
			t.Errorf("inline(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestJSONHoldsNoControlCharacter(t *testing.T) {
	got := printed(t, Options{JSON: true}, func(term *Terminal) {
		term.Log(sluice.LogLine{Time: noon, Function: "f", Text: "\x1b[31m\u009b31m <b> & \xff é \u00c2"})
	})
	if want := `"text":"\u001b[31m\u009b31m <b> & \ufffd é Â"}`; !strings.Contains(got, want) {
		t.Errorf("%q lacks %q", got, want)
	}
}

// FuzzHostileText checks that whatever a function, a client or a template says,
// the terminal sees whole lines whose only control sequences are colours.
func FuzzHostileText(f *testing.F) {
	for _, s := range []string{"\x1b[31mred", "\x1b]0;t\x07", "a\r\nb", "\u009b31m", "\xff\xc2", "\x1b[\x1b[m", "2025-06-01T12:00:00.123Z\t-\tERROR\tx \t{\"stack\":[\"\\u001b[2J\"],\"errorMessage\":\"\"}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, o := range []Options{{}, {Colour: true}, {Verbose: true, Width: func() int { return 40 }}, {JSON: true}} {
			got := printed(t, o, func(term *Terminal) {
				for _, source := range []sluice.LogSource{sluice.SourceFunction, sluice.SourcePlatform, sluice.SourceHint} {
					term.Log(sluice.LogLine{Time: noon, Function: s, Source: source, Level: s, Text: s})
				}
				term.Answered(sluice.Access{Time: noon, Function: s, Method: s, Path: s, Ending: sluice.Ending(s), Reason: s})
				term.Invoked(sluice.Record{Time: noon, Function: s, RequestID: s, Mode: sluice.Buffered, ErrorType: s})
				term.Ready(Banner{Source: s, Functions: []BannerFunction{{Name: s, Runtime: s, RuntimeWarning: s, URLs: []BannerURL{{Host: s, Note: s}}}},
					NotRun: []NotRun{{s, s, s}}, Outputs: []Output{{s, s}}, Warnings: []string{s}})
				term.BuildFailed(BuildFailure{Function: s, Diagnostic: s})
			})
			if !strings.HasSuffix(got, "\n") || !utf8.ValidString(got) {
				t.Fatalf("%+v: %q", o, got)
			}
			for i := 0; i < len(got); {
				r, n := utf8.DecodeRuneInString(got[i:])
				if r == 0x1b {
					seq, sgr := sequence(got[i:])
					if !o.Colour || !sgr {
						t.Fatalf("%+v: escape sequence in %q", o, got[i:])
					}
					n = seq
				} else if unicode.IsControl(r) && r != '\n' && r != '\t' && r != 0x7f {
					t.Fatalf("%+v: control character %U in %q", o, r, got)
				}
				i += n
			}
		}
	})
}
