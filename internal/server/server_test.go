package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

type work struct{ closed chan struct{} }

func (w *work) Close(ctx context.Context) {
	<-ctx.Done()
	close(w.closed)
}

func start(t *testing.T, h http.HandlerFunc) (*Server, *work) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &work{closed: make(chan struct{})}
	s := Serve(l, Options{
		Routes: []Route{{Match: func(r *http.Request) bool { return r.URL.Path == "/mine" }, Handler: h}},
		Work:   w, Log: slog.New(slog.DiscardHandler),
	})
	return s, w
}

func get(t *testing.T, s *Server, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + s.Addr().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestRoutes(t *testing.T) {
	s, _ := start(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "mine") })
	for path, want := range map[string]struct {
		status int
		body   string
	}{"/mine": {200, "mine"}, "/_sluice/health": {200, `{"status":"ok"}`}, "/other": {404, "/lambda-url/<function-name>/"}} {
		if status, body := get(t, s, path); status != want.status || !strings.Contains(body, want.body) {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Close(ctx)
}

func TestCloseLetsResponsesEndAndCutsOffTheRest(t *testing.T) {
	for _, patient := range []bool{true, false} {
		entered, leave := make(chan struct{}), make(chan struct{})
		s, w := start(t, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "begun ")
			http.NewResponseController(w).Flush()
			close(entered)
			select {
			case <-leave:
				io.WriteString(w, "ended")
			case <-r.Context().Done():
			}
		})
		result := make(chan string)
		go func() {
			resp, err := http.Get("http://" + s.Addr().String() + "/mine")
			if err != nil {
				result <- err.Error()
				return
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				b = append(b, "broken"...)
			}
			result <- string(b)
		}()
		<-entered
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if patient {
			close(leave)
		} else {
			cancel()
		}
		want := map[bool]string{true: "begun ended", false: "begun broken"}[patient]
		done := make(chan struct{})
		go func() { s.Close(ctx); close(done) }()
		if got := <-result; got != want {
			t.Errorf("patient %v: %q, want %q", patient, got, want)
		}
		cancel()
		<-done
		<-w.closed
	}
}
