package doctor

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func examine(t *testing.T, handler http.HandlerFunc) *Report {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := Examine(ctx, "GET", server.URL, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *Report) says(text string) bool {
	for _, f := range r.Findings {
		if strings.Contains(f.Text, text) {
			return true
		}
	}
	return false
}

func pieces(w http.ResponseWriter, pause time.Duration, all ...string) {
	for _, p := range all {
		io.WriteString(w, p)
		http.NewResponseController(w).Flush()
		time.Sleep(pause)
	}
}

func TestAStreamIsOne(t *testing.T) {
	r := examine(t, func(w http.ResponseWriter, _ *http.Request) { pieces(w, 60*time.Millisecond, "one", "two", "three") })
	if r.Verdict != Streams || len(r.Timeline.Arrivals) != 3 || r.Timeline.Bytes() != 11 || len(r.Findings) != 0 || r.Status != 200 || r.Error != "" {
		t.Errorf("%+v", r)
	}
	if r.Timeline.LargestGap() < 40*time.Millisecond || r.Timeline.Total < r.Timeline.FirstByte() || r.Headers == 0 {
		t.Errorf("%+v", r.Timeline)
	}
	var drawn strings.Builder
	r.Timeline.Draw(&drawn)
	if strings.Count(drawn.String(), "\n") != 3 || strings.Count(drawn.String(), "█") != 3 || !strings.Contains(r.Timeline.Summary(), "3 pieces, 11 B") {
		t.Errorf("%s%s", &drawn, r.Timeline.Summary())
	}
}

func TestWhatHoldsAResponseBack(t *testing.T) {
	r := examine(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "6")
		w.Header().Set("Via", "1.1 proxy")
		w.Header().Set("Server", "nginx/1.25")
		io.WriteString(w, "onetwo")
	})
	if r.Verdict != AtOnce || !r.says("Content-Length: 6") || !r.says("Via: 1.1 proxy") || !r.says("nginx buffers") || !r.says("held back") {
		t.Errorf("%+v", r)
	}
	r = examine(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, "text")
		z.Close()
	})
	if !r.says("Content-Encoding: gzip") {
		t.Errorf("%+v", r)
	}
}

func TestABrokenEnd(t *testing.T) {
	r := examine(t, func(w http.ResponseWriter, _ *http.Request) {
		pieces(w, 50*time.Millisecond, "part", "part")
		panic(http.ErrAbortHandler)
	})
	if r.Verdict != Broken || r.Error == "" || !r.says("broke off") {
		t.Errorf("%+v", r)
	}
}

func TestAnErrorIsNoStream(t *testing.T) {
	r := examine(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	if r.Verdict != Refused || !r.says("403 Forbidden") {
		t.Errorf("%+v", r)
	}
}

func TestARedirectLeadsElsewhere(t *testing.T) {
	r := examine(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", http.StatusFound) })
	if r.Verdict != Elsewhere || !r.says("302 Found: look at http://127.0.0.1:") || !r.says("/there instead") {
		t.Errorf("%+v", r)
	}
}

func TestNamesBelowLocalhostAreThisMachine(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for _, host := range []string{"fn.lambda-url.localhost", "localhost", "FN.Localhost"} {
		r, err := Examine(t.Context(), "GET", "http://"+host+":"+port+"/", nil, nil)
		if err != nil || r.Status != 200 || r.Timeline.Bytes() != len(host)+1+len(port) {
			t.Errorf("%s: %+v %v", host, r, err)
		}
	}
	if isLocal("localhost.example.com") || isLocal("notlocalhost") {
		t.Error("names elsewhere are taken for local ones")
	}
}

// Somebody who collects for a while, and somebody who fills a buffer.
func TestWhatWasWrittenApartAndCameTogether(t *testing.T) {
	r := examine(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		pieces(w, 40*time.Millisecond, ": hello\n\n", "data: 1\n\ndata: 2\r", "\n\r\ndata: 3\r\n\r\n", "data: 4\n\ndata: 5\n\ndata: 6\n\n")
	})
	if r.Verdict != Streams || !r.says("6 events came in 4 groups") {
		t.Errorf("%+v", r)
	}
	r = examine(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		pieces(w, 40*time.Millisecond, "data: 1\n\n", "data: 2\n\n")
	})
	if len(r.Findings) != 0 {
		t.Errorf("%+v", r.Findings)
	}
	block := strings.Repeat("x", 2048)
	r = examine(t, func(w http.ResponseWriter, _ *http.Request) {
		pieces(w, 40*time.Millisecond, block[:100], block, block, block, block[:7])
	})
	if r.Verdict != Streams || !r.says("exactly 2.0 KB") {
		t.Errorf("%+v", r)
	}
	large := strings.Repeat(block, 32) // as a pace passes it on, and no buffer
	for _, middle := range []string{block[:1500], large} {
		r = examine(t, func(w http.ResponseWriter, _ *http.Request) {
			pieces(w, 40*time.Millisecond, block[:100], large, middle, large, block[:7])
		})
		if len(r.Findings) != 0 {
			t.Errorf("%+v", r.Findings)
		}
	}
}

func TestEventsAreCountedWhereverTheyAreCut(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, ": ping\n\n": 0, ":\ndata\n\n": 1, "data\n:x\n\n": 1, "\n\n\n": 0, "data: 1": 0, "data: 1\n": 0, "data: 1\n\n": 1, "data: 1\r\r": 1, "data: 1\r\n\r\n": 1, "a\nb\n\nc\n\n\n\nd\n": 2, "\r\na\r\n\nb\n\r": 2,
	} {
		for cut := range len(text) + 1 {
			var e events
			e.push([]byte(text[:cut]))
			e.push([]byte(text[cut:]))
			if e.count != want {
				t.Errorf("%q cut at %d: %d events, not %d", text, cut, e.count, want)
			}
		}
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte("data: 1\r\n\r\n: ping\n\ndata: 2\r\r"), 4)
	f.Fuzz(func(t *testing.T, body []byte, cut int) {
		cut = min(max(cut, 0), len(body))
		var whole, cutUp events
		whole.push(body)
		cutUp.push(body[:cut])
		cutUp.push(body[cut:])
		if whole.count != cutUp.count || whole.count > len(body)/2 {
			t.Errorf("%q: %d events, cut at %d %d", body, whole.count, cut, cutUp.count)
		}
	})
}

func TestWhoLeavesIsToldSo(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pieces(w, 100*time.Millisecond, "part")
		leave()
		<-r.Context().Done()
	}))
	defer server.Close()
	r, err := Examine(ctx, "GET", server.URL, nil, nil)
	if err != nil || r.Verdict != Broken || !r.says("interrupted") {
		t.Errorf("%+v %v", r, err)
	}
}

func TestManyPiecesAreDrawnInGroups(t *testing.T) {
	var line Timeline
	for i := range 1000 {
		line.Add(time.Duration(i)*time.Millisecond, 10)
	}
	line.Total = time.Second
	var drawn strings.Builder
	line.Draw(&drawn)
	if n := strings.Count(drawn.String(), "\n"); n > maxRows || !strings.Contains(drawn.String(), "25 pieces") {
		t.Errorf("%d rows\n%s", n, &drawn)
	}
	var none Timeline
	none.Draw(&drawn)
	if !strings.Contains(none.Summary(), "nothing came") {
		t.Error(none.Summary())
	}
}
