// Package spelling finds the name that somebody probably meant.
package spelling

import "strings"

const (
	// longest is the length in bytes up to which a name is looked at: nobody
	// mistypes more than that by accident.
	longest = 64
	// most is how many candidates are looked at.
	most = 1000
)

// Nearest returns the candidate with the fewest typing errors, or "" when none is
// close. Case, '-' and '_' don't count, and a dotted candidate is also known by its
// last part, so that "stream_rate" finds "limits.streamRate".
func Nearest(name string, candidates []string) string {
	if len(name) > longest || len(candidates) > most {
		return ""
	}
	typed := fold(name)
	best, fewest := "", max(2, len(typed)/3)+1
	for _, c := range candidates {
		if len(c) > longest {
			continue
		}
		n := Edits(typed, fold(c))
		if _, last, dotted := strings.Cut(c, "."); dotted {
			n = min(n, Edits(typed, fold(last)))
		}
		if n < fewest && n < len(typed) {
			best, fewest = c, n
		}
	}
	return best
}

func fold(s string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s))
}

// Edits is the number of bytes to insert, delete, replace or swap with their
// neighbour to turn a into b.
func Edits(a, b string) int {
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
