package hosting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/invoke"
	"github.com/sluice-run/sluice/internal/registry"
)

// Hosting runs the functions of a registry.
type Hosting struct {
	Registry *registry.Registry
	Host     *environment.Host
	Identity sluice.Identity
	// Runtime says how the process of a function is started; its error is for
	// the caller of the function.
	Runtime func(sluice.Function) (environment.Runtime, error)
	Code    *CodeCache
	// Image says how the process of a function with a container image is started.
	Image func(ctx context.Context, fn *sluice.Function, v *registry.Version) (environment.Runtime, error)

	mu        sync.Mutex
	functions map[string]*function
}

// Target returns the target of a function, nil if there is no such function.
func (h *Hosting) Target(name string) invoke.Target {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.functions[name]; f != nil {
		return f
	}
	if _, err := h.Registry.Function(name); err != nil {
		return nil
	}
	if h.functions == nil {
		h.functions = map[string]*function{}
	}
	f := &function{hosting: h, name: name, pools: map[string]*pool{}, reservation: environment.NewReservation(nil)}
	h.functions[name] = f
	return f
}

// Changed retires what a change of a function has made stale, and warms up what it
// provisions.
func (h *Hosting) Changed(name string) {
	h.mu.Lock()
	f := h.functions[name]
	h.mu.Unlock()
	if f != nil {
		f.sweep()
	}
	if deployed, err := h.Registry.Function(name); err == nil && (f != nil || len(deployed.Provisioned) > 0) {
		h.Target(name).(*function).provision(deployed)
	}
}

// Provisioned tells how many environments of a qualifier are ready, and why they
// are not all.
func (h *Hosting) Provisioned(name, qualifier string) (ready int, failed string) {
	h.mu.Lock()
	f := h.functions[name]
	h.mu.Unlock()
	if f == nil {
		return 0, ""
	}
	_, version, err := f.resolve(qualifier)
	if err != nil {
		return 0, ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unprovisioned != "" {
		return 0, f.unprovisioned
	}
	if p := f.pools[version.Number]; p != nil {
		return p.Provisioned()
	}
	return 0, ""
}

// Busy counts the invocations in progress.
func (h *Hosting) Busy() int {
	n := 0
	for p := range h.pools() {
		n += p.Busy()
	}
	return n
}

// Environments tells of every execution environment, in no order.
func (h *Hosting) Environments() []environment.Status {
	var all []environment.Status
	for p := range h.pools() {
		all = append(all, p.Status()...)
	}
	return all
}

// pools are all that have something left.
func (h *Hosting) pools() iter.Seq[*pool] {
	return func(yield func(*pool) bool) {
		for _, t := range h.Targets() {
			f := t.(*function)
			f.mu.Lock()
			pools := slices.Collect(maps.Values(f.pools))
			f.mu.Unlock()
			for _, p := range append(pools, f.left()...) {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// Targets returns all targets that were ever asked for.
func (h *Hosting) Targets() []invoke.Target {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []invoke.Target
	for _, f := range h.functions {
		all = append(all, f)
	}
	return all
}

// function serves the versions of one function.
type function struct {
	hosting *Hosting
	name    string

	// reservation is shared by all versions.
	reservation *environment.Concurrency

	mu sync.Mutex
	// pools by version number.
	pools map[string]*pool
	// draining pools finish what they had begun.
	draining map[*pool]bool
	retired  bool
	// unprovisioned is why versions could not be warmed up.
	unprovisioned string
	// cleaning are the goroutines that wait for pools to be gone.
	cleaning sync.WaitGroup
}

var _ invoke.Target = (*function)(nil)

// pool is the environments of a version as it was at some time.
type pool struct {
	*environment.Pool
	// stamp changes whenever the environments would have to be others.
	stamp string
}

// Pool returns the pool of the version that a qualifier leads to.
func (f *function) Pool(ctx context.Context, qualifier string) (*environment.Pool, error) {
	deployed, version, err := f.resolve(qualifier)
	if err != nil {
		return nil, err
	}
	f.reservation.Set(deployed.ReservedConcurrency)
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.pool(ctx, version)
	if err != nil {
		return nil, err
	}
	return p.Pool, nil
}

// pool returns the pool of a version, a new one if it has changed; f.mu is held.
func (f *function) pool(ctx context.Context, version *registry.Version) (*pool, error) {
	stamp := stampOf(version)
	if f.retired {
		return nil, sluice.ErrShuttingDown()
	}
	current := f.pools[version.Number]
	if current != nil && current.stamp == stamp {
		return current, nil
	}
	fresh, err := f.open(ctx, version, stamp)
	if err != nil {
		return nil, err
	}
	f.drain(version.Number)
	f.pools[version.Number] = fresh
	return fresh, nil
}

// provision warms up the versions that the function's provisioned concurrency is
// for. Of an alias it is the version without weights.
func (f *function) provision(deployed *registry.Function) {
	wanted := map[string]int{}
	for qualifier, p := range deployed.Provisioned {
		number := qualifier
		if alias := deployed.Aliases[qualifier]; alias != nil {
			number = alias.Version
		}
		wanted[number] += p.Count
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unprovisioned = ""
	for number, p := range f.pools {
		if wanted[number] == 0 {
			p.Provision(0)
		}
	}
	for number, count := range wanted {
		version, err := f.hosting.Registry.Version(f.name, number)
		if err == nil {
			var p *pool
			if p, err = f.pool(context.Background(), version); err == nil {
				p.Provision(count)
			}
		}
		if err != nil {
			f.unprovisioned = err.Error()
		}
	}
}

// stampOf changes with everything that an environment is made of.
func stampOf(v *registry.Version) string {
	stamp := strconv.FormatInt(v.LastModified.UnixNano(), 36) + " " + v.Code
	if v.Image != nil {
		stamp += v.Image.Digest
	}
	if v.Folder != "" {
		stamp += " " + newest(v.Folder)
	}
	return stamp
}

// newest changes when a file below a folder does, dependencies left out.
func newest(folder string) string {
	count, last := 0, time.Time{}
	filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // it went while we looked
		}
		if entry.IsDir() && path != folder && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return filepath.SkipDir
		}
		if info, err := entry.Info(); err == nil {
			count++
			if info.ModTime().After(last) {
				last = info.ModTime()
			}
		}
		return nil
	})
	return strconv.Itoa(count) + "@" + strconv.FormatInt(last.UnixNano(), 36)
}

// resolve finds the version of a qualifier: an alias leads to one of its versions,
// by their weights.
func (f *function) resolve(qualifier string) (*registry.Function, *registry.Version, error) {
	missing := sluice.ErrNotFound(f.hosting.Identity.FunctionARN(f.name, qualifier))
	deployed, err := f.hosting.Registry.Function(f.name)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, nil, missing
	}
	if err != nil {
		return nil, nil, err
	}
	number := qualifier
	if alias := deployed.Aliases[qualifier]; alias != nil {
		number = choose(alias, rand.Float64())
	}
	if number == "" || number == sluice.LatestVersion {
		return deployed, &deployed.Latest, nil
	}
	version, err := f.hosting.Registry.Version(f.name, number)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, nil, missing
	}
	return deployed, version, err
}

