package doctor

import (
	"compress/gzip"
	"context"
	"io"
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
