package template

import (
	"strings"
)

const forEach = "Fn::ForEach::"

// loopVariables are the identifiers of the Fn::ForEach around a node, and their
// values.
type loopVariables map[string]string

// unroll returns n with every Fn::ForEach replaced by what it makes
// (docs/contract/sam-template.md §4). budget bounds how much that may be.
func (l *loader) unroll(n *node, vars loopVariables, budget *int) *node {
	if *budget--; *budget < 0 {
		if *budget == -1 {
			l.problem(n, n.path, "the template has more than %d values once its Fn::ForEach are unrolled", maxNodes)
		}
		return n.here(unknown)
	}
	switch n.kind {
	case scalar:
		if len(vars) > 0 {
			v := *n
			v.text = vars.replace(n.text)
			return &v
		}
	case list:
		items := make([]*node, len(n.items))
		for i, item := range n.items {
			items[i] = l.unroll(item, vars, budget)
		}
		return n.hereList(items)
	case object:
		return l.unrollObject(n, vars, budget)
	}
	return n
}

func (l *loader) unrollObject(n *node, vars loopVariables, budget *int) *node {
	if ref := n.get("Ref"); ref != nil && isIntrinsic(n) && ref.kind == scalar {
		if value, ok := vars[ref.text]; ok {
			return n.hereText(value)
		}
	}
	v := n.here(object)
	have := map[string]bool{}
	add := func(m member) {
		if have[m.key] {
			l.problem(m.keyAt, m.keyAt.path, "Fn::ForEach makes the key %s twice", excerpt(m.key))
			return
		}
		have[m.key] = true
		v.members = append(v.members, m)
	}
	for _, m := range n.members {
		if *budget < 0 {
			break
		}
		if strings.HasPrefix(m.key, forEach) {
			for _, made := range l.loop(m, vars, budget) {
				add(made)
			}
			continue
		}
		keyAt := *m.keyAt
		key := vars.replace(m.key)
		if key != m.key {
			keyAt.path = n.path.member(key)
		}
		add(member{key, &keyAt, l.unroll(m.value, vars, budget)})
	}
	return v
}

// loop returns the members that one Fn::ForEach makes.
func (l *loader) loop(m member, vars loopVariables, budget *int) []member {
	args := m.value
	if args.kind != list || len(args.items) != 3 || args.items[0].kind != scalar || args.items[2].kind != object {
		l.problem(m.keyAt, m.keyAt.path, "Fn::ForEach takes an identifier, a list of values and a map to repeat")
		return nil
	}
	identifier := args.items[0].text
	var made []member
	for _, value := range l.collection(args.items[1], vars) {
		inner := loopVariables{identifier: value}
		for name, outer := range vars {
			if name != identifier {
				inner[name] = outer
			}
		}
		body := l.unrollObject(args.items[2], inner, budget)
		made = append(made, body.members...)
		if *budget < 0 {
			break
		}
	}
	return made
}

// collection returns the values to loop over: a list, or a parameter that is one.
func (l *loader) collection(n *node, vars loopVariables) []string {
	if name := n.get("Ref"); name != nil && isIntrinsic(n) {
		// Parameters are read later, from the unrolled template; this one now.
		if m := l.root.get("Parameters").member(name.text); m != nil && m.value.kind == object {
			quiet := &loader{report: &report{}, o: l.o}
			n = quiet.readParameter(*m)
		}
	}
	if n.kind != list {
		l.problem(n, n.path, "Fn::ForEach loops over a list of texts, or a Ref to a parameter that is one")
		return nil
	}
	var values []string
	for _, item := range n.items {
		if item.kind != scalar {
			l.problem(item, item.path, "Fn::ForEach loops over texts; this is %s", item.kind)
			return nil
		}
		values = append(values, vars.replace(item.text))
	}
	return values
}

// replace puts the values into ${Name} and &{Name}; the second form drops what
// is not a letter or digit, for use in logical ids.
func (v loopVariables) replace(s string) string {
	if !strings.ContainsAny(s, "$&") {
		return s
	}
	for name, value := range v {
		s = strings.ReplaceAll(s, "${"+name+"}", value)
		s = strings.ReplaceAll(s, "&{"+name+"}", alphanumeric(value))
	}
	return s
}

func alphanumeric(s string) string {
	return strings.Map(func(r rune) rune {
		if isLogicalID(string(r)) {
			return r
		}
		return -1
	}, s)
}
