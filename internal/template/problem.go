package template

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is one mistake in a template, or one thing worth a warning.
type Problem struct {
	// File is the template's path as it was given, or "" if the problem is not
	// in the file.
	File string
	// Line and Column count from 1; 0 means that there is no position.
	Line, Column int
	// Path names the place, for example "Resources.Chat.Properties.Timeout".
	Path string
	// Message says what is wrong and what was expected.
	Message string
}

// String returns "file:line:column: path: message" without the parts that are
// unknown.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			b.WriteString(":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column))
		}
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Error is what Load returns for a template with mistakes.
type Error struct {
	// Problems are all mistakes in the order of the file; there is at least one.
	Problems []Problem
}

// Error returns one problem a line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// maxProblems bounds a report; nobody reads more.
const maxProblems = 100

// report collects problems, each once.
type report struct {
	file     string
	problems []Problem
	warnings []Problem
	seen     map[Problem]bool
}

func (r *report) problem(at *node, path *path, format string, args ...any) {
	r.add(&r.problems, at, path, fmt.Sprintf(format, args...))
}

func (r *report) warning(at *node, path *path, format string, args ...any) {
	r.add(&r.warnings, at, path, fmt.Sprintf(format, args...))
}

func (r *report) add(to *[]Problem, at *node, path *path, message string) {
	p := Problem{File: r.file, Message: message}
	if path != nil {
		p.Path = path.String()
	}
	if at != nil {
		p.Line, p.Column = at.line, at.column
	}
	if len(*to) >= maxProblems || r.seen[p] {
		return
	}
	if r.seen == nil {
		r.seen = map[Problem]bool{}
	}
	r.seen[p] = true
	*to = append(*to, p)
}

// err returns the problems as an error, or nil.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return &Error{Problems: sorted(r.problems)}
}

func sorted(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return problems
}
