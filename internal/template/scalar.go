package template

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// plain is the text of an unquoted YAML scalar after the tools have read it: SAM
// and CloudFormation read YAML 1.1, so that yes is "true" and 0755 is "493"
// (docs/contract/sam-template.md §1). Dates stay as they are written.
func plain(s string) string {
	if b, ok := truth(s); ok {
		return strconv.FormatBool(b)
	}
	if s == "" || strings.IndexByte("+-0123456789", s[0]) < 0 || len(s) > 64 {
		return s
	}
	switch {
	case yamlInteger.MatchString(s):
		digits := strings.ReplaceAll(s, "_", "")
		if v, ok := new(big.Int).SetString(withOctalMark(digits), 0); ok {
			return v.String()
		}
	case yamlSexagesimal.MatchString(s):
		return sexagesimal(strings.ReplaceAll(s, "_", ""))
	}
	return s
}

var (
	yamlInteger     = regexp.MustCompile(`^[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*)$`)
	yamlSexagesimal = regexp.MustCompile(`^[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+$`)
)

// withOctalMark writes 0755 as 0o755, which is what Go reads.
func withOctalMark(s string) string {
	sign := ""
	if s[0] == '+' || s[0] == '-' {
		sign, s = strings.TrimPrefix(s[:1], "+"), s[1:]
	}
	if len(s) > 1 && s[0] == '0' && s[1] != 'x' && s[1] != 'b' {
		s = "0o" + s[1:]
	}
	return sign + s
}

// sexagesimal reads 22:30 as 1350, YAML 1.1's surprise for clock times and ports.
func sexagesimal(s string) string {
	negative := s[0] == '-'
	total := new(big.Int)
	for _, digits := range strings.Split(strings.TrimLeft(s, "+-"), ":") {
		v, ok := new(big.Int).SetString(digits, 10)
		if !ok {
			return s
		}
		total.Add(total.Mul(total, big.NewInt(60)), v)
	}
	if negative {
		total.Neg(total)
	}
	return total.String()
}

// truth reads YAML 1.1's booleans.
func truth(s string) (value, ok bool) {
	switch s {
	case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON":
		return true, true
	case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF":
		return false, true
	}
	return false, false
}
