package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/async"
	"github.com/sluice-run/sluice/internal/auth"
	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/console"
	"github.com/sluice-run/sluice/internal/destination"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/functionurl"
	"github.com/sluice-run/sluice/internal/hosting"
	"github.com/sluice-run/sluice/internal/images"
	"github.com/sluice-run/sluice/internal/invoke"
	"github.com/sluice-run/sluice/internal/lambdaapi"
	"github.com/sluice-run/sluice/internal/launch"
	"github.com/sluice-run/sluice/internal/logbook"
	"github.com/sluice-run/sluice/internal/metrics"
	"github.com/sluice-run/sluice/internal/objects"
	"github.com/sluice-run/sluice/internal/pricing"
	"github.com/sluice-run/sluice/internal/records"
	"github.com/sluice-run/sluice/internal/registry"
	"github.com/sluice-run/sluice/internal/runtimes"
	"github.com/sluice-run/sluice/internal/scratch"
	"github.com/sluice-run/sluice/internal/server"
	"github.com/sluice-run/sluice/internal/store"
	"github.com/sluice-run/sluice/internal/terminal"
	"github.com/sluice-run/sluice/internal/traces"
)

// Options say how to serve.
type Options struct {
	Config config.Config
	// Credentials are handed to functions, "NAME=value".
	Credentials []string
	Runtimes    *runtimes.Resolver
	Terminal    *terminal.Terminal
	Log         *slog.Logger
	// Version is Sluice's own, Started when the program was.
	Version string
	Started time.Time
}

// openTimeout bounds how long the state may take to be read.
const openTimeout = 2 * time.Minute

// Server is a running `sluice serve`.
type Server struct {
	o        Options
	store    *store.Store
	registry *registry.Registry
	hosted   *hosting.Hosting
	invoker  *invoke.Service
	traces   *traces.Observer
	async    *async.Service
	server   *server.Server
	// authority is nil without ACME.
	authority *server.Authority
	urls      *urls
	// stop ends what clients follow and what works in the background.
	stop    context.CancelFunc
	working sync.WaitGroup
	// scratch holds code and environments; it goes with the server. Everything that
	// lasts is in the store.
	scratch  *scratch.Dir
	launcher *launch.Launcher
	// images is nil where functions can't have one.
	images *images.Store
	// records and logs are nil until they are kept.
	records *records.Book
	logs    *logbook.Book
	// queue of asynchronous invocations, for its length.
	queue atomic.Pointer[store.Queue]
	// sandbox says which driver runs functions, and why.
	sandbox string
}

// Open opens the state in the configuration's data folder and serves it.
func Open(ctx context.Context, o Options) (*Server, error) {
	if err := o.Config.CheckServe(); err != nil {
		return nil, err
	}
	s := &Server{o: o}
	listener, err := net.Listen("tcp", o.Config.Addr)
	if err != nil {
		return nil, fmt.Errorf("%w; choose another address with --addr, port 0 takes a free one", err)
	}
	if err := s.open(ctx, listener); err != nil {
		listener.Close()
		s.close(ctx)
		return nil, err
	}
	return s, nil
}

