package template

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// resolve returns n with every intrinsic replaced by its value. The result is nil
// for AWS::NoValue, and of kind unknown where a problem was reported.
func (l *loader) resolve(n *node) *node {
	switch n.kind {
	case list:
		items := make([]*node, 0, len(n.items))
		for _, item := range n.items {
			if v := l.resolve(item); v != nil {
				items = append(items, v)
			}
		}
		return n.hereList(items)
	case object:
		if isIntrinsic(n) {
			v := l.call(n, n.members[0].key, n.members[0].value)
			if v == nil {
				return nil
			}
			// Problems with the value belong to the place that uses it.
			moved := *v
			moved.line, moved.column, moved.path = n.line, n.column, n.path
			return &moved
		}
		v := n.here(object)
		for _, m := range n.members {
			if value := l.resolve(m.value); value != nil {
				v.members = append(v.members, member{m.key, m.keyAt, value})
			}
		}
		return v
	}
	return n
}

// maxCalls bounds how deep intrinsics lead to each other: a template that is
// right can be nested as deep as its file, and names lead a few steps further.
const maxCalls = 2 * maxDepth

// call returns the value of an intrinsic function
// (docs/contract/sam-template.md §4).
func (l *loader) call(n *node, name string, argument *node) *node {
	if argument.kind == unknown {
		return argument
	}
	if l.calls++; l.calls > maxCalls {
		l.calls--
		l.problem(n, n.path, "%s depends on itself", name)
		return n.here(unknown)
	}
	defer func() { l.calls-- }()
	switch name {
	case "Ref":
		return l.ref(n, argument)
	case "Fn::GetAtt":
		return l.getAtt(n, argument)
	case "Fn::Sub":
		return l.sub(n, argument)
	case "Fn::If":
		return l.ifElse(n, argument)
	case "Fn::FindInMap":
		return l.findInMap(n, argument)
	case "Fn::Join":
		return l.join(n, argument)
	case "Fn::Split":
		return l.split(n, argument)
	case "Fn::Select":
		return l.selectItem(n, argument)
	case "Fn::Base64":
		if v := l.text(argument); v.kind == scalar {
			return n.hereText(base64.StdEncoding.EncodeToString([]byte(v.text)))
		}
	case "Fn::GetAZs":
		return l.zones(n)
	case "Fn::Cidr":
		return l.cidr(n, argument)
	case "Fn::ImportValue":
		if v := l.text(argument); v.kind == scalar {
			l.warning(n, n.path, "Fn::ImportValue: there are no other stacks here; the value is the name %q itself", excerptRaw(v.text))
			return v
		}
	case "Fn::Length":
		return l.length(n, argument)
	case "Fn::ToJsonString":
		return l.toJSON(n, argument)
	case "Fn::Transform":
		l.warning(n, n.path, "Fn::Transform is not run here; the value is left out")
		return nil
	case "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not":
		l.problem(n, n.path, "%s belongs into Conditions; write it there and use Fn::If with its name here", name)
	default:
		l.problem(n, n.path, "%s is not an intrinsic function%s", excerpt(name), didYouMeanOr(name, intrinsics))
	}
	return n.here(unknown)
}

var intrinsics = []string{
	"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Fn::FindInMap", "Fn::Join", "Fn::Split", "Fn::Select", "Fn::Base64", "Fn::GetAZs",
	"Fn::Cidr", "Fn::ImportValue", "Fn::Length", "Fn::ToJsonString", "Fn::Transform",
}

// text resolves n to a scalar. The result is of kind unknown if it is none.
func (l *loader) text(n *node) *node {
	v := l.resolve(n)
	switch {
	case v == nil:
		l.problem(n, n.path, "this has no value; expected text")
	case v.kind == scalar || v.kind == unknown:
		return v
	default:
		l.problem(n, n.path, "this is %s; expected text", v.kind)
	}
	return n.here(unknown)
}