// choose picks a version by weight; dice is in [0, 1).
func choose(a *registry.Alias, dice float64) string {
	for number, weight := range a.Weights {
		if dice < weight {
			return number
		}
		dice -= weight
	}
	return a.Version
}

// open makes the pool of a version; f.mu is held.
func (f *function) open(ctx context.Context, v *registry.Version, stamp string) (*pool, error) {
	fn := sluice.Function{
		Name: f.name, Version: v.Number, Runtime: v.Runtime, Handler: v.Handler, CodeDir: v.Folder, Environment: v.Environment,
		Timeout: time.Duration(v.Timeout) * time.Second, MemoryMB: v.MemorySize, EphemeralStorageMB: v.EphemeralStorage,
		Architecture: v.Architectures[0],
		Logging: sluice.Logging{
			JSON: v.Logging.Format == "JSON", ApplicationLevel: v.Logging.ApplicationLevel, SystemLevel: v.Logging.SystemLevel, Group: v.Logging.Group,
		},
	}
	var used []string
	release := func() {
		for _, sum := range used {
			f.hosting.Code.Release(sum)
		}
	}
	fetch := func(sum string) (string, error) {
		dir, err := f.hosting.Code.Acquire(ctx, sum)
		if err == nil {
			used = append(used, sum)
		}
		return dir, err
	}
	var err error
	if fn.CodeDir == "" && v.Image == nil {
		fn.CodeDir, err = fetch(v.Code)
	}
	for _, l := range v.Layers {
		var dir string
		if err == nil {
			dir, err = fetch(l.Code)
			fn.Layers = append(fn.Layers, dir)
		}
	}
	var runtime environment.Runtime
	switch {
	case err != nil:
	case v.Image != nil:
		runtime, err = f.hosting.Image(ctx, &fn, v)
	default:
		runtime, err = f.hosting.Runtime(fn)
	}
	if err != nil {
		release()
		return nil, &sluice.Error{Code: "ResourceNotReadyException", Status: 502, Message: fmt.Sprintf("The function can't be started: %v", err), Cause: err}
	}
	p := &pool{environment.NewSharedPool(f.hosting.Host, fn, runtime, f.reservation), stamp}
	f.cleaning.Go(func() {
		<-p.Gone()
		release()
		f.mu.Lock()
		delete(f.draining, p)
		f.mu.Unlock()
	})
	return p, nil
}

// drain retires the pool of a version, if there is one; f.mu is held.
func (f *function) drain(number string) {
	p := f.pools[number]
	if p == nil {
		return
	}
	delete(f.pools, number)
	if f.draining == nil {
		f.draining = map[*pool]bool{}
	}
	f.draining[p] = true
	p.Retire()
}

// sweep retires the pools whose version is not there any more, or another.
func (f *function) sweep() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for number, p := range f.pools {
		_, version, err := f.resolve(number)
		if err != nil || stampOf(version) != p.stamp {
			f.drain(number)
		}
	}
}

// Retire lets invocations in progress finish and ends everything else.
func (f *function) Retire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.retired = true
	for number := range f.pools {
		f.drain(number)
	}
}

// Wait returns when nothing of the retired function is left.
func (f *function) Wait(ctx context.Context) error {
	for _, p := range f.left() {
		select {
		case <-p.Gone():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	f.cleaning.Wait()
	return nil
}

// Kill cuts off what is still in progress.
func (f *function) Kill() {
	for _, p := range f.left() {
		p.Kill()
	}
	f.cleaning.Wait()
}

func (f *function) left() []*pool {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []*pool
	for p := range f.draining {
		all = append(all, p)
	}
	return all
}
