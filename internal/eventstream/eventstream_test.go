package eventstream

import (
	"bytes"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// TestFrames reads back what was written with AWS's decoder
// (docs/contract/invoke-api.md §3.3–3.5).
func TestFrames(t *testing.T) {
	var wire bytes.Buffer
	w := NewWriter(&wire)
	big := bytes.Repeat([]byte{0, 255}, MaxChunk/2)
	for _, chunk := range [][]byte{[]byte("one"), {}, big} {
		if err := w.Chunk(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Complete(Completion{ErrorCode: "E", ErrorDetails: `{"a":1}`}); err != nil {
		t.Fatal(err)
	}
	d := eventstream.NewDecoder()
	for i, want := range []struct{ event, kind, payload string }{
		{"PayloadChunk", "application/octet-stream", "one"}, {"PayloadChunk", "application/octet-stream", ""},
		{"PayloadChunk", "application/octet-stream", string(big)},
		{"InvokeComplete", "application/json", `{"ErrorCode":"E","ErrorDetails":"{\"a\":1}"}`},
	} {
		m, err := d.Decode(&wire, nil)
		if err != nil {
			t.Fatal(err)
		}
		if m.Headers.Get(":event-type").String() != want.event || m.Headers.Get(":content-type").String() != want.kind ||
			m.Headers.Get(":message-type").String() != "event" || string(m.Payload) != want.payload {
			t.Errorf("frame %d: %v %.40q", i, m.Headers, m.Payload)
		}
	}
	if _, err := d.Decode(&wire, nil); err != io.EOF {
		t.Errorf("behind the last frame: %v", err)
	}
}
