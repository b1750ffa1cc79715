package functionurl

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/invoke"
	"github.com/sluice-run/sluice/internal/sandbox"
	"github.com/sluice-run/sluice/internal/sandbox/process"
)

// patience is generous: the machine may be busy.
const patience = 10 * time.Second

// front is a Function URL of a real function behind a real server.
type front struct {
	t      *testing.T
	server *httptest.Server
	url    sluice.FunctionURL
	quotas sluice.Quotas
	// isolate is the handler's Isolate.
	isolate bool
	// decide may set Recorded.
	decide func(*sluice.Trace)
	// dir is the function's code folder, which the function can see.
	dir string

	mu       sync.Mutex
	lines    []sluice.LogLine
	answered chan sluice.Access
	invoked  chan sluice.Record
}

func (f *front) Log(l sluice.LogLine) {
	f.mu.Lock()
	f.lines = append(f.lines, l)
	f.mu.Unlock()
}
func (f *front) Invoked(r sluice.Record) {
	select {
	case f.invoked <- r:
	default: // a test with many does not look
	}
}
func (f *front) Answered(a sluice.Access) { f.answered <- a }

// hinted waits for a hint that contains text.
func (f *front) hinted(text string) {
	f.t.Helper()
	var all []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		f.mu.Lock()
		all = nil
		for _, l := range f.lines {
			if l.Source == sluice.SourceHint {
				all = append(all, l.Text)
			}
		}
		f.mu.Unlock()
		if strings.Contains(strings.Join(all, "\n"), text) {
			return
		}
	}
	f.t.Errorf("no hint with %q, but %q", text, all)
}

// access returns what was reported of the last request.
func (f *front) access() sluice.Access {
	f.t.Helper()
	select {
	case a := <-f.answered:
		return a
	case <-time.After(patience):
		f.t.Fatal("the request was not reported")
		panic("unreachable")
	}
}

// ByID and ByFunction make the front the table of its one URL, "fn".
func (f *front) ByID(id string) (sluice.FunctionURL, bool) { return f.url, id == f.url.ID }
func (f *front) ByFunction(name, qualifier string) (sluice.FunctionURL, bool) {
	return f.url, name == f.url.Function && qualifier == f.url.Qualifier
}

// serve starts a front; change may alter URL, function and quotas before.
func serve(t *testing.T, mode sluice.InvokeMode, change func(*front, *sluice.Function)) *front {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f := &front{
		t: t, quotas: sluice.DefaultQuotas(), answered: make(chan sluice.Access, 100), invoked: make(chan sluice.Record, 100),
		url: sluice.FunctionURL{ID: "fn", Function: "fn", AuthType: sluice.AuthNone, Mode: mode, Public: true},
	}
	fn := sluice.Function{
		Name: "fn", Version: sluice.LatestVersion, Runtime: "provided.al2023", Handler: "h",
		CodeDir: t.TempDir(), Timeout: 10 * time.Second, MemoryMB: 128,
		// A race-built test binary sleeps a second when it exits.
		Environment: map[string]string{"GORACE": "atexit_sleep_ms=0"},
	}
	if change != nil {
		change(f, &fn)
	}
	f.dir = fn.CodeDir
	host := &environment.Host{
		Driver: process.New(), Observer: f, Identity: sluice.DefaultIdentity(),
		Quotas: func() sluice.Quotas { return f.quotas }, Dir: t.TempDir(),
	}
	pool := environment.NewPool(host, fn, environment.Runtime{Command: func(sandbox.Layout) []string { return []string{self} }, Programs: []string{self}, Dir: fn.CodeDir, Version: "test:1"})
	service := invoke.New(host.Identity)
	service.Set("fn", fixed{pool})
	f.server = httptest.NewUnstartedServer(New(Config{
		Invoker: service, URLs: f, Quotas: host.Quotas, Identity: host.Identity, Observer: f, Isolate: f.isolate, Decide: f.decide,
	}))
	f.server.Config.Protocols = new(http.Protocols)
	f.server.Config.Protocols.SetHTTP1(true)
	f.server.Config.Protocols.SetUnencryptedHTTP2(true)
	f.server.Start()
	t.Cleanup(func() {
		// Function first: a response that hangs would keep the server open.
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		service.Close(ctx)
		f.server.Close()
	})
	return f
}

// fixed is a function whose code never changes.
type fixed struct{ pool *environment.Pool }

func (t fixed) Pool(context.Context, string) (*environment.Pool, error) { return t.pool, nil }
func (t fixed) Retire()                                                 { t.pool.Retire() }
func (t fixed) Kill()                                                   { t.pool.Kill() }
func (t fixed) Wait(ctx context.Context) error {
	select {
	case <-t.pool.Gone():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// request makes a request that orders the runtime to do o.
func (f *front) request(method, path string, o order) *http.Request {
	f.t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		f.t.Fatal(err)
	}
	req, err := http.NewRequest(method, f.server.URL+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	req.Host = "fn.lambda-url.localhost"
	req.Header.Set("X-Order", string(text))
	return req
}

// do sends a request and reads the answer to its end; the error is how the body
// broke.
func (f *front) do(req *http.Request) (*http.Response, string, error) {
	f.t.Helper()
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// order sends a GET.
func (f *front) order(o order) (*http.Response, string, error) {
	f.t.Helper()
	return f.do(f.request("GET", "/", o))
}

// raw sends a request as text and returns the whole answer as it was on the wire.
func (f *front) raw(request string) string {
	f.t.Helper()
	conn, err := net.Dial("tcp", f.server.Listener.Addr().String())
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(conn, request)
	answer, _ := io.ReadAll(bufio.NewReader(conn))
	return string(answer)
}

// rawOrder is raw for a GET that orders o.
func (f *front) rawOrder(o order) string {
	f.t.Helper()
	text, _ := json.Marshal(o)
	return f.raw("GET / HTTP/1.1\r\nHost: fn.lambda-url.localhost\r\nX-Order: " + string(text) + "\r\nConnection: close\r\n\r\n")
}
