package functionurl

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/stream"
)

// buffer answers in invoke mode BUFFERED: the whole result is collected, within
// the quota that the Runtime API holds it to, and mapped
// (docs/contract/function-url.md §3).
func (x *exchange) buffer(resp *sluice.Response) {
	body := resp.Body
	var h head
	integration := stream.IsIntegration(resp.ContentType)
	if integration {
		prelude, payload, err := x.readPrelude(body)
		if err != nil {
			return
		}
		h, body = headOf(prelude), payload
	}
	data, err := io.ReadAll(stream.Counted(body, &x.inv.Meter))
	if err != nil {
		x.broke(err)
		return
	}
	switch {
	case integration:
		x.w.Header().Set("Content-Type", "application/octet-stream")
	case json.Valid(data):
		x.w.Header().Set("Content-Type", "application/json")
		if h, data, err = mapResult(data); err != nil {
			x.malformed(body, "the result can't be sent: "+err.Error())
			return
		}
	case resp.Streaming:
		// Bytes without a prelude are no result; they are sent as they are.
		h.status = http.StatusOK
		h.headers = []stream.Header{{Name: "Content-Type", Values: []string{resp.ContentType}}}
	default:
		x.malformed(body, "the function's result is not JSON; an invoke mode BUFFERED Function URL needs JSON, such as {\"statusCode\":200,\"body\":\"...\"}")
		return
	}
	if err := x.setHead(h); err != nil {
		x.malformed(body, "the result can't be sent: "+err.Error())
		return
	}
	x.answer(h.status, data)
}

// mapResult makes an answer of a function's result, which is valid JSON.
func mapResult(result []byte) (head, []byte, error) {
	result = bytes.TrimSpace(result)
	h := head{status: http.StatusOK}
	switch result[0] {
	case '"':
		return h, []byte(stream.Unquote(result)), nil
	case '{':
		if isResult(result) {
			return mapStructured(result)
		}
	}
	var compact bytes.Buffer
	json.Compact(&compact, result) // valid, so it can't fail
	return h, compact.Bytes(), nil
}

// isResult tells that an object has a statusCode, which makes it a description
// of an answer instead of the answer itself.
func isResult(object []byte) bool {
	for name := range stream.Members(object) {
		if name == "statusCode" {
			return true
		}
	}
	return false
}

// looksLikeResult is isResult for the beginning of a body, which may be anything.
func looksLikeResult(data []byte) bool {
	data = bytes.TrimSpace(data)
	return len(data) > 0 && data[0] == '{' && json.Valid(data) && isResult(data)
}

// mapStructured reads {statusCode, headers, cookies, body, isBase64Encoded};
// other members are ignored.
func mapStructured(object []byte) (h head, body []byte, err error) {
	h.status = http.StatusOK
	encoded := false
	for name, value := range stream.Members(object) {
		switch name {
		case "statusCode":
			h.status, err = stream.ParseStatus(value)
		case "headers":
			h.headers, err = stream.ParseHeaders(name, value)
		case "multiValueHeaders":
			h.multiValueHeaders, err = stream.ParseHeaders(name, value)
		case "cookies":
			h.cookies, err = stream.ParseCookies(value)
		case "body":
			body = resultBody(value)
		case "isBase64Encoded":
			encoded = string(value) == "true" || strings.EqualFold(string(value), `"true"`)
		}
		if err != nil {
			return h, nil, err
		}
	}
	if encoded {
		if body, err = decodeBase64(body); err != nil {
			return h, nil, err
		}
	}
	return h, body, nil
}

// resultBody is a string's text, nothing for null, and the JSON of all else.
func resultBody(value json.RawMessage) []byte {
	switch value[0] {
	case '"':
		return []byte(stream.Unquote(value))
	case 'n':
		return nil
	}
	var compact bytes.Buffer
	json.Compact(&compact, value)
	return compact.Bytes()
}

func decodeBase64(text []byte) ([]byte, error) {
	data := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(data, text)
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) {
		return nil, fmt.Errorf("isBase64Encoded is true but the body is not base64 at byte %d; encode it, or leave isBase64Encoded out", int64(corrupt))
	}
	return data[:n], err
}