// list resolves n to a list of values.
func (l *loader) list(n *node) *node {
	v := l.resolve(n)
	if v != nil && (v.kind == list || v.kind == unknown) {
		return v
	}
	got := "nothing"
	if v != nil {
		got = v.kind.String()
	}
	l.problem(n, n.path, "this is %s; expected a list", got)
	return n.here(unknown)
}

func (l *loader) ref(n, argument *node) *node {
	if argument.kind != scalar {
		l.problem(argument, argument.path, "Ref takes the name of a parameter or resource, not %s", argument.kind)
		return n.here(unknown)
	}
	name := argument.text
	if p := l.parameters[name]; p != nil {
		return p.value
	}
	if strings.HasPrefix(name, "AWS::") {
		return l.pseudo(n, name)
	}
	if value, ok := l.refValue(n, name); ok {
		return n.hereText(value)
	}
	return n.here(unknown)
}

// pseudoNames are the pseudo parameters.
var pseudoNames = []string{
	"AWS::AccountId", "AWS::Region", "AWS::Partition", "AWS::StackName", "AWS::StackId", "AWS::URLSuffix", "AWS::NoValue", "AWS::NotificationARNs",
}

func (l *loader) pseudo(n *node, name string) *node {
	id := l.o.Identity
	switch name {
	case "AWS::AccountId":
		return n.hereText(id.AccountID)
	case "AWS::Region":
		return n.hereText(id.Region)
	case "AWS::Partition":
		return n.hereText(id.Partition)
	case "AWS::StackName":
		return n.hereText(l.o.StackName)
	case "AWS::StackId":
		return n.hereText("arn:" + id.Partition + ":cloudformation:" + id.Region + ":" + id.AccountID + ":stack/" + l.o.StackName + "/51af3dc0-da77-11e4-872e-1234567db123")
	case "AWS::URLSuffix":
		return n.hereText("localhost")
	case "AWS::NoValue":
		return nil
	case "AWS::NotificationARNs":
		return n.hereList(nil)
	}
	l.problem(n, n.path, "%s is not a pseudo parameter%s", excerpt(name), didYouMeanOr(name, pseudoNames))
	return n.here(unknown)
}

func (l *loader) getAtt(n, argument *node) *node {
	id, attribute, ok := l.attribute(argument)
	if !ok {
		return n.here(unknown)
	}
	if value, ok := l.attributeValue(n, id, attribute); ok {
		return n.hereText(value)
	}
	return n.here(unknown)
}

// attribute reads the argument of Fn::GetAtt, in either of its forms.
func (l *loader) attribute(argument *node) (id, attribute string, ok bool) {
	if argument.kind == scalar {
		if id, attribute, ok = strings.Cut(argument.text, "."); ok {
			return id, attribute, true
		}
	}
	if argument.kind == list && len(argument.items) >= 2 && argument.items[0].kind == scalar {
		var parts []string
		for _, item := range argument.items[1:] {
			v := l.text(item)
			if v.kind == unknown {
				return "", "", false
			}
			parts = append(parts, v.text)
		}
		return argument.items[0].text, strings.Join(parts, "."), true
	}
	l.problem(argument, argument.path, "Fn::GetAtt takes a resource and an attribute, such as MyFunction.Arn")
	return "", "", false
}

func (l *loader) sub(n, argument *node) *node {
	template, own := argument, (*node)(nil)
	if argument.kind == list {
		args := l.arguments("Fn::Sub", argument, 2, 2)
		if args == nil {
			return n.here(unknown)
		}
		template, own = args[0], args[1]
		if own.kind != object {
			l.problem(own, own.path, "the second value of Fn::Sub is %s; expected a map of names", own.kind)
			return n.here(unknown)
		}
	}
	if template.kind != scalar {
		if template.kind != unknown {
			l.problem(template, template.path, "Fn::Sub takes text, not %s", template.kind)
		}
		return n.here(unknown)
	}
	var b strings.Builder
	good := true
	for _, part := range subParts(template.text) {
		switch {
		case !part.variable:
			b.WriteString(part.text)
		default:
			v := l.variable(template, own, part.text)
			if v.kind == unknown {
				good = false
				continue
			}
			b.WriteString(v.text)
		}
	}
	if !good {
		return n.here(unknown)
	}
	return n.hereText(b.String())
}

