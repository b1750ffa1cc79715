package config

import "github.com/sluice-run/sluice/internal/spelling"

// didYouMean returns " (did you mean x?)" for the candidate that name was
// probably meant to be, or "".
func didYouMean(name string, candidates []string) string {
	if best := spelling.Nearest(name, candidates); best != "" {
		return " (did you mean " + best + "?)"
	}
	return ""
}
