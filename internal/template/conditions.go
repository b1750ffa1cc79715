package template

// condition is one entry of Conditions. Its value is found when somebody asks.
type condition struct {
	node *node
	// known tells that value is.
	known, value bool
	// asking guards against a condition that refers to itself.
	asking bool
}

func (l *loader) readConditions() {
	l.conditions = map[string]*condition{}
	section := l.section("Conditions")
	if section == nil {
		return
	}
	for _, m := range section.members {
		l.conditions[m.key] = &condition{node: m.value}
	}
	for _, m := range section.members {
		l.holds(m.keyAt.hereText(m.key))
	}
}

// holds returns the value of the condition that name names.
func (l *loader) holds(name *node) bool {
	c := l.conditions[name.text]
	switch {
	case c == nil:
		l.problem(name, name.path, "there is no condition %s%s", excerpt(name.text), didYouMeanOr(name.text, keysOf(l.conditions)))
		return false
	case c.known:
		return c.value
	case c.asking:
		l.problem(name, name.path, "the condition %s depends on itself", excerpt(name.text))
		return false
	}
	c.asking = true
	c.value = l.evaluate(c.node)
	c.asking, c.known = false, true
	return c.value
}

// evaluate returns the truth of a condition's expression.
func (l *loader) evaluate(n *node) bool {
	if n.kind != object || len(n.members) != 1 {
		if n.kind != unknown {
			l.problem(n, n.path, "this is %s; expected Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition", n.kind)
		}
		return false
	}
	name, argument := n.members[0].key, n.members[0].value
	switch name {
	case "Condition":
		if argument.kind == scalar {
			return l.holds(argument)
		}
	case "Fn::Equals":
		if args := l.arguments(name, argument, 2, 2); args != nil {
			a, b := l.resolve(args[0]), l.resolve(args[1])
			return a != nil && b != nil && a.kind == scalar && b.kind == scalar && a.text == b.text
		}
		return false
	case "Fn::Not":
		if args := l.arguments(name, argument, 1, 1); args != nil {
			return !l.evaluate(args[0])
		}
		return false
	case "Fn::And", "Fn::Or":
		args := l.arguments(name, argument, 2, 10)
		value := name == "Fn::And" && args != nil
		for _, arg := range args {
			// Every part is looked at, for its mistakes.
			if v := l.evaluate(arg); name == "Fn::And" {
				value = value && v
			} else {
				value = value || v
			}
		}
		return value
	}
	l.problem(n, n.path, "%s is not for conditions; expected Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition", excerpt(name))
	return false
}

// arguments returns the arguments of an intrinsic, or nil when it was reported
// that they are not that many.
func (l *loader) arguments(name string, n *node, least, most int) []*node {
	if n.kind == list && len(n.items) >= least && len(n.items) <= most {
		return n.items
	}
	if n.kind == unknown {
		return nil
	}
	count := map[bool]string{true: plural(least), false: plural(least) + " to " + plural(most)}[least == most]
	got := n.kind.String()
	if n.kind == list {
		got = "a list of " + plural(len(n.items))
	}
	l.problem(n, n.path, "%s takes a list of %s values, not %s", name, count, got)
	return nil
}

func plural(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if n < len(words) {
		return words[n]
	}
	return "many"
}
