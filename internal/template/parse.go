package template

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// Bounds of a template. CloudFormation takes 1 MB; the rest keeps a hostile file
// from costing more than its size.
const (
	maxFileBytes = 4 << 20
	maxDepth     = 100
	maxNodes     = 400_000
)

// parse reads YAML or JSON into nodes. Problems go to r; the result is nil if
// nothing can be made of the text.
func parse(data []byte, json bool, r *report) (root *node) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		if n, failed := parseJSON(data); failed == nil || json {
			return finishJSON(n, failed, r)
		}
	}
	// The library reports what it can't read as an error; should one of its own
	// bugs panic instead, that is still only a file it can't read.
	defer func() {
		if v := recover(); v != nil {
			r.problem(nil, nil, "the file can't be read as YAML: %v", v)
			root = nil
		}
	}()
	var document yaml.Node
	if err := yaml.Load(data, &document, yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth)))); err != nil {
		reportSyntax(err, r)
		return nil
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		r.problem(nil, nil, "the file is empty; a template needs at least Resources")
		return nil
	}
	p := &yamlReader{report: r, nodes: maxNodes}
	n := p.read(document.Content[0], nil, 0)
	if p.tooMuch != "" {
		r.problem(nil, nil, "%s", p.tooMuch)
		return nil
	}
	return n
}

// reportSyntax turns the library's error into problems with positions.
func reportSyntax(err error, r *report) {
	var one *yaml.LoadError
	var many *yaml.LoadErrors
	var all []*yaml.LoadError
	switch {
	case errors.As(err, &many):
		all = many.Errors
	case errors.As(err, &one):
		all = []*yaml.LoadError{one}
	default:
		r.problem(nil, nil, "the file can't be read as YAML: %v", err)
	}
	for _, e := range all {
		at := &node{line: e.Mark.Line, column: e.Mark.Column}
		message := strings.TrimPrefix(e.Message, "yaml: ")
		switch {
		case strings.HasPrefix(message, "no documents"):
			message = "the file is empty; a template needs at least Resources"
		case strings.HasPrefix(message, "expected single document"):
			message = "the file holds more than one YAML document; remove the line with ---"
		case strings.HasPrefix(message, "exceeded max depth"):
			message = fmt.Sprintf("the template is nested deeper than %d levels", maxDepth)
		case strings.HasPrefix(message, "found character that cannot start any token") && e.Mark.Column > 0:
			message = "YAML syntax: a value can't start with this character; quote the text, and indent with spaces instead of tabs"
		default:
			message = "YAML syntax: " + message
			if e.ContextMsg != "" && e.ContextMark.Line > 0 {
				message += fmt.Sprintf(" (%s that starts at line %d, column %d)", e.ContextMsg, e.ContextMark.Line, e.ContextMark.Column)
			}
		}
		r.problem(at, nil, "%s", message)
	}
}

// yamlReader turns YAML nodes into ours: short tags become Ref and Fn::…, aliases
// and merge keys are carried out.
type yamlReader struct {
	report *report
	// nodes is how many more may be made. Aliases multiply them.
	nodes   int
	tooMuch string
}

func (y *yamlReader) read(n *yaml.Node, at *path, depth int) *node {
	y.nodes--
	switch {
	case y.tooMuch != "":
	case y.nodes < 0:
		y.tooMuch = fmt.Sprintf("the template has more than %d values once its aliases are replaced", maxNodes)
	case depth > maxDepth:
		y.tooMuch = fmt.Sprintf("the template is nested deeper than %d levels once its aliases are replaced", maxDepth)
	}
	v := &node{line: n.Line, column: n.Column, path: at}
	if y.tooMuch != "" {
		v.kind = unknown
		return v
	}
	if n.Kind == yaml.AliasNode {
		if n.Alias == nil {
			v.kind = unknown
			return v
		}
		return y.read(n.Alias, at, depth+1)
	}
	if tag := n.Tag; strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") {
		return y.readShort(n, v, depth)
	}
	y.fill(n, v, depth)
	return v
}

// fill reads the value itself, without its short tag.
func (y *yamlReader) fill(n *yaml.Node, v *node, depth int) {
	switch n.Kind {
	case yaml.ScalarNode:
		fillScalar(n, v)
	case yaml.SequenceNode:
		v.kind = list
		for i, c := range n.Content {
			v.items = append(v.items, y.read(c, v.path.item(i), depth+1))
		}
	case yaml.MappingNode:
		v.kind = object
		y.fillObject(n, v, depth)
	}
}

func fillScalar(n *yaml.Node, v *node) {
	quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	v.kind, v.text = scalar, n.Value
	switch {
	case quoted || n.Tag == "!!str" && n.Style&yaml.TaggedStyle != 0:
	case n.ShortTag() == "!!null":
		v.kind, v.text = null, ""
	case !strings.HasPrefix(n.Tag, "!") || strings.HasPrefix(n.Tag, "!!"):
		v.text, v.bare = plain(n.Value), true
	}
}

