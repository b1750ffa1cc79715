// Package bench measures the response path: a Function URL on a real listener, a
// real runtime process behind it, and a client that costs next to nothing. The
// README says how to run it and what the numbers mean.
package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/functionurl"
	"github.com/sluice-run/sluice/internal/invoke"
	"github.com/sluice-run/sluice/internal/runtimes"
	"github.com/sluice-run/sluice/internal/sandbox"
	"github.com/sluice-run/sluice/internal/sandbox/process"
	"github.com/sluice-run/sluice/internal/server"
	"github.com/sluice-run/sluice/runtimes/node"
)

// TestMain makes the test binary the lean runtime that the benchmarks compare
// Node.js with.
func TestMain(m *testing.M) {
	if api := os.Getenv("AWS_LAMBDA_RUNTIME_API"); api != "" {
		leanRuntime(api)
		return
	}
	os.Exit(m.Run())
}

// fixed is a function whose code never changes.
type fixed struct{ pool *environment.Pool }

func (t fixed) Pool(context.Context, string) (*environment.Pool, error) { return t.pool, nil }
func (t fixed) Retire()                                                 { t.pool.Retire() }
func (t fixed) Wait(context.Context) error                              { <-t.pool.Gone(); return nil }
func (t fixed) Kill()                                                   { t.pool.Kill() }

// urls are the Function URLs of the two benchmark functions.
type urls struct{}

func (urls) ByID(string) (sluice.FunctionURL, bool) { return sluice.FunctionURL{}, false }
func (urls) ByFunction(name, _ string) (sluice.FunctionURL, bool) {
	mode := sluice.ResponseStream
	if name == "buffered" {
		mode = sluice.Buffered
	}
	return sluice.FunctionURL{ID: name, Function: name, AuthType: sluice.AuthNone, Mode: mode, Public: true}, true
}

// silent is an observer that nobody listens to.
type silent struct{}

func (silent) Log(sluice.LogLine)     {}
func (silent) Invoked(sluice.Record)  {}
func (silent) Answered(sluice.Access) {}

// runtimesUnderTest are what serves the functions: Node.js as users have it, and a
// runtime without a language, which shows what is left for Sluice.
var runtimesUnderTest = []string{"node", "lean"}

// start serves the functions "stream" and "buffered" with a runtime and returns
// the address. Limits are lifted.
func start(b *testing.B, runtime string) string {
	b.Helper()
	dir := b.TempDir()
	rt := environment.Runtime{Dir: dir, Version: "bench"}
	code, err := filepath.Abs("testdata/node")
	if err != nil {
		b.Fatal(err)
	}
	switch runtime {
	case "node":
		path, err := exec.LookPath("node")
		if err != nil {
			b.Fatal(err)
		}
		bootstrap, err := runtimes.Materialize(node.Files, filepath.Join(dir, "runtime"))
		if err != nil {
			b.Fatal(err)
		}
		rt.Managed, rt.Dir, rt.Programs = true, bootstrap, []string{path}
		rt.Command = func(l sandbox.Layout) []string { return []string{path, filepath.Join(l.Runtime, "index.mjs")} }
	case "lean":
		self, err := os.Executable()
		if err != nil {
			b.Fatal(err)
		}
		rt.Managed, rt.Programs = true, []string{self}
		rt.Command = func(sandbox.Layout) []string { return []string{self} }
	}
	host := &environment.Host{
		Driver: process.New(), Observer: silent{}, Identity: sluice.DefaultIdentity(), Quirks: sluice.QuirksAWS,
		Quotas: func() sluice.Quotas {
			return sluice.Quotas{RequestPayload: 6 * sluice.MB, BufferedPayload: 6 * sluice.MB, Concurrency: 1000}
		}, Dir: dir,
	}
	service := invoke.New(host.Identity)
	for _, name := range []string{"stream", "buffered"} {
		service.Set(name, fixed{environment.NewPool(host, sluice.Function{
			Name: name, Version: sluice.LatestVersion, Runtime: "nodejs20.x", Handler: "index." + name, CodeDir: code,
			Timeout: sluice.MaxTimeout, MemoryMB: 1024, Architecture: "x86_64",
		}, rt)})
	}
	front := functionurl.New(functionurl.Config{Invoker: service, URLs: urls{}, Quotas: host.Quotas, Identity: host.Identity, Observer: silent{}})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := server.Serve(listener, server.Options{
		Routes: []server.Route{{Match: front.Match, Handler: front}}, Work: service, Log: slog.New(slog.DiscardHandler),
	})
	b.Cleanup(func() { s.Close(b.Context()) })
	return s.Addr().String()
}

// client is one connection that is kept alive. It does not allocate.
type client struct {
	b       *testing.B
	conn    net.Conn
	r       *bufio.Reader
	request []byte
}

