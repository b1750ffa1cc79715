// Package server is the composition root: it binds the listener, tells requests
// apart by host and path, and drains on the way out. `sluice dev` and the
// end-to-end tests run the same server.
package server

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Closer is what a server drains before it stops: it refuses new work, waits for
// work in progress until ctx ends, then cuts it off. It leaves nothing behind.
type Closer interface {
	Close(ctx context.Context)
}

// Route sends the requests that Match accepts to Handler.
type Route struct {
	Match   func(*http.Request) bool
	Handler http.Handler
}

// Options configure a server.
type Options struct {
	// Routes in order; the first match serves. Health and the answer for
	// everything else are the server's own.
	Routes []Route
	// TLS is nil for a listener without.
	TLS *tls.Config
	// Work is drained by Close.
	Work Closer
	Log  *slog.Logger
}

// Server is a bound listener and the HTTP server on it.
type Server struct {
	options  Options
	listener net.Listener
	http     *http.Server
	serving  sync.WaitGroup
}

// headerTimeout bounds the time a client takes to send a request head. Bodies
// and responses have no deadline of the server's: a stream may last 900 s.
const headerTimeout = 30 * time.Second

// Serve serves on l until Close. It returns at once.
func Serve(l net.Listener, o Options) *Server {
	s := &Server{options: o, listener: l}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.route),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       2 * time.Minute,
		Protocols:         &protocols,
		TLSConfig:         o.TLS,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	s.serving.Go(func() {
		serve := s.http.Serve
		if o.TLS != nil {
			serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
		}
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			o.Log.Error("listener failed", "addr", l.Addr().String(), "error", err)
		}
	})
	return s
}

// Addr is the address the server listens on.
func (s *Server) Addr() *net.TCPAddr { return s.listener.Addr().(*net.TCPAddr) }

// Close stops listening, lets responses in progress end until ctx does, and cuts
// off the rest. Nothing runs when it returns.
func (s *Server) Close(ctx context.Context) {
	var drained sync.WaitGroup
	drained.Go(func() { s.http.Shutdown(ctx) })
	s.options.Work.Close(ctx)
	drained.Wait()
	s.http.Close()
	s.serving.Wait()
}

func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	for _, route := range s.options.Routes {
		if route.Match(r) {
			route.Handler.ServeHTTP(w, r)
			return
		}
	}
	if r.URL.Path == "/_sluice/health" {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
		return
	}
	answer(w, http.StatusNotFound, map[string]string{
		"message": "Nothing is served at " + r.Host + r.URL.Path +
			". A Function URL is http://<url-id>.lambda-url.localhost:<port>/ or http://<address>/lambda-url/<function-name>/.",
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.Encode(body)
}