// variable returns the value of ${name} as a scalar.
func (l *loader) variable(at, own *node, name string) *node {
	here := at.hereText(name)
	if value := own.get(name); value != nil {
		return l.text(value)
	}
	if id, attribute, dotted := strings.Cut(name, "."); dotted {
		if value, ok := l.attributeValue(here, id, attribute); ok {
			return here.hereText(value)
		}
		return here.here(unknown)
	}
	v := l.ref(here, here)
	switch {
	case v == nil:
		return here.hereText("")
	case v.kind == list:
		var texts []string
		for _, item := range v.items {
			texts = append(texts, item.text)
		}
		return here.hereText(strings.Join(texts, ","))
	}
	return v
}

// subPart is a piece of the text of Fn::Sub.
type subPart struct {
	text     string
	variable bool
}

// subParts splits "a${B}c${!D}" into a, the variable B, and c${D}.
func subParts(s string) []subPart {
	var parts []subPart
	for {
		i := strings.Index(s, "${")
		end := -1
		if i >= 0 {
			end = strings.IndexByte(s[i:], '}')
		}
		if end < 0 {
			return append(parts, subPart{text: s})
		}
		name := s[i+2 : i+end]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			parts = append(parts, subPart{text: s[:i] + "${" + literal + "}"})
		} else {
			parts = append(parts, subPart{text: s[:i]}, subPart{text: strings.TrimSpace(name), variable: true})
		}
		s = s[i+end+1:]
	}
}

func (l *loader) ifElse(n, argument *node) *node {
	args := l.arguments("Fn::If", argument, 3, 3)
	if args == nil {
		return n.here(unknown)
	}
	if args[0].kind != scalar {
		l.problem(args[0], args[0].path, "the first value of Fn::If is the name of a condition, not %s", args[0].kind)
		return n.here(unknown)
	}
	if l.holds(args[0]) {
		return l.resolve(args[1])
	}
	return l.resolve(args[2])
}

func (l *loader) findInMap(n, argument *node) *node {
	most := 3
	if l.extensions {
		most = 4
	}
	args := l.arguments("Fn::FindInMap", argument, 3, most)
	if args == nil {
		return n.here(unknown)
	}
	var fallback *node
	if len(args) == 4 {
		fallback = args[3].get("DefaultValue")
	}
	found := l.section("Mappings")
	for i, arg := range args[:3] {
		key := l.text(arg)
		if key.kind == unknown {
			return key
		}
		next := found.get(key.text)
		if next == nil {
			if fallback != nil {
				return l.resolve(fallback)
			}
			what := [...]string{"Mappings has no ", "the mapping has no key ", "the mapping has no second-level key "}[i]
			l.problem(arg, arg.path, "%s%s%s", what, excerpt(key.text), didYouMeanOr(key.text, found.keys()))
			return n.here(unknown)
		}
		found = next
	}
	return found
}

func (l *loader) join(n, argument *node) *node {
	args := l.arguments("Fn::Join", argument, 2, 2)
	if args == nil {
		return n.here(unknown)
	}
	separator, items := l.text(args[0]), l.list(args[1])
	if separator.kind == unknown || items.kind == unknown {
		return n.here(unknown)
	}
	texts := make([]string, len(items.items))
	for i, item := range items.items {
		switch item.kind {
		case scalar:
			texts[i] = item.text
		case unknown:
			return item
		default:
			l.problem(item, item.path, "Fn::Join joins text; this is %s", item.kind)
			return n.here(unknown)
		}
	}
	return n.hereText(strings.Join(texts, separator.text))
}