func (s *Server) open(ctx context.Context, listener net.Listener) error {
	n := s.o.Config.NATS
	where := store.Options{URL: n.URL, Credentials: n.Credentials, CA: n.CA, Certificate: n.Certificate, Key: n.Key, Replicas: n.Replicas, Log: s.o.Log}
	if n.URL == "" {
		if s.o.Config.Data == "" {
			return errors.New("there is no folder for state; set one with --data")
		}
		where.Dir = s.StateDir()
	}
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	var err error
	if s.store, err = store.Open(opening, where); err != nil {
		return err
	}
	s.registry = registry.New(s.store)
	// What a crash left behind between a package and its function. Other servers may
	// be at work on a shared store.
	young := time.Duration(0)
	if n.URL != "" {
		young = collectEvery
	}
	if _, err := s.registry.CollectCode(opening, young); err != nil {
		return fmt.Errorf("code packages: %w", err)
	}
	if s.scratch, err = scratch.New(); err != nil {
		return err
	}
	if s.launcher, err = launch.New(filepath.Join(s.scratch.Path, "runtime"), s.o.Runtimes); err != nil {
		return err
	}
	quotas, identity := s.o.Config.Quotas(), s.o.Config.Identity()
	var credentials []auth.Credential
	if s.o.Config.Credentials != "" {
		if credentials, err = auth.Load(s.o.Config.Credentials); err != nil {
			return err
		}
	}
	authority := auth.New(identity, credentials)
	driver, about, err := chooseDriver(opening, s.o.Config, s.scratch.Path)
	if err != nil {
		return err
	}
	s.sandbox = about
	prices, err := pricing.Load(s.o.Config.Prices)
	if err != nil {
		return err
	}
	if s.traces, err = traces.Open(opening, s.o.Terminal, traces.Options{Config: s.o.Config, Version: s.o.Version, Log: s.o.Log}); err != nil {
		return err
	}
	measured := metrics.New(s.traces, s.gauges())
	recorded := records.New(measured, prices)
	book := logbook.New(recorded)
	if err := s.keepHistory(opening, recorded, book); err != nil {
		return err
	}
	tails := &lambdaapi.Tails{Observer: book}
	var stopping context.Context
	stopping, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	host := &environment.Host{
		Driver: driver, Observer: tails, Identity: identity, Quirks: s.o.Config.Quirks,
		Quotas: func() sluice.Quotas { return quotas }, Dir: s.scratch.Path, Credentials: s.o.Credentials, Idle: s.o.Config.Idle,
	}
	if driver.Capabilities().Isolated && s.o.Config.Data != "" {
		s.images = images.New(filepath.Join(s.o.Config.Data, "images"))
		used, err := s.registry.Images()
		if err == nil {
			err = s.images.Keep(func(digest string) bool { return used[digest] })
		}
		if err != nil {
			s.o.Log.Warn("unused images could not be removed", "error", err)
		}
	}
	s.hosted = &hosting.Hosting{
		Registry: s.registry, Host: host, Identity: identity, Code: &hosting.CodeCache{Dir: filepath.Join(s.scratch.Path, "code"), Fetch: s.registry.Code},
		Runtime: s.runtime, Image: s.image,
	}
	s.invoker = invoke.New(identity)
	s.invoker.FindWith(s.hosted.Target, s.hosted.Targets)
	traced := s.traces.Invoker(measured.Invoker(s.invoker))
	bucket := &objects.Source{Region: identity.Region, Endpoint: s.o.Config.S3Endpoint}
	sender := &destination.Sender{Region: identity.Region, Endpoint: s.o.Config.AWSEndpoint, Objects: bucket}
	queue, err := s.store.Queue(opening)
	if err != nil {
		return err
	}
	s.queue.Store(queue)
	s.async = &async.Service{Queue: queue, Registry: s.registry, Invoker: traced, Identity: identity, Sender: sender, Wait: s.o.Config.RetryWait, Log: s.o.Log}
	s.urls = &urls{registry: s.registry, identity: identity, revision: s.store.Revision, domain: s.o.Config.Domain, addr: listener.Addr().(*net.TCPAddr)}
	encryption, err := s.encryption()
	if err != nil {
		return err
	}
	if s.urls.scheme = "http"; encryption != nil {
		s.urls.scheme = "https"
	}
	noImages := ""
	if !driver.Capabilities().Isolated {
		noImages = "functions run as plain processes here, and images need the sandbox oci"
	}
	api := &lambdaapi.API{
		Registry: s.registry, Invoker: traced, Enqueue: s.async.Put, Auth: authority, Identity: identity, Quotas: host.Quotas, Changed: s.hosted.Changed, Provisioned: s.hosted.Provisioned,
		Objects: bucket, Destinations: sender, Images: s.images, NoImages: noImages, HotReload: s.o.Config.HotReload,
		URL: s.urls.host, Tails: tails, Domain: s.o.Config.Domain, Log: s.o.Log, Now: time.Now,
	}
	front := functionurl.New(functionurl.Config{
		Invoker: traced, URLs: s.urls, Quotas: host.Quotas, Identity: identity, Observer: tails, Quirks: s.o.Config.Quirks, Domain: s.o.Config.Domain,
		Authorize: functionurl.IAM(authority, identity, s.policy), Decide: s.traces.Decide, Isolate: len(credentials) > 0,
	})
	recorded.Environments, recorded.Quotas = s.hosted.Environments, host.Quotas
	routes := []server.Route{
		{Match: front.Match, Handler: front},
		{Match: lambdaapi.Match, Handler: api.Handler()},
		{Match: at(logbook.Path), Handler: api.Guard("sluice:ReadLogs", book.Handler(stopping))},
		{Match: logbook.MatchCloudWatch, Handler: api.GuardBy(logbook.Action, book.CloudWatch(s.registry))},
		{Match: at(metrics.Path), Handler: s.guardMetrics(api, measured.Handler())},
		{Match: console.Match, Handler: console.Handler()},
		{Match: func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, lambdaapi.CodePath) }, Handler: http.HandlerFunc(api.Code)},
	}
	for path, handler := range recorded.Handlers(stopping) {
		routes = append(routes, server.Route{Match: at(path), Handler: api.Guard("sluice:ReadInvocations", handler)})
	}
	s.server = server.Serve(listener, server.Options{
		Routes: routes, TLS: encryption, Work: s.invoker, Log: s.o.Log,
	})
	s.async.Start()
	s.working.Go(func() { s.collect(stopping) })
	functions, err := s.registry.Functions()
	if err != nil {
		return err
	}
	for _, f := range functions {
		if len(f.Provisioned) > 0 {
			s.hosted.Changed(f.Name)
		}
	}
	return s.announce()
}

