package dev

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/auth"
	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/functionurl"
	"github.com/sluice-run/sluice/internal/invoke"
	"github.com/sluice-run/sluice/internal/launch"
	"github.com/sluice-run/sluice/internal/runtimes"
	"github.com/sluice-run/sluice/internal/sandbox/process"
	"github.com/sluice-run/sluice/internal/scratch"
	"github.com/sluice-run/sluice/internal/server"
	"github.com/sluice-run/sluice/internal/terminal"
	"github.com/sluice-run/sluice/internal/traces"
)

// Options say what to serve and how.
type Options struct {
	// Source is the template or handler file, see Find.
	Source Source
	// Parameters override the template's, by name.
	Parameters map[string]string
	Config     config.Config
	// Credentials are handed to functions, "NAME=value".
	Credentials []string
	Runtimes    *runtimes.Resolver
	// Inspect opens Node's inspector for each function, from InspectPort up; 0
	// takes free ports.
	Inspect     bool
	InspectPort int
	// Timeout is that of a single handler file, 0 for Lambda's default.
	Timeout  time.Duration
	Terminal *terminal.Terminal
	Log      *slog.Logger
	// Version is Sluice's own, Started when the program was.
	Version string
	Started time.Time
}

// Project is a running `sluice dev`.
type Project struct {
	o       Options
	host    *environment.Host
	invoker *invoke.Service
	// entry is the invoker as front ends call it, traced and measured.
	entry  sluice.Invoker
	traces *traces.Observer
	urls   *urls
	api    *api
	server *server.Server
	// dir holds everything the project writes: environments, builds, the
	// bootstraps. It goes with the project.
	dir      string
	scratch  *scratch.Dir
	launcher *launch.Launcher
	// follow is nil until the first banner, and where files can't be watched.
	follow atomic.Pointer[follower]

	mu sync.Mutex
	// functions by name.
	functions map[string]*function
	// leaving were removed from the template and may still finish something.
	leaving []*function
	// parting are the goroutines that wait for them.
	parting sync.WaitGroup
	// inspectors counts the debugger ports given out.
	inspectors int
}

// Open builds what Options.Source describes, serves it and prints the banner.
// Mistakes in the template are errors; mistakes in the code are not: they are
// reported, and the next save may mend them.
func Open(ctx context.Context, o Options) (*Project, error) {
	if err := o.Config.CheckUnsandboxed(); err != nil {
		return nil, err
	}
	p := &Project{o: o, functions: map[string]*function{}, urls: newURLs()}
	listener, err := net.Listen("tcp", o.Config.Addr)
	if err != nil {
		return nil, fmt.Errorf("%w; choose another address with --addr, port 0 takes a free one", err)
	}
	if err := p.open(ctx, listener); err != nil {
		listener.Close()
		p.close(ctx)
		return nil, err
	}
	return p, nil
}

func (p *Project) open(ctx context.Context, listener net.Listener) error {
	p.invoker = invoke.New(p.o.Config.Identity())
	p.urls.addr = listener.Addr().(*net.TCPAddr)
	p.urls.domain = p.o.Config.Domain
	plan, err := p.load()
	if err != nil {
		return err
	}
	if p.scratch, err = scratch.New(); err != nil {
		return err
	}
	p.dir = p.scratch.Path
	if p.launcher, err = launch.New(filepath.Join(p.dir, "runtime"), p.o.Runtimes); err != nil {
		return err
	}
	if err := p.openAPI(ctx); err != nil {
		return err
	}
	p.entry = p.traces.Invoker(p.api.metrics.Invoker(p.invoker))
	quotas := p.o.Config.Quotas()
	p.host = &environment.Host{
		Driver: process.New(), Observer: p.api.tails, Identity: p.o.Config.Identity(), Quirks: p.o.Config.Quirks,
		Quotas: func() sluice.Quotas { return quotas }, Dir: p.dir, Credentials: p.o.Credentials, Idle: p.o.Config.Idle,
	}
	if err := p.reconcile(ctx, plan); err != nil {
		return err
	}
	front := functionurl.New(functionurl.Config{
		Invoker: p.entry, URLs: p.urls, Quotas: p.host.Quotas, Identity: p.host.Identity,
		Observer: p.api.tails, Quirks: p.o.Config.Quirks, Domain: p.o.Config.Domain,
		Authorize: functionurl.IAM(auth.New(p.host.Identity, nil), p.host.Identity, func(sluice.FunctionURL) *auth.Policy { return nil }), Decide: p.traces.Decide,
	})
	p.server = server.Serve(listener, server.Options{
		Routes: append([]server.Route{{Match: front.Match, Handler: front}}, p.apiRoutes()...),
		Work:   p.invoker, Log: p.o.Log,
	})
	p.o.Terminal.Ready(p.banner(plan))
	if f, err := p.startFollowing(plan); err == nil {
		p.follow.Store(f)
	} else {
		p.o.Terminal.Warned(terminal.Warning{Time: time.Now(), Text: "changes are not noticed: " + err.Error()})
	}
	for _, f := range p.all() {
		f.target.refresh()
	}
	return nil
}

