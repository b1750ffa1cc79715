package functionurl

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary is its own runtime: started in an execution environment it
// speaks the Runtime API like any custom runtime, and answers the way that the
// x-order header of the request says.
func TestMain(m *testing.M) {
	if api := os.Getenv("AWS_LAMBDA_RUNTIME_API"); api != "" {
		runRuntime("http://" + api + "/2018-06-01/runtime/invocation/")
		return
	}
	goleak.VerifyTestMain(m)
}

// order is what the runtime is to do with a request.
type order struct {
	// Type is the content type of the response, "" for none.
	Type string
	// Stream sends Chunks one by one, else they are one buffered result. Without
	// chunks the event is sent back.
	Stream bool
	Chunks []string
	// Pause is the time between two chunks in milliseconds.
	Pause int
	// Flood is a number of bytes sent after the chunks.
	Flood int
	// Error is reported instead of a response, or behind the chunks of a stream.
	Error string
	// Exit and Hang are what the runtime does in the end.
	Exit, Hang bool
	// Mark is a file to write in the end.
	Mark string
}

func runRuntime(api string) {
	for {
		resp, err := http.Get(api + "next")
		if err != nil {
			os.Exit(70)
		}
		payload, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		var event struct{ Headers map[string]string }
		json.Unmarshal(payload, &event)
		var o order
		json.Unmarshal([]byte(event.Headers["x-order"]), &o)
		o.obey(api+resp.Header.Get("Lambda-Runtime-Aws-Request-Id"), payload)
	}
}

func (o *order) obey(call string, payload []byte) {
	var body io.Reader = strings.NewReader(strings.Join(o.Chunks, ""))
	header := http.Header{}
	switch {
	case o.Error != "" && !o.Stream:
		header.Set("Lambda-Runtime-Function-Error-Type", o.Error)
		post(call+"/error", header, strings.NewReader(`{"errorType":"`+o.Error+`","errorMessage":"as ordered"}`), nil)
		return
	case len(o.Chunks) == 0 && !o.Stream:
		body = strings.NewReader(string(payload))
	case o.Stream:
		header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
		r, w := io.Pipe()
		body = r
		go o.write(w)
	}
	if o.Type != "" {
		header.Set("Content-Type", o.Type)
	}
	var trailer http.Header
	if o.Stream {
		trailer = http.Header{"Lambda-Runtime-Function-Error-Type": nil, "Lambda-Runtime-Function-Error-Body": nil}
		if o.Error != "" {
			trailer.Set("Lambda-Runtime-Function-Error-Type", o.Error)
		}
	}
	post(call+"/response", header, body, trailer)
	if o.Mark != "" {
		os.WriteFile(o.Mark, nil, 0o600)
	}
}

func (o *order) write(w *io.PipeWriter) {
	for i, chunk := range o.Chunks {
		if i > 0 {
			time.Sleep(time.Duration(o.Pause) * time.Millisecond)
		}
		io.WriteString(w, chunk)
	}
	block := []byte(strings.Repeat("x", 64<<10))
	for left := o.Flood; left > 0; left -= len(block) {
		w.Write(block[:min(left, len(block))])
	}
	switch {
	case o.Exit:
		time.Sleep(50 * time.Millisecond) // until the chunks have left
		os.Exit(3)
	case o.Hang:
		select {}
	}
	w.Close()
}

func post(url string, header http.Header, body io.Reader, trailer http.Header) {
	req, _ := http.NewRequest("POST", url, body)
	req.Header, req.Trailer = header, trailer
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
	}
}
