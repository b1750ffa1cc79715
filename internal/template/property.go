package template

import (
	"slices"
	"strconv"
	"strings"
)

// properties reads the properties of one resource, each resolved when it is asked
// for. Methods report what is wrong and return the default then.
type properties struct {
	*loader
	// node is a map or nil.
	node *node
	// at is where a missing property is reported, owner its path.
	at    *node
	owner *path
}

func (l *loader) propertiesOf(r *resource) properties {
	return properties{l, r.properties, r.keyAt, r.keyAt.path.member("Properties")}
}

// value returns the resolved property, nil if there is none.
func (p properties) value(key string) *node {
	n := p.node.get(key)
	if n == nil || n.kind == null {
		return nil
	}
	v := p.resolve(n)
	if v == nil || v.kind == unknown || v.kind == null {
		return nil
	}
	return v
}

// has tells that the template gives the property, with whatever value.
func (p properties) has(key string) bool {
	n := p.node.get(key)
	return n != nil && n.kind != null
}

// wrong reports a value and what was expected instead.
func (p properties) wrong(v *node, key, expected string) {
	p.problem(v, v.path, "%s is %s; expected %s", key, v.shown(), expected)
}

// string returns a text property.
func (p properties) string(key string) string {
	v := p.value(key)
	switch {
	case v == nil:
		return ""
	case v.kind != scalar:
		p.wrong(v, key, "text")
		return ""
	}
	return v.text
}

// required is string for a property that has to be there; example completes the
// message.
func (p properties) required(key, example string) string {
	if !p.has(key) {
		p.problem(p.at, p.owner, "%s is missing; write one, such as %s: %s", key, key, example)
		return ""
	}
	return p.string(key)
}

// number returns an integer within bounds; what names its unit.
func (p properties) number(key string, least, most, otherwise int, what string) int {
	v := p.value(key)
	if v == nil {
		return otherwise
	}
	n, err := strconv.Atoi(v.text)
	if v.kind != scalar || err != nil || n < least || n > most {
		p.problem(v, v.path, "%s is %s; expected %s from %d to %d", key, v.bareShown(), what, least, most)
		return otherwise
	}
	return n
}

// bool returns a boolean; CloudFormation takes text as well.
func (p properties) bool(key string) bool {
	v := p.value(key)
	if v == nil {
		return false
	}
	if value, ok := truth(v.text); ok && v.kind == scalar {
		return value
	}
	p.wrong(v, key, "true or false")
	return false
}

// oneOf returns a property with a few possible values, the first of them if there
// is none.
func (p properties) oneOf(key string, values ...string) string {
	v := p.value(key)
	if v == nil {
		return values[0]
	}
	if v.kind != scalar || !slices.Contains(values, v.text) {
		p.wrong(v, key, strings.Join(values[:len(values)-1], ", ")+" or "+values[len(values)-1])
		return values[0]
	}
	return v.text
}

// strings returns a list of texts; a single text counts as a list of one only
// where CloudFormation takes it so.
func (p properties) strings(key string) []string {
	v := p.value(key)
	if v == nil {
		return nil
	}
	if v.kind != list {
		p.wrong(v, key, "a list")
		return nil
	}
	var texts []string
	for _, item := range v.items {
		switch item.kind {
		case scalar:
			texts = append(texts, item.text)
		case unknown:
		default:
			p.wrong(item, key, "a list of texts")
		}
	}
	return texts
}

// object returns the properties of a property that is a map; ok is false if there
// is none.
func (p properties) object(key string) (properties, bool) {
	v := p.value(key)
	if v == nil {
		return properties{}, false
	}
	if v.kind != object {
		p.wrong(v, key, "a map")
		return properties{}, false
	}
	return properties{p.loader, v, v, v.path}, true
}

// known warns of properties that there are not.
func (p properties) known(what string, names []string) {
	for _, m := range p.members() {
		if !slices.Contains(names, m.key) {
			p.warning(m.keyAt, m.keyAt.path, "%s has no property %s%s", what, excerpt(m.key), didYouMean(m.key, names))
		}
	}
}

func (p properties) members() []member {
	if p.node == nil {
		return nil
	}
	return p.node.members
}

// bareShown is shown without quotes for numbers.
func (n *node) bareShown() string {
	if _, err := strconv.ParseFloat(n.text, 64); n.kind == scalar && err == nil {
		return excerpt(n.text)
	}
	return n.shown()
}
