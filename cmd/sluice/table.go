package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/sluice-run/sluice/internal/terminal"
)

// table prints rows: in columns below their heads on a terminal; elsewhere, for programs
// such as cut and sort, each as a line of values with tabs between them and no heads.
type table struct {
	w io.Writer
	// columns is nil where nobody looks.
	columns *tabwriter.Writer
	// gap is what stands in front of the last cell beside the space between columns.
	gap string
	// err is the first of w.
	err error
}

// table begins one of texts on standard output.
func (s *session) table(heads ...string) *table { return s.newTable(0, "", heads) }

// numbers begins one of numbers, with a text in the last column.
func (s *session) numbers(heads ...string) *table {
	return s.newTable(tabwriter.AlignRight, "  ", heads)
}

func (s *session) newTable(flags uint, gap string, heads []string) *table {
	t := &table{w: s.stdout}
	if terminal.IsTerminal(s.stdout) {
		t.columns, t.gap = tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', flags), gap
		t.w = t.columns
		t.row(heads...)
	}
	return t
}

// row prints one; what goes wrong is told by end.
func (t *table) row(cells ...string) {
	last := len(cells) - 1
	_, err := fmt.Fprintln(t.w, strings.Join(cells[:last], "\t")+"\t"+t.gap+cells[last])
	t.err = cmp.Or(t.err, err)
}

// end prints what is left.
func (t *table) end() error {
	if t.columns == nil {
		return t.err
	}
	return cmp.Or(t.err, t.columns.Flush())
}
