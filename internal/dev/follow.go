package dev

import (
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/sluice-run/sluice/internal/terminal"
	"github.com/sluice-run/sluice/internal/watch"
)

// follower turns file changes into stale functions and a reloaded template.
type follower struct {
	project *Project
	watcher *watch.Watcher

	mu sync.Mutex
	// files are the plan's.
	files []string
	// templateChanged tells that the template has to be read again once the
	// files are quiet.
	templateChanged bool
}

func (p *Project) startFollowing(pl *plan) (*follower, error) {
	f := &follower{project: p, files: pl.files}
	var err error
	f.watcher, err = watch.New(watch.Options{
		Paths:     p.followed(pl.files),
		OnChange:  f.changed,
		OnSettled: f.settled,
		OnError: func(err error) {
			p.o.Terminal.Warned(terminal.Warning{Time: time.Now(), Text: err.Error()})
		},
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// update follows what another plan is made of.
func (f *follower) update(pl *plan) {
	f.mu.Lock()
	f.files = pl.files
	f.mu.Unlock()
	f.project.followAgain()
}

// followAgain takes in files that a build turned out to use.
func (p *Project) followAgain() {
	f := p.follow.Load()
	if f == nil {
		return
	}
	f.mu.Lock()
	files := f.files
	f.mu.Unlock()
	if err := f.watcher.Update(p.followed(files)); err != nil {
		p.o.Terminal.Warned(terminal.Warning{Time: time.Now(), Text: err.Error()})
	}
}

// followed is everything whose change matters: the template and all code.
func (p *Project) followed(files []string) []string {
	paths := slices.Clone(files)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, fn := range p.functions {
		paths = append(paths, fn.follows()...)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// changed makes what the files belong to stale, at once.
func (f *follower) changed(files []string) {
	p := f.project
	for _, file := range files {
		if p.isTemplate(file) {
			f.mu.Lock()
			f.templateChanged = true
			f.mu.Unlock()
			continue
		}
		p.mu.Lock()
		for _, fn := range p.functions {
			if fn.uses(file) {
				fn.target.invalidate(p.relative(file))
			}
		}
		p.mu.Unlock()
	}
}

// settled builds what became stale, so that mistakes show without a request.
func (f *follower) settled() {
	f.mu.Lock()
	reload := f.templateChanged
	f.templateChanged = false
	f.mu.Unlock()
	if reload {
		f.project.reload()
	}
	for _, fn := range f.project.all() {
		fn.target.refresh()
	}
}

// relative shortens a path for people.
func (p *Project) relative(file string) string {
	if rel, err := filepath.Rel(p.o.Source.Dir(), file); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return file
}
