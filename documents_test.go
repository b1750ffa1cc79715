package sluice_test

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

func TestLinksInDocumentsResolve(t *testing.T) {
	for _, name := range repositoryFiles(t, ".md") {
		doc := readDocument(t, name)
		for _, link := range doc.links {
			target, err := url.Parse(link.target)
			if err != nil {
				t.Errorf("%s:%d: link %q: %v", name, link.line, link.target, err)
				continue
			}
			if target.Scheme != "" || target.Host != "" {
				continue
			}
			file := name
			if target.Path != "" {
				file = path.Join(path.Dir(name), target.Path)
			}
			if path.IsAbs(target.Path) || strings.HasPrefix(file, "..") {
				t.Errorf("%s:%d: link %q leaves the repository", name, link.line, link.target)
				continue
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s:%d: link %q: there is no %s", name, link.line, link.target, file)
				continue
			}
			if target.Fragment != "" && strings.HasSuffix(file, ".md") && !readDocument(t, file).anchors[target.Fragment] {
				t.Errorf("%s:%d: link %q: %s has no such heading", name, link.line, link.target, file)
			}
		}
	}
}

// citation matches "docs/contract/page.md" and, when it follows on the same
// line, "§n.n".
var citation = regexp.MustCompile(`docs/contract/([A-Za-z0-9_-]+)\.md(?:,? §(\d+(?:\.\d+)*[a-z]?))?`)

// Code and tests cite the contract for rules that look odd without it; a
// citation that leads nowhere is worse than none.
func TestCitationsOfTheContractResolve(t *testing.T) {
	sections := map[string]map[string]bool{}
	for _, name := range repositoryFiles(t, ".go", ".js", ".mjs", ".cjs", ".ts", ".md", ".yaml", ".yml") {
		if name == "documents_test.go" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, cited := range citation.FindAllStringSubmatch(string(text), -1) {
			page, section := "docs/contract/"+cited[1]+".md", cited[2]
			if sections[page] == nil {
				if _, err := os.Stat(page); err != nil {
					t.Errorf("%s cites %s, which does not exist", name, page)
					continue
				}
				sections[page] = readDocument(t, page).sections
			}
			if section != "" && !sections[page][section] {
				t.Errorf("%s cites %s §%s, which does not exist", name, page, section)
			}
		}
	}
}

func TestAnchorsAreThoseOfTheRenderer(t *testing.T) {
	for heading, want := range map[string]string{
		"How to correct one":                      "how-to-correct-one",
		"2.4 `body` / `isBase64Encoded`":          "24-body--isbase64encoded",
		"[Unreleased]":                            "unreleased",
		"What's new, and what isn't_yet":          "whats-new-and-what-isnt_yet",
		"4.1 Prelude (http-integration) — a view": "41-prelude-http-integration--a-view",
	} {
		if got := anchor(heading); got != want {
			t.Errorf("anchor(%q) = %q, want %q", heading, got, want)
		}
	}
}

type document struct {
	links    []link
	anchors  map[string]bool // fragments that lead to a heading
	sections map[string]bool // numbers of numbered headings: "4", "4.1", "7.3b"
}

type link struct {
	line   int
	target string
}

var (
	fence         = regexp.MustCompile("^\\s*(```|~~~)")
	codeSpan      = regexp.MustCompile("(`+)[^`].*?`+")
	inlineLink    = regexp.MustCompile(`\]\(\s*<?([^()\s>]+)>?(?:\s+"[^"]*")?\s*\)`)
	reference     = regexp.MustCompile(`^\s{0,3}\[[^\]]+\]:\s+<?([^\s>]+)`)
	htmlReference = regexp.MustCompile(`(?:href|src|srcset)="([^"]+)"`)
	heading       = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*\s*$`)
	sectionNumber = regexp.MustCompile(`^(\d+(?:\.\d+)*[a-z]?)\.?(?:\s|$)`)
)

func readDocument(t *testing.T, name string) document {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	doc := document{anchors: map[string]bool{}, sections: map[string]bool{}}
	inFence := false
	for i, line := range strings.Split(string(text), "\n") {
		if fence.MatchString(line) {
			inFence = !inFence
			continue
		}
		if inFence {
			continue
		}
		if match := heading.FindStringSubmatch(line); match != nil {
			doc.addHeading(match[1])
		}
		line = codeSpan.ReplaceAllString(line, "")
		for _, form := range []*regexp.Regexp{inlineLink, reference, htmlReference} {
			for _, match := range form.FindAllStringSubmatch(line, -1) {
				doc.links = append(doc.links, link{i + 1, match[1]})
			}
		}
	}
	return doc
}

func (d *document) addHeading(text string) {
	if number := sectionNumber.FindStringSubmatch(text); number != nil {
		d.sections[number[1]] = true
	}
	base := anchor(text)
	name := base
	for n := 1; d.anchors[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	d.anchors[name] = true
}

// anchor makes the fragment of a heading the way GitHub does: lower case,
// spaces become hyphens, punctuation goes.
func anchor(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}
