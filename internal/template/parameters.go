package template

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// parameter is one entry of Parameters with its value
// (docs/contract/sam-template.md §4).
type parameter struct {
	value *node
}

var parameterTypes = []string{"String", "Number", "List<Number>", "CommaDelimitedList"}

func (l *loader) readParameters() {
	l.parameters = map[string]*parameter{}
	section := l.section("Parameters")
	if section != nil {
		for _, m := range section.members {
			if m.value.kind != object {
				l.problem(m.value, m.keyAt.path, "a parameter is a map with a Type, not %s", m.value.kind)
				continue
			}
			l.parameters[m.key] = &parameter{value: l.readParameter(m)}
		}
	}
	overrides := keysOf(l.o.Parameters)
	slices.Sort(overrides)
	for _, name := range overrides {
		if l.parameters[name] == nil {
			l.problem(nil, nil, "--parameter-overrides: the template has no parameter %s%s", excerpt(name), didYouMeanOr(name, section.keys()))
		}
	}
}

func (l *loader) readParameter(m member) *node {
	kind := m.value.get("Type")
	if kind == nil || kind.kind != scalar {
		l.problem(m.keyAt, m.keyAt.path, "the parameter has no Type; write one, such as Type: String")
		return m.value.here(unknown)
	}
	fromStore := strings.HasPrefix(kind.text, "AWS::SSM::Parameter::")
	if !slices.Contains(parameterTypes, kind.text) && !strings.HasPrefix(kind.text, "AWS::") && !strings.HasPrefix(kind.text, "List<") {
		l.problem(kind, kind.path, "%s is not a parameter type%s", excerpt(kind.text), didYouMeanOr(kind.text, parameterTypes))
		return m.value.here(unknown)
	}
	at := m.value.get("Default")
	text, given := l.o.Parameters[m.key]
	switch {
	case given:
		at = m.keyAt
	case at == nil || at.kind == null:
		l.problem(m.keyAt, m.keyAt.path, "the parameter has no Default; give it a value with --parameter-overrides %s=value", m.key)
		return m.value.here(unknown)
	case at.kind != scalar:
		l.problem(at, at.path, "Default is %s; expected text or a number", at.kind)
		return m.value.here(unknown)
	default:
		text = at.text
		if fromStore && m.key != "BootstrapVersion" { // CDK's, which nothing uses
			l.warning(kind, m.keyAt.path, "on AWS the value comes from the parameter store; here it is %q, or what --parameter-overrides %s=value says", excerptRaw(text), m.key)
		}
	}
	l.checkParameter(m, kind.text, text, at)
	if kind.text == "CommaDelimitedList" || strings.HasPrefix(kind.text, "List<") || strings.Contains(kind.text, "<List<") || strings.HasSuffix(kind.text, "<CommaDelimitedList>") {
		var items []*node
		if text != "" {
			for part := range strings.SplitSeq(text, ",") {
				items = append(items, at.hereText(strings.TrimSpace(part)))
			}
		}
		return at.hereList(items)
	}
	return at.hereText(text)
}

// checkParameter holds a value to the parameter's constraints.
func (l *loader) checkParameter(m member, kind, text string, at *node) {
	wrong := func(expected string) {
		if c := m.value.get("ConstraintDescription"); c != nil && c.kind == scalar {
			expected = c.text + " (" + expected + ")"
		}
		shown := excerpt(text)
		if e := m.value.get("NoEcho"); e != nil && e.text == "true" {
			shown = "not allowed"
		}
		l.problem(at, m.keyAt.path, "the value is %s; expected %s", shown, expected)
	}
	if allowed := m.value.get("AllowedValues"); allowed != nil && allowed.kind == list {
		var values []string
		for _, v := range allowed.items {
			values = append(values, v.text)
		}
		if !slices.Contains(values, text) {
			wrong("one of " + strings.Join(values, ", "))
			return
		}
	}
	if p := m.value.get("AllowedPattern"); p != nil && p.kind == scalar {
		// CloudFormation's patterns are Java's. One that Go does not know is not
		// checked.
		if re, err := regexp.Compile("^(?:" + p.text + ")$"); err == nil && !re.MatchString(text) {
			wrong("text that matches " + p.text)
		}
	}
	number, err := strconv.ParseFloat(text, 64)
	if kind == "Number" && err != nil {
		wrong("a number")
		return
	}
	for _, bound := range []struct {
		key     string
		value   float64
		below   bool
		applies bool
		what    string
	}{
		{"MinValue", number, true, kind == "Number", "a number of at least "},
		{"MaxValue", number, false, kind == "Number", "a number of at most "},
		{"MinLength", float64(len([]rune(text))), true, kind == "String", "a text with a length of at least "},
		{"MaxLength", float64(len([]rune(text))), false, kind == "String", "a text with a length of at most "},
	} {
		n := m.value.get(bound.key)
		if n == nil || !bound.applies {
			continue
		}
		limit, err := strconv.ParseFloat(n.text, 64)
		switch {
		case err != nil:
			l.problem(n, n.path, "%s is %s; expected a number", bound.key, n.shown())
		case bound.below && bound.value < limit, !bound.below && bound.value > limit:
			wrong(bound.what + n.text)
		}
	}
}
