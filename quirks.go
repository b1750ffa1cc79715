package sluice

// Quirks chooses between AWS's deterministic oddities and the behaviour a
// reasonable person expects; docs/COMPATIBILITY.md lists each of them.
type Quirks string

const (
	// QuirksAWS fails where AWS fails, with a hint in the log. The default.
	QuirksAWS Quirks = "aws"
	// QuirksFixed behaves sanely where AWS does not.
	QuirksFixed Quirks = "fixed"
)
