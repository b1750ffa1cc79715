package config

import "strings"

// didYouMean returns ` (did you mean "x"?)` for the candidate that name was
// probably meant to be, or "".
func didYouMean(name string, candidates []string) string {
	if best := nearest(name, candidates); best != "" {
		return " (did you mean " + best + "?)"
	}
	return ""
}

// nearest returns the candidate with the fewest typing errors, or "" when none
// is close. Case, '-' and '_' don't count, and a dotted candidate is also known
// by its last part, so that "stream_rate" finds "limits.streamRate".
func nearest(name string, candidates []string) string {
	if len(name) > 64 {
		return ""
	}
	plain := fold(name)
	best, bestAt := "", max(2, len(plain)/3)+1
	for _, c := range candidates {
		d := edits(plain, fold(c))
		if _, last, dotted := strings.Cut(c, "."); dotted {
			d = min(d, edits(plain, fold(last)))
		}
		if d < bestAt && d < len(plain) {
			best, bestAt = c, d
		}
	}
	return best
}

func fold(s string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s))
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
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