// encryption is nil for a listener without.
func (s *Server) encryption() (*tls.Config, error) {
	t := s.o.Config.TLS
	switch {
	case t.Certificate != "":
		return server.TLS(t.Certificate, t.Key)
	case t.ACME == "":
		return nil, nil
	case s.o.Config.Data == "":
		return nil, errors.New("there is no folder for certificates; set one with --data")
	}
	config, authority, err := server.NewAuthority(server.ACME{
		Directory: t.ACME, Email: t.Email, Roots: t.ACMERoots, Storage: filepath.Join(s.o.Config.Data, "acme"), Port: s.urls.addr.Port,
		Serves: s.urls.serves, Log: s.o.Log,
	})
	s.authority = authority
	return config, err
}

// policy is the resource policy of what a Function URL leads to.
func (s *Server) policy(url sluice.FunctionURL) *auth.Policy {
	f, err := s.registry.Function(url.Function)
	if err != nil {
		return nil
	}
	return lambdaapi.ResourcePolicy(f.Policies[url.Qualifier])
}

// state says where everything that lasts is.
func (s *Server) state() string {
	if url := s.o.Config.NATS.URL; url != "" {
		return url
	}
	return s.StateDir()
}

// StateDir is the folder that holds everything that lasts, without NATS elsewhere.
func (s *Server) StateDir() string { return filepath.Join(s.o.Config.Data, "state") }

// announce prints what is served.
func (s *Server) announce() error {
	functions, err := s.registry.Functions()
	if err != nil {
		return err
	}
	b := terminal.Banner{Time: time.Now(), Command: "serve", Version: s.o.Version, Source: s.state(), Address: s.urls.base(), Console: s.urls.base() + console.Path, Sandbox: s.sandbox, Took: time.Since(s.o.Started)}
	for _, f := range functions {
		row := terminal.BannerFunction{Name: f.Name, Runtime: f.Latest.Runtime, Timeout: time.Duration(f.Latest.Timeout) * time.Second, MemoryMB: f.Latest.MemorySize}
		if in, err := s.launcher.Serves(f.Latest.Runtime); err == nil {
			row.ServedBy, row.RuntimeWarning = in.String(), in.Warning
		} else {
			row.ServedBy, row.RuntimeWarning = "nothing", err.Error()
		}
		for qualifier, u := range f.URLs {
			mode := u.Mode
			if mode == "" {
				mode = sluice.Buffered
			}
			row.URLs = append(row.URLs, terminal.BannerURL{Mode: mode, Auth: u.AuthType, Qualifier: qualifier, Host: s.urls.host(u.ID), Path: s.urls.base() + "/lambda-url/" + f.Name + "/"})
		}
		b.Functions = append(b.Functions, row)
	}
	s.o.Terminal.Ready(b)
	return nil
}

// Streams counts the responses that are open.
func (s *Server) Streams() int { return s.hosted.Busy() }

// Addr is the address the server listens on.
func (s *Server) Addr() *net.TCPAddr { return s.server.Addr() }

// Close lets responses in progress run on until ctx ends, then cuts them off.
// Nothing is left when it returns, but the state.
func (s *Server) Close(ctx context.Context) { s.close(ctx) }

func (s *Server) close(ctx context.Context) {
	if s.stop != nil {
		s.stop()
	}
	if s.async != nil {
		s.async.Stop()
	}
	if s.server != nil {
		s.server.Close(ctx)
	} else if s.invoker != nil {
		s.invoker.Close(ctx)
	}
	if s.async != nil {
		s.async.Close()
	}
	s.working.Wait()
	s.closeHistory()
	if s.traces != nil {
		s.traces.Close()
	}
	if s.authority != nil {
		s.authority.Close()
	}
	if s.store != nil {
		s.store.Close()
	}
	if s.scratch != nil {
		s.scratch.Remove()
	}
}