func dial(b *testing.B, addr, target string) *client {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return &client{b, conn, bufio.NewReaderSize(conn, 256<<10), []byte("GET /lambda-url/" + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n")}
}

// do sends the request and reads the answer; it returns the length of the body.
func (c *client) do() (total int) {
	if _, err := c.conn.Write(c.request); err != nil {
		c.b.Fatal(err)
	}
	length, chunked := c.head()
	if !chunked {
		c.discard(length)
		return length
	}
	for {
		size := c.chunkSize()
		c.discard(size + 2)
		if size == 0 {
			return total
		}
		total += size
	}
}

func (c *client) line() []byte {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		c.b.Fatal(err)
	}
	return line
}

func (c *client) head() (length int, chunked bool) {
	if status := c.line(); !bytes.HasPrefix(status, []byte("HTTP/1.1 200")) {
		c.b.Fatalf("status %q", status)
	}
	for {
		line := c.line()
		switch {
		case len(line) == 2:
			return length, chunked
		case bytes.HasPrefix(line, []byte("Content-Length: ")):
			for _, d := range line[len("Content-Length: ") : len(line)-2] {
				length = 10*length + int(d-'0')
			}
		case bytes.HasPrefix(line, []byte("Transfer-Encoding: chunked")):
			chunked = true
		}
	}
}

func (c *client) chunkSize() (size int) {
	for _, d := range c.line() {
		switch {
		case d >= '0' && d <= '9':
			size = size<<4 | int(d-'0')
		case d >= 'a' && d <= 'f':
			size = size<<4 | int(d-'a'+10)
		}
	}
	return size
}

func (c *client) discard(n int) {
	if _, err := c.r.Discard(n); err != nil {
		c.b.Fatal(err)
	}
}

// BenchmarkInvocation is one small request after the other in a warm
// environment.
func BenchmarkInvocation(b *testing.B) {
	for _, runtime := range runtimesUnderTest {
		for _, mode := range []string{"stream", "buffered"} {
			b.Run(runtime+"/"+mode, func(b *testing.B) {
				c := dial(b, start(b, runtime), mode)
				c.do()
				b.ReportAllocs()
				for b.Loop() {
					c.do()
				}
			})
		}
	}
}

// BenchmarkChunk is one chunk of 100 bytes of a long stream, on its own from the
// function's write to the client's read.
func BenchmarkChunk(b *testing.B) {
	for _, runtime := range runtimesUnderTest {
		b.Run(runtime, func(b *testing.B) {
			addr := start(b, runtime)
			dial(b, addr, "stream").do()
			c := dial(b, addr, fmt.Sprintf("stream?turns=1&size=100&chunks=%d", b.N))
			b.ReportAllocs()
			b.ResetTimer()
			if got := c.do(); got != 100*b.N {
				b.Fatalf("%d bytes, want %d", got, 100*b.N)
			}
		})
	}
}

// BenchmarkThroughput is 1 MB of a stream that the function writes as fast as it
// can, in pieces of 64 KB.
func BenchmarkThroughput(b *testing.B) {
	for _, runtime := range runtimesUnderTest {
		b.Run(runtime, func(b *testing.B) {
			addr := start(b, runtime)
			dial(b, addr, "stream").do()
			c := dial(b, addr, fmt.Sprintf("stream?size=65536&chunks=%d", 16*b.N))
			b.ReportAllocs()
			b.SetBytes(1 << 20)
			b.ResetTimer()
			if got := c.do(); got != b.N<<20 {
				b.Fatalf("%d bytes, want %d", got, b.N<<20)
			}
		})
	}
}

// BenchmarkColdStart is a first request: the process is started, INIT is run, and
// the answer begins.
func BenchmarkColdStart(b *testing.B) {
	for _, runtime := range runtimesUnderTest {
		b.Run(runtime, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				c := dial(b, start(b, runtime), "stream")
				b.StartTimer()
				c.do()
			}
		})
	}
}

// leanRuntime serves invocations with as little work as the Runtime API allows:
// one connection, and bytes that were made before.
func leanRuntime(api string) {
	for {
		resp, err := http.Get("http://" + api + "/2018-06-01/runtime/invocation/next")
		if err != nil {
			os.Exit(0)
		}
		event, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		call := "/2018-06-01/runtime/invocation/" + resp.Header.Get("Lambda-Runtime-Aws-Request-Id") + "/response"
		answerLean(api, call, event)
	}
}

func answerLean(api, call string, event []byte) {
	conn, err := net.Dial("tcp", api)
	if err != nil {
		os.Exit(1)
	}
	defer conn.Close()
	size, chunks := number(event, "size", 100), number(event, "chunks", 1)
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", call, api)
	piece := []byte(strconv.FormatInt(int64(size), 16) + "\r\n" + string(bytes.Repeat([]byte("x"), size)) + "\r\n")
	for range chunks {
		if _, err := conn.Write(piece); err != nil {
			return
		}
	}
	io.WriteString(conn, "0\r\n\r\n")
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	io.Copy(io.Discard, conn)
}

// number reads a query parameter out of the event.
func number(event []byte, name string, otherwise int) int {
	_, rest, found := bytes.Cut(event, []byte(`"`+name+`":"`))
	digits, _, _ := bytes.Cut(rest, []byte(`"`))
	n, err := strconv.Atoi(string(digits))
	if !found || err != nil {
		return otherwise
	}
	return n
}
