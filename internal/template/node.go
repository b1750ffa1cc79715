package template

import (
	"strconv"
	"strings"
)

// kind is what a node holds.
type kind uint8

const (
	null kind = iota
	scalar
	list
	object
	// unknown is the value of something that was reported as a problem; whatever
	// depends on it stays silent.
	unknown
)

func (k kind) String() string {
	return [...]string{"nothing", "a scalar", "a list", "a map", "an unknown value"}[k]
}

// node is one value of a template and where it stands. Nodes are not modified
// once they were built; parts are shared freely.
type node struct {
	kind kind
	// text is the value of a scalar, as CloudFormation would write it.
	text string
	// bare tells that a scalar was written without quotes, as a number or boolean is.
	bare bool
	// items are the elements of a list.
	items []*node
	// members are the entries of an object in the order of the file.
	members []member
	// line and column count from 1; 0 for the file as a whole.
	line, column int
	// path is where the value was written, Globals included.
	path *path
}

// member is one entry of an object.
type member struct {
	key string
	// keyAt has the key's position, for problems with the key itself.
	keyAt *node
	value *node
}

// path names a place in the template.
type path struct {
	parent *path
	name   string
	// index is the place in a list plus one; 0 if name counts.
	index int
}

func (p *path) member(name string) *path { return &path{parent: p, name: name} }
func (p *path) item(i int) *path         { return &path{parent: p, index: i + 1} }

// String returns the dotted path. Names may come from the template, so a long
// one is cut.
func (p *path) String() string {
	var parts []string
	for ; p != nil; p = p.parent {
		part := p.name
		if p.index > 0 {
			part = "[" + strconv.Itoa(p.index-1) + "]"
		} else {
			part = excerpt(part)
		}
		parts = append(parts, part)
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		if b.Len() > 0 && parts[i][0] != '[' {
			b.WriteByte('.')
		}
		b.WriteString(parts[i])
	}
	return b.String()
}

// get returns the value of a key, nil if n has none.
func (n *node) get(key string) *node {
	if m := n.member(key); m != nil {
		return m.value
	}
	return nil
}

func (n *node) member(key string) *member {
	if n == nil || n.kind != object {
		return nil
	}
	for i := range n.members {
		if n.members[i].key == key {
			return &n.members[i]
		}
	}
	return nil
}

func (n *node) keys() []string {
	if n == nil {
		return nil
	}
	names := make([]string, len(n.members))
	for i, m := range n.members {
		names[i] = m.key
	}
	return names
}

// here returns a node of another value at n's place.
func (n *node) here(k kind) *node {
	return &node{kind: k, line: n.line, column: n.column, path: n.path}
}

func (n *node) hereText(text string) *node {
	v := n.here(scalar)
	v.text = text
	return v
}

func (n *node) hereList(items []*node) *node {
	v := n.here(list)
	v.items = items
	return v
}

// excerpt quotes nothing and shortens a text of the template for a message.
func excerpt(s string) string {
	const most = 80
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '␣'
		}
		return r
	}, s)
	if len(s) <= most {
		if s == "" {
			return `""`
		}
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// shown is a value for a message.
func (n *node) shown() string {
	switch n.kind {
	case scalar:
		return strconv.Quote(excerptRaw(n.text))
	default:
		return n.kind.String()
	}
}

func excerptRaw(s string) string {
	if s == "" {
		return ""
	}
	return excerpt(s)
}
