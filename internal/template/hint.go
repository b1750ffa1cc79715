package template

import (
	"slices"
	"strings"

	"github.com/sluice-run/sluice/internal/spelling"
)

// didYouMean returns "; did you mean X?" for the candidate that name was probably
// meant to be, or "".
func didYouMean(name string, candidates []string) string {
	if best := spelling.Nearest(name, candidates); best != "" {
		return "; did you mean " + best + "?"
	}
	return ""
}

// listed joins names for a message, in order, cut to a readable length.
func listed(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	const most = 12
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return strings.Join(names, ", ")
}
