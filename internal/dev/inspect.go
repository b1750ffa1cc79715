package dev

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Inspector stands between debuggers and the Node processes of one function. It
// keeps one address over reloads and restarts: a debugger that reconnects finds
// the newest process. While one is attached, the function's clocks stand still.
type Inspector struct {
	listener net.Listener
	server   *http.Server
	serving  sync.WaitGroup
	attached atomic.Int32
	// target is the newest process's own inspector, nil before the first.
	target atomic.Pointer[url.URL]
}

// OpenInspector listens for debuggers on addr.
func OpenInspector(addr string) (*Inspector, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("inspector: %w; choose another port with --inspect=PORT", err)
	}
	in := &Inspector{listener: l}
	proxy := &httputil.ReverseProxy{Rewrite: in.rewrite, ErrorHandler: in.unreachable}
	in.server = &http.Server{Handler: in.count(proxy)}
	in.serving.Go(func() { in.server.Serve(l) })
	return in, nil
}

// Addr is the address debuggers connect to.
func (in *Inspector) Addr() string { return in.listener.Addr().String() }

// Paused reports whether a debugger is attached.
func (in *Inspector) Paused() bool { return in.attached.Load() > 0 }

// Flag reserves a port for a new Node process and returns the flag for it.
func (in *Inspector) Flag() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr := l.Addr().String()
	l.Close()
	in.target.Store(&url.URL{Scheme: "http", Host: addr})
	return "--inspect=" + addr, nil
}

// Close hangs up on debuggers and stops listening.
func (in *Inspector) Close() error {
	err := in.server.Close()
	in.serving.Wait()
	return err
}

func (in *Inspector) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Node itself refuses a foreign Host; so do we, before it reaches it.
		if host, _, err := net.SplitHostPort(r.Host); err == nil && host != "localhost" && net.ParseIP(host) == nil {
			http.Error(w, "Connect by address or as localhost.", http.StatusForbidden)
			return
		}
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			in.attached.Add(1)
			defer in.attached.Add(-1)
		}
		next.ServeHTTP(w, r)
	})
}

func (in *Inspector) rewrite(r *httputil.ProxyRequest) {
	target := in.target.Load()
	if target == nil {
		target = &url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	}
	r.SetURL(target)
	// /json/list answers with the address it was asked under.
	r.Out.Host = r.In.Host
}

func (in *Inspector) unreachable(w http.ResponseWriter, _ *http.Request, _ error) {
	http.Error(w, "No process to debug yet: the function starts with its first request.", http.StatusBadGateway)
}

// inspectAddr is the address for the n-th function.
func inspectAddr(base, n int) string {
	if base == 0 {
		return "127.0.0.1:0"
	}
	return "127.0.0.1:" + strconv.Itoa(base+n)
}
