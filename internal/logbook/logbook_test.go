package logbook

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	sluice "github.com/sluice-run/sluice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type silent struct{}

func (silent) Log(sluice.LogLine)     {}
func (silent) Invoked(sluice.Record)  {}
func (silent) Answered(sluice.Access) {}

func (b *Book) say(function string, n int) {
	b.Log(sluice.LogLine{Function: function, Source: sluice.SourceFunction, Text: strconv.Itoa(n)})
}

func texts(t *testing.T, handler http.Handler, query string) (all []string) {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", Path+query, nil))
	lines := bufio.NewScanner(w.Body)
	for lines.Scan() {
		var l Line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		all = append(all, l.Function+l.Text)
	}
	return all
}

func TestTheNewestLinesAreKept(t *testing.T) {
	b := New(silent{})
	h := b.Handler(t.Context())
	for n := range 5 {
		b.say("a", n)
		b.say("b", n)
	}
	if got := texts(t, h, "?function=a&lines=2"); len(got) != 2 || got[0] != "a3" || got[1] != "a4" {
		t.Errorf("%q", got)
	}
	for n := range capacity {
		b.say("c", n)
	}
	if got := texts(t, h, ""); len(got) != capacity || got[0] != "c0" || got[capacity-1] != "c"+strconv.Itoa(capacity-1) {
		t.Errorf("%d lines from %s", len(got), got[0])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", Path+"?lines=x", nil))
	if w.Code != 400 {
		t.Errorf("status %d", w.Code)
	}
}

func TestFollow(t *testing.T) {
	b := New(silent{})
	stop, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := httptest.NewServer(b.Handler(stop))
	defer server.Close()
	b.say("a", 1)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	req, _ := http.NewRequest("GET", server.URL+"?function=a&follow=1", nil)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for n := 1; n < 4; n++ {
		if !lines.Scan() {
			t.Fatal(lines.Err())
		}
		var l Line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil || l.Text != strconv.Itoa(n) {
			t.Errorf("%s %v", lines.Bytes(), err)
		}
		b.say("other", 0)
		b.say("a", n+1)
	}
	cancel()
	for lines.Scan() {
	}
}
