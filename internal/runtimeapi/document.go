package runtimeapi

import (
	"bytes"
	"io"
	"strconv"

	sluice "github.com/sluice-run/sluice"
)

// Document is a response body that is complete from the start: an error JSON.
type Document struct{ r bytes.Reader }

var _ sluice.Body = (*Document)(nil)

// NewDocument returns a body that yields data.
func NewDocument(data []byte) *Document {
	d := &Document{}
	d.r.Reset(data)
	return d
}

func (d *Document) Read(p []byte) (int, error) { return d.r.Read(p) }

// Pending is always true: nothing has to arrive.
func (d *Document) Pending() bool { return true }

// Close drops what was not read.
func (d *Document) Close(error) { d.r.Seek(0, io.SeekEnd) }

// ErrorDocument returns the two-member JSON that the platform answers with
// (docs/contract/execution-environment.md §4.2).
func ErrorDocument(errorType, message string) []byte {
	return append(appendErrorFields(nil, "errorType", errorType, "errorMessage", message), '}')
}

func appendErrorFields(b []byte, name1, value1, name2, value2 string) []byte {
	b = append(b, `{"`+name1+`":`...)
	b = appendJSONString(b, value1)
	b = append(b, `,"`+name2+`":`...)
	return appendJSONString(b, value2)
}

// FunctionError is the response of a function that failed before it answered.
func FunctionError(errorType string, document []byte) *sluice.Response {
	return &sluice.Response{ContentType: "application/json", FunctionError: errorType, Body: NewDocument(document)}
}

func tooLarge(limit int64) string {
	return "Response payload size exceeded maximum allowed payload size (" + strconv.FormatInt(limit, 10) + " bytes)."
}