// Addr is the address the project is served at.
func (p *Project) Addr() *net.TCPAddr { return p.server.Addr() }

// Streams counts the responses that are open.
func (p *Project) Streams() int {
	n := 0
	for _, f := range p.all() {
		n += f.target.busy()
	}
	return n
}

// environments tells of every execution environment, in no order.
func (p *Project) environments() []environment.Status {
	var all []environment.Status
	for _, f := range p.all() {
		all = append(all, f.target.environments()...)
	}
	return all
}

// Close lets open streams run on until ctx ends, then cuts them off, and removes
// everything the project wrote. Nothing is left when it returns.
func (p *Project) Close(ctx context.Context) { p.close(ctx) }

func (p *Project) close(ctx context.Context) {
	if f := p.follow.Load(); f != nil {
		f.watcher.Close()
	}
	if p.api != nil {
		p.api.stopTaking()
	}
	if p.server != nil {
		p.server.Close(ctx)
	} else if p.invoker != nil {
		p.invoker.Close(ctx)
	}
	for _, f := range p.all() {
		f.close(ctx)
	}
	p.parting.Wait()
	if p.api != nil {
		p.api.close()
	}
	if p.traces != nil {
		p.traces.Close()
	}
	if p.scratch != nil {
		p.scratch.Remove()
	}
}

// all returns the functions, those leaving included.
func (p *Project) all() []*function {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := append([]*function(nil), p.leaving...)
	for _, f := range p.functions {
		list = append(list, f)
	}
	return list
}

// urls are the project's Function URLs. The set is replaced as a whole when the
// template changes.
type urls struct {
	domain string
	// addr is where the listener is.
	addr *net.TCPAddr

	mu   sync.RWMutex
	byID map[string]sluice.FunctionURL
}

var _ functionurl.URLs = (*urls)(nil)

func newURLs() *urls { return &urls{byID: map[string]sluice.FunctionURL{}} }

// ByID finds a URL by the first label of its host.
func (u *urls) ByID(id string) (sluice.FunctionURL, bool) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	url, ok := u.byID[id]
	return url, ok
}

// ByFunction finds the URL of a function; without a qualifier that of $LATEST is
// preferred to an alias's.
func (u *urls) ByFunction(name, qualifier string) (sluice.FunctionURL, bool) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	var found sluice.FunctionURL
	ok := false
	for _, url := range u.byID {
		if url.Function == name && (url.Qualifier == qualifier || qualifier == "" && !ok) {
			found, ok = url, true
			if url.Qualifier == qualifier {
				break
			}
		}
	}
	return found, ok
}

func (u *urls) replace(all []sluice.FunctionURL) {
	byID := map[string]sluice.FunctionURL{}
	for _, url := range all {
		byID[url.ID] = url
	}
	u.mu.Lock()
	u.byID = byID
	u.mu.Unlock()
}

// host is the host form of a URL's address.
func (u *urls) host(id string) string {
	return "http://" + id + ".lambda-url." + u.domain + ":" + strconv.Itoa(u.addr.Port) + "/"
}

// path is the path form, for clients that can't resolve *.localhost.
func (u *urls) path(function string) string {
	return u.base() + "/lambda-url/" + function + "/"
}

// base is an address of the listener that works on this machine.
func (u *urls) base() string {
	ip := u.addr.IP
	if ip.IsUnspecified() {
		ip = net.IPv4(127, 0, 0, 1)
	}
	return "http://" + net.JoinHostPort(ip.String(), strconv.Itoa(u.addr.Port))
}

// urlID is the id of a function's URL in dev: readable, and stable.
func urlID(function, qualifier string, aliased bool) string {
	if aliased {
		return sluice.HostLabel(function + "-" + qualifier)
	}
	return sluice.HostLabel(function)
}
