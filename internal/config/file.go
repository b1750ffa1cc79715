package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxFile bounds the configuration file in bytes.
const maxFile = 1 << 20

// readFile applies the file at path, an absolute one. Mistakes in it are
// collected; an error means that it could not be read.
func (l *loader) readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return &Error{Message: fmt.Sprintf("configuration file: %v", err)}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return &Error{Message: fmt.Sprintf("configuration file: %v", err)}
	}
	if len(text) > maxFile {
		return &Error{Where: path, Message: fmt.Sprintf("the file is larger than %d bytes, so it is not a configuration file", maxFile)}
	}
	l.parse(path, text)
	return nil
}

// parse applies the text of a file. Scalars are taken as they are written, not
// as YAML types, so accountId: 012345678901 keeps its leading zero.
func (l *loader) parse(path string, text []byte) {
	var documents []yaml.Node
	if err := yaml.Load(text, &documents, yaml.WithAllDocuments()); err != nil {
		where, message := path, err.Error()
		if at := (*yaml.LoadError)(nil); errors.As(err, &at) {
			message = at.Message
			if at.ContextMsg != "" {
				message += " " + at.ContextMsg
			}
			if at.Mark.Line > 0 {
				where = fmt.Sprintf("%s:%d:%d", path, at.Mark.Line, max(at.Mark.Column, 1))
			}
		}
		l.fail("", where, "not valid YAML: %s", message)
		return
	}
	if len(documents) > 1 {
		l.fail("", position(path, &documents[1]), "a second document starts here; a configuration file has one")
		return
	}
	if len(documents) == 0 {
		return
	}
	root := &documents[0]
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if isNull(root) {
		return
	}
	l.mapping(path, "", root, newKeySet())
}

// keySet is what a file may hold: settings by key, and the groups they are in.
type keySet struct {
	settings map[string]setting
	groups   map[string]bool
	all      []string
}

func newKeySet() keySet {
	k := keySet{settings: map[string]setting{}, groups: map[string]bool{}}
	for _, s := range settings() {
		if group, _, dotted := strings.Cut(s.key, "."); dotted && !k.groups[group] {
			k.groups[group] = true
			k.all = append(k.all, group)
		}
		k.settings[s.key] = s
		k.all = append(k.all, s.key)
	}
	return k
}

// members lists the keys directly under prefix, which is "" or ends in '.'.
func (k keySet) members(prefix string) string {
	var names []string
	for _, key := range k.all {
		if name, ok := strings.CutPrefix(key, prefix); ok && !strings.Contains(name, ".") {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

func (l *loader) mapping(path, prefix string, node *yaml.Node, keys keySet) {
	group := strings.TrimSuffix(prefix, ".")
	if node.Kind != yaml.MappingNode {
		l.fail(group, position(path, node), "expected keys and values here: %s", keys.members(prefix))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], deref(node.Content[i+1])
		key := prefix + name.Value
		if line, twice := seen[key]; twice {
			l.fail(key, position(path, name), "already set in line %d", line)
			continue
		}
		seen[key] = name.Line
		s, known := keys.settings[key]
		switch {
		case strings.Contains(name.Value, "."):
			l.fail(key, position(path, name), "unknown key; write %s", nested(name.Value))
		case keys.groups[key]:
			if !isNull(value) {
				l.mapping(path, key+".", value, keys)
			}
		case !known:
			l.unknown(path, prefix, name, keys)
		case value.Kind != yaml.ScalarNode:
			l.fail(key, position(path, value), "expected a single value, such as %s", example(s))
		case isNull(value):
			l.fail(key, position(path, name), "no value; write one such as %s, or remove the key", example(s))
		default:
			l.apply(s, value.Value, position(path, value), filepath.Dir(path))
		}
	}
}

func (l *loader) unknown(path, prefix string, name *yaml.Node, keys keySet) {
	hint := didYouMean(prefix+name.Value, keys.all)
	if hint == "" {
		hint = didYouMean(name.Value, keys.all)
	}
	in := ""
	if prefix != "" {
		in = " of " + strings.TrimSuffix(prefix, ".")
	}
	l.fail(prefix+name.Value, position(path, name), "unknown key%s; the keys%s are %s", hint, in, keys.members(prefix))
}

// nested writes "log.level" the way a file has to.
func nested(key string) string {
	return strings.ReplaceAll(key, ".", ": {") + ": …" + strings.Repeat("}", strings.Count(key, "."))
}

// example is a value to write in a file.
func example(s setting) string {
	if text := s.text(Default()); text != "" {
		return text
	}
	return "/srv/sluice"
}

// deref follows an alias. It may lead to a collection, which no setting takes,
// or to a mapping, whose members are then read like any other.
func deref(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

func position(path string, n *yaml.Node) string {
	return fmt.Sprintf("%s:%d:%d", path, max(n.Line, 1), max(n.Column, 1))
}