func (l *loader) split(n, argument *node) *node {
	args := l.arguments("Fn::Split", argument, 2, 2)
	if args == nil {
		return n.here(unknown)
	}
	separator, text := l.text(args[0]), l.text(args[1])
	if separator.kind == unknown || text.kind == unknown {
		return n.here(unknown)
	}
	if separator.text == "" {
		l.problem(args[0], args[0].path, "Fn::Split needs a separator that is not empty")
		return n.here(unknown)
	}
	var items []*node
	for part := range strings.SplitSeq(text.text, separator.text) {
		items = append(items, n.hereText(part))
	}
	return n.hereList(items)
}

func (l *loader) selectItem(n, argument *node) *node {
	args := l.arguments("Fn::Select", argument, 2, 2)
	if args == nil {
		return n.here(unknown)
	}
	index, items := l.text(args[0]), l.list(args[1])
	if index.kind == unknown || items.kind == unknown {
		return n.here(unknown)
	}
	i, err := strconv.Atoi(index.text)
	if err != nil || i < 0 || i >= len(items.items) {
		l.problem(args[0], args[0].path, "Fn::Select: the index is %s; the list has %d values, counted from 0", index.shown(), len(items.items))
		return n.here(unknown)
	}
	return items.items[i]
}

// zones and cidr are stand-ins: there is no network here that they could
// describe.
func (l *loader) zones(n *node) *node {
	var zones []*node
	for _, letter := range "abc" {
		zones = append(zones, n.hereText(l.o.Identity.Region+string(letter)))
	}
	return n.hereList(zones)
}

func (l *loader) cidr(n, argument *node) *node {
	args := l.arguments("Fn::Cidr", argument, 2, 3)
	if args == nil {
		return n.here(unknown)
	}
	block, count := l.text(args[0]), l.text(args[1])
	many, err := strconv.Atoi(count.text)
	if block.kind == unknown || count.kind == unknown {
		return n.here(unknown)
	}
	if err != nil || many < 1 || many > 256 {
		l.problem(args[1], args[1].path, "Fn::Cidr: the count is %s; expected a number from 1 to 256", count.shown())
		return n.here(unknown)
	}
	return n.hereList(slices.Repeat([]*node{block}, many))
}

func (l *loader) length(n, argument *node) *node {
	if !l.needsExtensions(n, "Fn::Length") {
		return n.here(unknown)
	}
	v := l.list(argument)
	if v.kind == unknown {
		return v
	}
	return n.hereText(strconv.Itoa(len(v.items)))
}

func (l *loader) toJSON(n, argument *node) *node {
	if !l.needsExtensions(n, "Fn::ToJsonString") {
		return n.here(unknown)
	}
	v := l.resolve(argument)
	if v == nil {
		return nil
	}
	text, ok := appendJSON(nil, v)
	if !ok {
		return n.here(unknown)
	}
	return n.hereText(string(text))
}

func (l *loader) needsExtensions(n *node, name string) bool {
	if !l.extensions {
		l.problem(n, n.path, "%s needs the line \"Transform: %s\" at the top of the template", name, extensionsTransform)
	}
	return l.extensions
}

// appendJSON writes a resolved value as JSON.
func appendJSON(b []byte, n *node) ([]byte, bool) {
	quote := func(b []byte, s string) []byte {
		text, _ := json.Marshal(s) // a string can't fail
		return append(b, text...)
	}
	ok := true
	switch n.kind {
	case unknown:
		return b, false
	case null:
		b = append(b, "null"...)
	case scalar:
		if n.bare && json.Valid([]byte(n.text)) {
			b = append(b, n.text...)
		} else {
			b = quote(b, n.text)
		}
	case list:
		b = append(b, '[')
		for i, item := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			if b, ok = appendJSON(b, item); !ok {
				return b, false
			}
		}
		b = append(b, ']')
	case object:
		b = append(b, '{')
		for i, m := range n.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(quote(b, m.key), ':')
			if b, ok = appendJSON(b, m.value); !ok {
				return b, false
			}
		}
		b = append(b, '}')
	}
	return b, true
}
