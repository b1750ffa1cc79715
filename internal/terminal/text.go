package terminal

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	sluice "github.com/sluice-run/sluice"
)

const (
	clock = "15:04:05.000"
	// self is the name on lines that belong to no function.
	self = "sluice"
	// minPath is how much of a path is left at least, in columns.
	minPath = 12
	// maxPath is how much of it is shown at most, however wide the terminal.
	maxPath = 1024
	// pathColumn is the width that short paths are padded to.
	pathColumn = 16
)

// paint puts s in style, which must not hold escape sequences of its own.
func (t *Terminal) paint(st style, s string) string {
	if !t.o.Colour || st == plain || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + reset
}

// start is the beginning of a line: time and name.
func (t *Terminal) start(at time.Time, function string) string {
	name, st := inline(function), nameStyle(function)
	if name == "" {
		name, st = self, bold
	}
	width := t.column(name)
	return t.paint(dim, at.In(t.o.Zone).Format(clock)) + " " + t.paint(st, pad(name, width))
}

// block prints lines behind a bar in style gutter, with first before the first of
// them; the lines are clean.
func (t *Terminal) block(at time.Time, function string, gutter style, first string, lines []string) []byte {
	if gutter == plain {
		gutter = dim
	}
	start := t.start(at, function)
	bar := t.paint(gutter, "|")
	indent := strings.Repeat(" ", ansi.StringWidth(start))
	var b strings.Builder
	for i, line := range lines {
		switch {
		case i == 0:
			b.WriteString(start)
			line = first + line
		default:
			b.WriteString(indent)
		}
		b.WriteString(" " + bar)
		if line != "" {
			b.WriteString(" " + line)
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

func (t *Terminal) textLog(l sluice.LogLine) []byte {
	switch l.Source {
	case sluice.SourcePlatform:
		return t.textPlatform(l)
	case sluice.SourceHint:
		return t.block(l.Time, l.Function, cyan, t.paint(hinted, "hint: "), cleanLines(l.Text, false))
	}
	text, first, level := l.Text, "", l.Level
	if said, rest, ok := nodePrefix(l); ok && !t.o.Verbose {
		level = said
		text, first = unfoldError(rest), t.paint(levelStyle(level), level)+" "
	}
	return t.block(l.Time, l.Function, levelStyle(level), first, cleanLines(text, t.o.Colour))
}

func (t *Terminal) textPlatform(l sluice.LogLine) []byte {
	weight := weigh(l.Text)
	if weight == routine && !t.o.Verbose {
		return nil
	}
	st, gutter := dim, plain
	if weight == failure {
		st, gutter = red, red
	}
	lines := cleanLines(strings.TrimRight(l.Text, " \t\r\n"), false)
	for i := range lines {
		lines[i] = t.paint(st, lines[i])
	}
	return t.block(l.Time, l.Function, gutter, "", lines)
}

func levelStyle(level string) style {
	switch level {
	case "ERROR", "FATAL":
		return red
	case "WARN":
		return yellow
	case "DEBUG", "TRACE":
		return dim
	}
	return plain
}

func (t *Terminal) textAccess(a sluice.Access) []byte {
	status := "---"
	if a.Status > 0 {
		status = fmt.Sprintf("%03d", a.Status)
	}
	firstByte := "-"
	if a.FirstByte > 0 {
		firstByte = duration(a.FirstByte)
	}
	// The time of its end, like that of the lines around it.
	before := t.start(a.Time.Add(a.Total), a.Function) + "   " + pad(inline(a.Method), len(http.MethodPost)) + " "
	after := "  " + t.paint(statusStyle(a.Status), status) +
		"  first " + firstByte + "  total " + duration(a.Total) +
		"  " + flow(a.Bytes, a.Chunks, a.Throttled, a.PastBurst)

	// An ending with a reason may well need a second row, so it takes no room from
	// the path.
	left := maxPath
	if width := t.o.Width(); width > 0 {
		left = min(left, width-ansi.StringWidth(before)-ansi.StringWidth(after))
	}
	path := pad(shorten(inline(a.Path), max(left, minPath)), min(pathColumn, left))
	return []byte(before + path + after + t.ending(a.Ending, a.Reason) + "\n")
}

func (t *Terminal) textRecord(r sluice.Record) []byte {
	text := fmt.Sprintf("invocation %s  %s  first %s  duration %s  billed %s",
		inline(r.RequestID), r.Mode, duration(r.FirstByte), duration(r.Duration), duration(r.Billed))
	if r.Init > 0 {
		text += "  init " + duration(r.Init)
	}
	text += fmt.Sprintf("  memory %d/%dMB  ", r.MaxMemoryMB, r.MemoryMB) + flow(r.Bytes, r.Chunks, r.Throttled, r.PastBurst)
	return t.block(r.Time, r.Function, plain, "", []string{t.paint(dim, text) + t.ending(r.Ending, r.ErrorType)})
}

// flow says what was delivered and what held it back.
func flow(bytes, chunks int64, throttled time.Duration, pastBurst int64) string {
	s := size(bytes) + "  " + count(chunks, "chunk")
	if throttled > 0 {
		s += "  throttled " + duration(throttled)
	}
	if pastBurst > 0 {
		s += "  " + size(pastBurst) + " past burst"
	}
	return s
}

// ending is quiet about a complete response.
func (t *Terminal) ending(e sluice.Ending, reason string) string {
	if e == sluice.EndingComplete || e == "" {
		return ""
	}
	st := boldRed
	switch e {
	case sluice.EndingClientGone, sluice.EndingRefused, sluice.EndingShutdown:
		st = yellow
	}
	name := strings.ToUpper(inline(string(e)))
	if reason == "" {
		return "  " + t.paint(st, name)
	}
	return "  " + t.paint(st, name+":") + " " + sentence(reason)
}

func statusStyle(status int) style {
	switch {
	case status >= 500 || status <= 0:
		return boldRed
	case status >= 400:
		return yellow
	case status >= 300:
		return cyan
	case status >= 200:
		return green
	}
	return plain
}
