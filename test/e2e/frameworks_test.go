package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Frameworks hold the response stream as a Node Writable, each in its own way.
func TestFrameworksStream(t *testing.T) {
	d := startDev(t, "frameworks")
	for _, tt := range []struct {
		function, path string
		status         int
		// first and second arrive 400 ms apart.
		first, second string
	}{
		{"Hono", "/", 200, "first ", "second"},
		{"Fastify", "/", 201, "first ", "second"},
		{"Middy", "/", 202, "first ", "second"},
		{"React", "/", 200, "<h1>shell</h1>", "the data"},
	} {
		t.Run(tt.function, func(t *testing.T) {
			resp := d.get(tt.function, tt.path)
			if resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
			}
			checkTwoPieces(t, resp, tt.first, tt.second)
		})
	}
	t.Run("Trpc", func(t *testing.T) {
		req, _ := http.NewRequest("GET", d.url("Trpc", "counting?batch=1&input=%7B%7D"), nil)
		req.Header.Set("trpc-accept", "application/jsonl")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		checkTwoPieces(t, resp, `"first"`, `"second"`)
	})
	t.Run("Hono status and headers", func(t *testing.T) {
		resp := d.get("Hono", "teapot")
		if resp.StatusCode != 418 || resp.Header.Get("x-kind") != "teapot" {
			t.Errorf("status %d, headers %v", resp.StatusCode, resp.Header)
		}
	})
}

// checkTwoPieces checks that the second text came well after the first.
func checkTwoPieces(t *testing.T, resp *http.Response, first, second string) {
	t.Helper()
	chunks, at, err := arrivals(resp.Body)
	if err != nil {
		t.Fatalf("%v after %q", err, chunks)
	}
	var body string
	var sawFirst, sawSecond time.Duration = -1, -1
	for i, chunk := range chunks {
		body += chunk
		if sawFirst < 0 && strings.Contains(body, first) {
			sawFirst = at[i]
		}
		if sawSecond < 0 && strings.Contains(body, second) {
			sawSecond = at[i]
		}
	}
	if sawFirst < 0 || sawSecond < 0 || sawSecond-sawFirst < 200*time.Millisecond {
		t.Errorf("%q at %v, %q at %v; body %q", first, sawFirst, second, sawSecond, body)
	}
}
