package telemetry

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
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

const good = `{"schemaVersion":"2022-07-01","types":["platform"],"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":25},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/x?y"}}`

func TestSubscriptions(t *testing.T) { // docs/contract/runtime-api.md §7
	s, err := Parse([]byte(good))
	if err != nil || s.Port != 8080 || s.Path != "/x?y" || s.MaxItems != 1000 || s.MaxBytes != 262144 || s.Timeout != 25*time.Millisecond {
		t.Errorf("%+v %v", s, err)
	}
	s, err = Parse([]byte(`{"types":["function","extension"],"destination":{"protocol":"TCP","port":9999}}`))
	if err != nil || s.Port != 9999 || s.Path != "" || s.MaxItems != 10000 || s.Timeout != time.Second {
		t.Errorf("%+v %v", s, err)
	}
	for change, want := range map[string]string{
		`"types":["platform"]→"types":[]`:                    "types is empty",
		`"platform"→"logs"`:                                  `type "logs"`,
		`2022-07-01→1999-01-01`:                              "schemaVersion",
		`"maxItems":1000→"maxItems":10`:                      "buffering.maxItems is 10; it may be 1000 to 10000",
		`"maxBytes":262144→"maxBytes":5000000`:               "buffering.maxBytes",
		`"timeoutMs":25→"timeoutMs":24`:                      "buffering.timeoutMs",
		`"HTTP"→"UDP"`:                                       "destination.protocol",
		`http://sandbox.localdomain:8080→http://example.com`: "destination.URI",
		`8080→x`: "destination.URI",
		`{→[`:    "not the JSON of a subscription",
	} {
		from, to, _ := strings.Cut(change, "→")
		if _, err := Parse([]byte(strings.Replace(good, from, to, 1))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", change, err)
		}
	}
	if _, err := Parse([]byte(`{"types":["platform"],"destination":{"protocol":"TCP"}}`)); err == nil {
		t.Error("TCP without a port")
	}
}

func toLoopback(ctx context.Context, port int) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
}

func TestDeliveryOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := New(toLoopback)
	h.Publish(Event{time.UnixMilli(0), "platform.initStart", map[string]any{"phase": "init"}})
	h.Subscribe(Subscription{Types: []string{"platform", "function"}, MaxItems: 1000, MaxBytes: 1 << 20, Timeout: 25 * time.Millisecond, Port: l.Addr().(*net.TCPAddr).Port})
	h.Publish(Event{time.UnixMilli(1000), "function", "a line"})
	h.Publish(Event{time.UnixMilli(1000), "function", `{"json":true}`})
	h.Publish(Event{time.UnixMilli(1000), "extension", "not asked for"})
	h.Seal()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for _, want := range []string{
		`{"record":{"phase":"init"},"time":"1970-01-01T00:00:00.000Z","type":"platform.initStart"}`,
		`{"record":"a line","time":"1970-01-01T00:00:01.000Z","type":"function"}`,
		`{"record":{"json":true},"time":"1970-01-01T00:00:01.000Z","type":"function"}`,
	} {
		if !lines.Scan() || lines.Text() != want {
			t.Errorf("%s, expected %s", lines.Text(), want)
		}
	}
	h.Publish(Event{time.UnixMilli(2000), "platform.report", nil})
	h.Close() // sends what is left
	if !lines.Scan() || !strings.Contains(lines.Text(), "platform.report") || lines.Scan() {
		t.Errorf("%s", lines.Text())
	}
}

func TestBatchesAreBounded(t *testing.T) {
	batches := make(chan int, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var events []json.RawMessage
		data, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(data, &events); err != nil || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v %s", err, data)
		}
		batches <- len(events)
	}))
	defer server.Close()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	h := New(toLoopback)
	h.Subscribe(Subscription{Types: []string{"function"}, MaxItems: 3, MaxBytes: 1 << 20, Timeout: time.Hour, Port: port, Path: "/"})
	for range 7 {
		h.Publish(Event{time.Now(), "function", "x"})
	}
	h.Close()
	total := 0
	for _, want := range []int{3, 3, 1} {
		if n := <-batches; n != want {
			t.Errorf("a batch of %d, expected %d", n, want)
		} else {
			total += n
		}
	}
	if total != 7 {
		t.Errorf("%d events of 7", total)
	}
}

func TestASlowReaderMissesEventsAndIsTold(t *testing.T) {
	release, got := make(chan struct{}), make(chan string, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-release
		data, _ := io.ReadAll(r.Body)
		got <- string(data)
	}))
	defer server.Close()
	h := New(toLoopback)
	h.Subscribe(Subscription{Types: []string{"function", "platform"}, MaxItems: 1, MaxBytes: 1 << 20, Timeout: time.Hour, Port: server.Listener.Addr().(*net.TCPAddr).Port, Path: "/"})
	began := time.Now()
	for range 3 * backlog {
		h.Publish(Event{time.Now(), "function", "x"})
	}
	if time.Since(began) > 2*time.Second {
		t.Error("publishing waits for the reader")
	}
	close(release)
	for len(got) < backlog/2 { // there is room again
		time.Sleep(time.Millisecond)
	}
	h.Publish(Event{time.Now(), "function", "last but one"})
	h.Publish(Event{time.Now(), "function", "very last"})
	h.Close()
	close(got)
	came, dropped := 0, 0
	for text := range got {
		var events []struct {
			Type   string
			Record json.RawMessage
		}
		if err := json.Unmarshal([]byte(text), &events); err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			var lost struct{ DroppedRecords int }
			if e.Type == "function" {
				came++
			} else if err := json.Unmarshal(e.Record, &lost); err == nil {
				dropped += lost.DroppedRecords
			}
		}
	}
	if dropped == 0 || came+dropped != 3*backlog+2 {
		t.Errorf("%d events came, %d were reported as dropped, of %d", came, dropped, 3*backlog+2)
	}
}

func TestNobodyCosts(t *testing.T) {
	h := New(toLoopback)
	if !h.Active() {
		t.Error("nobody can subscribe")
	}
	h.Seal()
	if h.Active() {
		t.Error("events are made for nobody")
	}
	var none *Hub
	if none.Active() {
		t.Error("there is no hub")
	}
	none.Close()
	h.Close()
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"types":["function"],"destination":{"protocol":"TCP","port":9999}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := Parse(body)
		if err == nil && (s.Port < 0 || s.Port > 65535 || len(s.Types) == 0 || s.MaxItems < 1000 || s.MaxBytes < 262144) {
			t.Errorf("%+v", s)
		}
	})
}
