// Package eventstream writes the response of InvokeWithResponseStream: the frames
// of docs/contract/invoke-api.md §3, over AWS's own encoder.
package eventstream

import (
	"encoding/json"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// ContentType is that of a body of frames.
const ContentType = "application/vnd.amazon.eventstream"

// MaxChunk is how many bytes one PayloadChunk takes at most.
const MaxChunk = 64 << 10

// Writer writes frames. It belongs to one goroutine.
type Writer struct {
	w       io.Writer
	encoder *eventstream.Encoder
	chunk   eventstream.Headers
}

// NewWriter returns a writer of frames to w.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: w, encoder: eventstream.NewEncoder(), chunk: headers("PayloadChunk", "application/octet-stream")}
}

func headers(event, contentType string) eventstream.Headers {
	var h eventstream.Headers
	h.Set(":message-type", eventstream.StringValue("event"))
	h.Set(":event-type", eventstream.StringValue(event))
	h.Set(":content-type", eventstream.StringValue(contentType))
	return h
}

// Chunk writes response bytes as one frame; p has at most MaxChunk bytes.
func (w *Writer) Chunk(p []byte) error {
	return w.encoder.Encode(w.w, eventstream.Message{Headers: w.chunk, Payload: p})
}

// Completion is the last frame of a stream.
type Completion struct {
	// ErrorCode and ErrorDetails are empty for a success.
	ErrorCode    string `json:",omitempty"`
	ErrorDetails string `json:",omitempty"`
	// LogResult is base64, "" unless the caller asked for it.
	LogResult string `json:",omitempty"`
}

// Complete writes the last frame.
func (w *Writer) Complete(c Completion) error {
	payload, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return w.encoder.Encode(w.w, eventstream.Message{Headers: headers("InvokeComplete", "application/json"), Payload: payload})
}
