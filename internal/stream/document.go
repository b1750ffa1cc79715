package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Prelude is what an HTTP integration says before its payload: the status line
// and headers of the answer. Names and values are as the function wrote them;
// whoever puts them on a wire checks them.
type Prelude struct {
	// StatusCode is 200 when the function did not say; its range is not checked.
	StatusCode int
	// Headers are in the order of the JSON.
	Headers []Header
	// MultiValueHeaders are the ones that some runtimes send beside Headers.
	MultiValueHeaders []Header
	// Cookies are values of Set-Cookie.
	Cookies []string
}

// Header is one header field and its values; several when the JSON held an array.
type Header struct {
	Name   string
	Values []string
}

// parsePrelude reads the JSON of a prelude. Unknown members are ignored, and null
// is the same as an absent member (docs/contract/streaming-clients.md §7).
func parsePrelude(text []byte) (*Prelude, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, errors.New("there is nothing before the separator; write {} for an empty prelude")
	}
	if !json.Valid(text) {
		return nil, describe(json.Unmarshal(text, new(json.RawMessage)))
	}
	if text[0] != '{' {
		return nil, fmt.Errorf("it is %s; write an object such as {\"statusCode\":200}", excerpt(text))
	}
	p := &Prelude{StatusCode: 200}
	var err error
	for name, value := range Members(text) {
		switch name {
		case "statusCode":
			p.StatusCode, err = ParseStatus(value)
		case "headers":
			p.Headers, err = ParseHeaders(name, value)
		case "multiValueHeaders":
			p.MultiValueHeaders, err = ParseHeaders(name, value)
		case "cookies":
			p.Cookies, err = ParseCookies(value)
		}
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

// ParseStatus reads a statusCode member, a number or a numeric string; null is
// 200. The range is not checked. Like the other parsers here it takes a value
// that Members yielded.
func ParseStatus(value json.RawMessage) (int, error) {
	if isNull(value) {
		return 200, nil
	}
	text := string(value)
	if value[0] == '"' {
		text = strings.TrimSpace(Unquote(value))
	}
	if code, err := strconv.Atoi(text); err == nil {
		return code, nil
	}
	// JSON has more than one way to write 200, and 2e2 is one.
	if f, err := strconv.ParseFloat(text, 64); err == nil && f == float64(int32(f)) {
		return int(f), nil
	}
	return 0, fmt.Errorf("statusCode is %s; write a number such as 200", excerpt(value))
}

// ParseHeaders reads an object of header fields in its order. A value is a
// string, a number, a boolean or an array of those; null is no value. member
// names the object in errors.
func ParseHeaders(member string, value json.RawMessage) ([]Header, error) {
	if isNull(value) {
		return nil, nil
	}
	if value[0] != '{' {
		return nil, fmt.Errorf("%s is %s; write an object of names and values", member, excerpt(value))
	}
	var headers []Header
	for name, raw := range Members(value) {
		values, err := headerValues(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", member, name, err)
		}
		if len(values) > 0 {
			headers = append(headers, Header{Name: name, Values: values})
		}
	}
	return headers, nil
}

func headerValues(raw json.RawMessage) ([]string, error) {
	if raw[0] == '[' {
		return scalars(raw)
	}
	value, ok, err := scalar(raw)
	if !ok || err != nil {
		return nil, err
	}
	return []string{value}, nil
}

// ParseCookies reads a cookies member, an array of strings.
func ParseCookies(value json.RawMessage) ([]string, error) {
	if isNull(value) {
		return nil, nil
	}
	if value[0] != '[' {
		return nil, fmt.Errorf("cookies is %s; write an array of strings such as [\"a=1; Path=/\"]", excerpt(value))
	}
	cookies, err := scalars(value)
	if err != nil {
		return nil, fmt.Errorf("cookies: %w", err)
	}
	return cookies, nil
}

// scalars returns the texts of an array of scalars.
func scalars(array json.RawMessage) ([]string, error) {
	var texts []string
	for raw := range elements(array) {
		text, ok, err := scalar(raw)
		if err != nil {
			return nil, err
		}
		if ok {
			texts = append(texts, text)
		}
	}
	return texts, nil
}

// scalar returns the text of a string, number or boolean; ok is false for null.
func scalar(raw json.RawMessage) (text string, ok bool, err error) {
	switch raw[0] {
	case 'n':
		return "", false, nil
	case '"':
		return Unquote(raw), true, nil
	case '{', '[':
		return "", false, fmt.Errorf("the value is %s; write a string, a number, a boolean or an array of those", excerpt(raw))
	}
	return string(raw), true, nil
}

func isNull(value json.RawMessage) bool { return value[0] == 'n' }

// describe makes the decoder's errors readable for somebody who wrote the JSON.
func describe(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%w at byte %d", err, syntax.Offset)
	}
	return err
}

// excerpt shows the beginning of a JSON value.
func excerpt(value []byte) string {
	const room = 40
	if len(value) <= room {
		return string(value)
	}
	return strings.ToValidUTF8(string(value[:room]), "") + "…"
}
