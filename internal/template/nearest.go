package template

import (
	"slices"
	"strings"
)

// didYouMean returns "; did you mean X?" for the candidate that name was probably
// meant to be, or "".
func didYouMean(name string, candidates []string) string {
	if best := nearest(name, candidates); best != "" {
		return "; did you mean " + best + "?"
	}
	return ""
}

// nearest returns the candidate with the fewest typing errors, or "" when none is
// close. Case does not count.
func nearest(name string, candidates []string) string {
	const longest = 64 // nobody mistypes more than that by accident
	if len(name) > longest || len(candidates) > 1000 {
		return ""
	}
	typed := strings.ToLower(name)
	best, fewest := "", max(2, len(typed)/3)+1
	for _, c := range candidates {
		if len(c) > longest {
			continue
		}
		if n := edits(typed, strings.ToLower(c)); n < fewest && n < len(typed) {
			best, fewest = c, n
		}
	}
	return best
}

// edits is the number of bytes to insert, delete, replace or swap with their
// neighbour to turn a into b.
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
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