func (y *yamlReader) fillObject(n *yaml.Node, v *node, depth int) {
	index := map[string]int{}
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, c := n.Content[i], n.Content[i+1]
		if k.Kind == yaml.AliasNode && k.Alias != nil {
			k = k.Alias
		}
		if k.ShortTag() == "!!merge" {
			merges = append(merges, c)
			continue
		}
		keyAt := &node{line: n.Content[i].Line, column: n.Content[i].Column}
		if k.Kind != yaml.ScalarNode {
			y.report.problem(keyAt, v.path, "a key has to be a plain name, not %s", yamlKind(k.Kind))
			continue
		}
		key := k.Value
		value := y.read(c, v.path.member(key), depth+1)
		if value.kind == null {
			// An empty value has no place of its own; its key does.
			value.line, value.column = keyAt.line, keyAt.column
		}
		keyAt.path = value.path
		if at, twice := index[key]; twice {
			first := v.members[at].keyAt
			y.report.problem(keyAt, keyAt.path, "the key %s is here twice; line %d has it already", excerpt(key), first.line)
			continue
		}
		index[key] = len(v.members)
		v.members = append(v.members, member{key, keyAt, value})
	}
	for _, c := range merges {
		y.merge(c, v, index, depth)
	}
}

// merge carries out "<<": keys that the map has itself win, then those of the
// map that comes first.
func (y *yamlReader) merge(n *yaml.Node, v *node, index map[string]int, depth int) {
	from := y.read(n, v.path, depth+1)
	sources := []*node{from}
	if from.kind == list {
		sources = from.items
	}
	for _, s := range sources {
		switch s.kind {
		case object:
		case unknown:
			continue
		default:
			y.report.problem(&node{line: n.Line, column: n.Column}, v.path, "<< merges maps; this is %s", s.kind)
			continue
		}
		for _, m := range s.members {
			if _, have := index[m.key]; !have {
				index[m.key] = len(v.members)
				v.members = append(v.members, m)
			}
		}
	}
}

func yamlKind(k yaml.Kind) string {
	switch k {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a map"
	}
	return "this"
}

// shortTags are the tags of docs/contract/sam-template.md §1 and what they stand
// for.
var shortTags = map[string]string{
	"!Ref": "Ref", "!Condition": "Condition", "!Sub": "Fn::Sub", "!GetAtt": "Fn::GetAtt", "!Join": "Fn::Join",
	"!If": "Fn::If", "!Equals": "Fn::Equals", "!And": "Fn::And", "!Or": "Fn::Or", "!Not": "Fn::Not",
	"!FindInMap": "Fn::FindInMap", "!Select": "Fn::Select", "!Split": "Fn::Split", "!Base64": "Fn::Base64",
	"!ImportValue": "Fn::ImportValue", "!GetAZs": "Fn::GetAZs", "!Cidr": "Fn::Cidr", "!Transform": "Fn::Transform",
	"!Length": "Fn::Length", "!ToJsonString": "Fn::ToJsonString",
}

// readShort reads a value with a short tag as the map that it stands for.
func (y *yamlReader) readShort(n *yaml.Node, v *node, depth int) *node {
	name, known := shortTags[n.Tag]
	if !known {
		tags := keysOf(shortTags)
		slices.Sort(tags)
		y.report.problem(v, v.path, "%s is not a tag of CloudFormation%s", excerpt(n.Tag), didYouMeanOr(n.Tag, tags))
		v.kind = unknown
		return v
	}
	inner := &node{line: n.Line, column: n.Column, path: v.path}
	y.fill(n, inner, depth)
	if inner.kind == null {
		inner = inner.hereText("")
	}
	if name == "Fn::GetAtt" && inner.kind == scalar {
		inner = splitAttribute(inner)
	}
	v.kind = object
	v.members = []member{{name, &node{line: n.Line, column: n.Column, path: v.path}, inner}}
	return v
}

// splitAttribute turns "A.B.C" into ["A", "B.C"].
func splitAttribute(n *node) *node {
	id, attribute, found := strings.Cut(n.text, ".")
	if !found {
		return n
	}
	return n.hereList([]*node{n.hereText(id), n.hereText(attribute)})
}

// didYouMeanOr is didYouMean with the whole list as the second best.
func didYouMeanOr(name string, candidates []string) string {
	if hint := didYouMean(name, candidates); hint != "" {
		return hint
	}
	if len(candidates) == 0 {
		return ""
	}
	return "; known are " + strings.Join(candidates, ", ")
}

func keysOf[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}
