package dev

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/sluice-run/sluice/internal/template"
	"github.com/sluice-run/sluice/internal/terminal"
)

// reconcile makes the project serve what the plan says: functions that are new
// start, functions that changed become stale, functions that left retire.
func (p *Project) reconcile(ctx context.Context, pl *plan) error {
	all, err := pl.assignURLs()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	wanted := map[string]*template.Function{}
	for _, def := range pl.functions {
		if other, twice := wanted[def.Name]; twice {
			return fmt.Errorf("two functions are named %s: %s and %s", def.Name, other.LogicalID, def.LogicalID)
		}
		wanted[def.Name] = def
	}
	for name, f := range p.functions {
		if wanted[name] == nil {
			delete(p.functions, name)
			p.invoker.Remove(name)
			p.leave(f)
		}
	}
	for _, def := range pl.functions {
		f := p.functions[def.Name]
		if f == nil {
			if _, err := p.addFunction(def); err != nil {
				return err
			}
			continue
		}
		if f.define(def) {
			f.target.invalidate(p.relative(p.o.Source.File))
		}
	}
	p.urls.replace(all)
	return p.api.describe(ctx, pl, p.o.Config.Identity())
}

// leave lets a removed function finish what it had begun; p.mu is held.
func (p *Project) leave(f *function) {
	p.leaving = append(p.leaving, f)
	p.parting.Go(func() {
		f.close(context.Background())
		p.mu.Lock()
		p.leaving = slices.DeleteFunc(p.leaving, func(other *function) bool { return other == f })
		p.mu.Unlock()
	})
}

// reload reads the template again. What it can't use it reports, and goes on
// with what it has.
func (p *Project) reload() {
	begin := time.Now()
	pl, err := p.load()
	if err == nil {
		err = p.reconcile(context.Background(), pl)
	}
	if err != nil {
		p.o.Terminal.BuildFailed(terminal.BuildFailure{Time: time.Now(), Diagnostic: err.Error()})
		return
	}
	if f := p.follow.Load(); f != nil {
		f.update(pl)
	}
	p.o.Terminal.Reloaded(terminal.Reload{Time: time.Now(), File: p.relative(p.o.Source.File), Took: time.Since(begin)})
	for _, w := range pl.warnings {
		p.o.Terminal.Warned(terminal.Warning{Time: time.Now(), Text: w})
	}
}

// isTemplate reports whether a change of file asks for another plan.
func (p *Project) isTemplate(file string) bool {
	return !p.o.Source.Handler && file == p.o.Source.File
}

// define replaces the definition and reports whether it differs.
func (f *function) define(def *template.Function) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, b := *f.definition, *def
	a.Line, b.Line, a.URLs, b.URLs = 0, 0, nil, nil
	f.definition = def
	return !reflect.DeepEqual(a, b)
}
