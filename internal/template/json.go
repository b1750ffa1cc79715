package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// syntaxError is why a text is no JSON, and where.
type syntaxError struct {
	offset  int64
	message string
}

func (e *syntaxError) Error() string { return e.message }

// jsonReader reads JSON with positions. YAML readers refuse some JSON (tabs,
// escaped surrogate pairs), so JSON has its own.
type jsonReader struct {
	data    []byte
	decoder *json.Decoder
	nodes   int
	// at, line and lineStart remember the last position that was asked for, so
	// that finding lines is linear in the size of the file.
	at, line, lineStart int
	twice               []twice
}

// twice is a key that an object has a second time.
type twice struct {
	at    *node
	key   string
	first int
}

func parseJSON(data []byte) (*jsonDocument, *syntaxError) {
	j := &jsonReader{data: data, decoder: json.NewDecoder(bytes.NewReader(data)), nodes: maxNodes, line: 1}
	j.decoder.UseNumber()
	root, err := j.value(nil, 0)
	if err == nil {
		if _, trailing := j.decoder.Token(); !errors.Is(trailing, io.EOF) {
			err = &syntaxError{j.decoder.InputOffset(), "the template ended before this; remove what follows"}
		}
	}
	document := &jsonDocument{root: root, twice: j.twice, position: j.position}
	return document, err
}

// jsonDocument is what parseJSON found.
type jsonDocument struct {
	root     *node
	twice    []twice
	position func(offset int64) (line, column int)
}

func finishJSON(d *jsonDocument, failed *syntaxError, r *report) *node {
	if failed != nil {
		line, column := d.position(failed.offset)
		r.problem(&node{line: line, column: column}, nil, "JSON syntax: %s", failed.message)
		return nil
	}
	for _, t := range d.twice {
		r.problem(t.at, t.at.path, "the key %s is here twice; line %d has it already", excerpt(t.key), t.first)
	}
	return d.root
}

// position finds line and column of an offset. Offsets mostly grow.
func (j *jsonReader) position(offset int64) (line, column int) {
	to := min(int(offset), len(j.data))
	if to < j.at {
		j.at, j.line, j.lineStart = 0, 1, 0
	}
	for ; j.at < to; j.at++ {
		if j.data[j.at] == '\n' {
			j.line++
			j.lineStart = j.at + 1
		}
	}
	return j.line, utf8.RuneCount(j.data[j.lineStart:to]) + 1
}

// next returns a token and a node at its position.
func (j *jsonReader) next() (json.Token, *node, *syntaxError) {
	start := int(j.decoder.InputOffset())
	for start < len(j.data) && bytes.IndexByte([]byte(" \t\r\n,:"), j.data[start]) >= 0 {
		start++
	}
	line, column := j.position(int64(start))
	token, err := j.decoder.Token()
	if err != nil {
		var syntax *json.SyntaxError
		switch {
		case errors.As(err, &syntax):
			return nil, nil, &syntaxError{max(syntax.Offset-1, 0), syntax.Error()}
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, nil, &syntaxError{int64(len(j.data)), "the file ends in the middle of a value"}
		}
		return nil, nil, &syntaxError{int64(start), err.Error()}
	}
	return token, &node{line: line, column: column}, nil
}

func (j *jsonReader) value(at *path, depth int) (*node, *syntaxError) {
	token, n, err := j.next()
	if err != nil {
		return nil, err
	}
	j.nodes--
	switch {
	case j.nodes < 0:
		return nil, &syntaxError{j.decoder.InputOffset(), fmt.Sprintf("the template has more than %d values", maxNodes)}
	case depth > maxDepth:
		return nil, &syntaxError{j.decoder.InputOffset(), fmt.Sprintf("the template is nested deeper than %d levels", maxDepth)}
	}
	n.path = at
	switch t := token.(type) {
	case string:
		n.kind, n.text = scalar, t
	case json.Number:
		n.kind, n.text, n.bare = scalar, t.String(), true
	case bool:
		n.kind, n.text, n.bare = scalar, strconv.FormatBool(t), true
	case json.Delim:
		if t == '[' {
			return j.list(n, depth)
		}
		return j.object(n, depth)
	}
	return n, nil
}

func (j *jsonReader) list(n *node, depth int) (*node, *syntaxError) {
	n.kind = list
	for j.decoder.More() {
		item, err := j.value(n.path.item(len(n.items)), depth+1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, _, err := j.next()
	return n, err
}

func (j *jsonReader) object(n *node, depth int) (*node, *syntaxError) {
	n.kind = object
	index := map[string]int{}
	for j.decoder.More() {
		token, keyAt, err := j.next()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string)
		keyAt.path = n.path.member(key)
		value, err := j.value(keyAt.path, depth+1)
		if err != nil {
			return nil, err
		}
		if first, have := index[key]; have {
			j.twice = append(j.twice, twice{keyAt, key, first})
			continue
		}
		index[key] = keyAt.line
		n.members = append(n.members, member{key, keyAt, value})
	}
	_, _, err := j.next()
	return n, err
}
