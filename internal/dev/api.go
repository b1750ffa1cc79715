package dev

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/async"
	"github.com/sluice-run/sluice/internal/auth"
	"github.com/sluice-run/sluice/internal/console"
	"github.com/sluice-run/sluice/internal/destination"
	"github.com/sluice-run/sluice/internal/lambdaapi"
	"github.com/sluice-run/sluice/internal/logbook"
	"github.com/sluice-run/sluice/internal/metrics"
	"github.com/sluice-run/sluice/internal/objects"
	"github.com/sluice-run/sluice/internal/pricing"
	"github.com/sluice-run/sluice/internal/records"
	"github.com/sluice-run/sluice/internal/registry"
	"github.com/sluice-run/sluice/internal/server"
	"github.com/sluice-run/sluice/internal/store"
	"github.com/sluice-run/sluice/internal/template"
	"github.com/sluice-run/sluice/internal/traces"
)

// api is the Lambda API of a project: clients invoke its functions and read about
// them. What they are is the template's to say, so nothing can be changed. Its state
// is in memory and filled from the plan.
type api struct {
	store    *store.Store
	registry *registry.Registry
	async    *async.Service
	queue    *store.Queue
	metrics  *metrics.Observer
	book     *logbook.Book
	records  *records.Book
	tails    *lambdaapi.Tails
	// stop ends what clients follow.
	stop      context.CancelFunc
	following context.Context
}

// openAPI makes what the host needs: log lines pass through it.
func (p *Project) openAPI(ctx context.Context) error {
	s, err := store.Open(ctx, store.Options{Temp: p.dir, Log: p.o.Log})
	if err != nil {
		return err
	}
	prices, err := pricing.Load(p.o.Config.Prices)
	if err != nil {
		s.Close()
		return err
	}
	if p.traces, err = traces.Open(ctx, p.o.Terminal, traces.Options{Config: p.o.Config, Version: p.o.Version, Log: p.o.Log}); err != nil {
		s.Close()
		return err
	}
	queue, err := s.Queue(ctx)
	if err != nil {
		s.Close()
		return err
	}
	a := &api{store: s, registry: registry.New(s), queue: queue}
	a.metrics = metrics.New(p.traces, metrics.Gauges{Environments: p.environments, Depth: queue.Depth})
	a.records = records.New(a.metrics, prices)
	a.book = logbook.New(a.records)
	a.tails = &lambdaapi.Tails{Observer: a.book}
	a.following, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	p.api = a
	return nil
}

// routes are the API's, once there is a host.
func (p *Project) apiRoutes() []server.Route {
	a, identity := p.api, p.o.Config.Identity()
	bucket := &objects.Source{Region: identity.Region, Endpoint: p.o.Config.S3Endpoint}
	sender := &destination.Sender{Region: identity.Region, Endpoint: p.o.Config.AWSEndpoint, Objects: bucket}
	a.async = &async.Service{Queue: a.queue, Registry: a.registry, Invoker: p.entry, Identity: identity, Sender: sender, Wait: p.o.Config.RetryWait, Log: p.o.Log}
	service := &lambdaapi.API{
		Registry: a.registry, Invoker: p.entry, Enqueue: a.async.Put, Auth: auth.New(identity, nil), Identity: identity, Quotas: p.host.Quotas,
		ReadOnly: "sluice dev serves the template, so a function is changed there; deploy to a sluice serve",
		Changed:  func(string) {}, Provisioned: func(string, string) (int, string) { return 0, "" },
		Objects: bucket, Destinations: sender, URL: p.urls.host, Tails: a.tails, Domain: p.o.Config.Domain, Log: p.o.Log, Now: time.Now,
	}
	a.async.Start()
	routes := []server.Route{
		{Match: lambdaapi.Match, Handler: service.Handler()},
		at(logbook.Path, service.Guard("sluice:ReadLogs", a.book.Handler(a.following))),
		{Match: logbook.MatchCloudWatch, Handler: service.GuardBy(logbook.Action, a.book.CloudWatch(a.registry))},
		at(metrics.Path, service.GuardHost(a.metrics.Handler())),
		{Match: console.Match, Handler: console.Handler()},
	}
	a.records.Environments, a.records.Quotas = p.environments, p.host.Quotas
	for path, handler := range a.records.Handlers(a.following) {
		routes = append(routes, at(path, service.Guard("sluice:ReadInvocations", handler)))
	}
	return routes
}

// at is a route for one path.
func at(path string, handler http.Handler) server.Route {
	return server.Route{Match: func(r *http.Request) bool { return r.URL.Path == path }, Handler: handler}
}

// stopTaking ends what is followed, and takes no more events.
func (a *api) stopTaking() {
	a.stop()
	if a.async != nil {
		a.async.Stop()
	}
}

func (a *api) close() {
	if a.async != nil {
		a.async.Close()
	}
	a.store.Close()
}

// describe makes the registry say what the plan does.
func (a *api) describe(ctx context.Context, pl *plan, identity sluice.Identity) error {
	have, err := a.registry.Functions()
	if err != nil {
		return err
	}
	for _, f := range have {
		if !slices.ContainsFunc(pl.functions, func(def *template.Function) bool { return def.Name == f.Name }) {
			if err := a.registry.Delete(ctx, f.Name); err != nil {
				return err
			}
		}
	}
	for _, def := range pl.functions {
		f := record(def, identity)
		if slices.ContainsFunc(have, func(f *registry.Function) bool { return f.Name == def.Name }) {
			_, err = a.registry.Edit(ctx, def.Name, func(old *registry.Function) error {
				*old = *f
				return nil
			})
		} else {
			err = a.registry.Create(ctx, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// record is what the registry holds of a function.
func record(def *template.Function, identity sluice.Identity) *registry.Function {
	now, d := time.Now(), def.Deployment
	format := "Text"
	if def.Logging.JSON {
		format = "JSON"
	}
	f := &registry.Function{
		Name: def.Name, ReservedConcurrency: def.ReservedConcurrency, Tags: d.Tags, RecursiveLoop: "Terminate", UpdateRuntimeOn: "Auto",
		Latest: registry.Version{
			Number: sluice.LatestVersion, Runtime: def.Runtime, Role: "arn:" + identity.Partition + ":iam::" + identity.AccountID + ":role/" + def.Name,
			Handler: def.Handler, Description: d.Description, Timeout: int(def.Timeout / time.Second), MemorySize: def.MemoryMB,
			EphemeralStorage: def.EphemeralStorageMB, Environment: def.Environment, Architectures: []string{def.Architecture}, TracingMode: "PassThrough",
			Logging: registry.Logging{
				Format: format, ApplicationLevel: def.Logging.ApplicationLevel, SystemLevel: def.Logging.SystemLevel, Group: def.Logging.Group,
			},
			DeadLetter: d.DeadLetter, Folder: def.CodeDir, LastModified: now, RevisionID: sluice.NewRequestID(),
		},
		Aliases: map[string]*registry.Alias{}, URLs: map[string]*registry.URL{}, Policies: map[string]*registry.Policy{}, EventInvoke: map[string]*registry.EventInvoke{},
	}
	if f.Latest.Logging.Group == "" {
		f.Latest.Logging.Group = "/aws/lambda/" + def.Name
	}
	events := sluice.LatestVersion
	for i, name := range def.Aliases {
		f.Aliases[name] = &registry.Alias{Name: name, Version: sluice.LatestVersion, RevisionID: sluice.NewRequestID()}
		if i == 0 {
			events = name
		}
	}
	if d.Retries != nil || d.Age != nil || d.OnSuccess != "" || d.OnFailure != "" {
		f.EventInvoke[events] = &registry.EventInvoke{Attempts: d.Retries, Age: d.Age, OnSuccess: d.OnSuccess, OnFailure: d.OnFailure, Modified: now}
	}
	for _, u := range def.URLs {
		f.URLs[u.Qualifier] = &registry.URL{ID: u.ID, AuthType: u.AuthType, Mode: u.Mode, CORS: u.CORS, Created: now, Modified: now}
		if u.Public {
			f.Policies[u.Qualifier] = public(identity.FunctionARN(def.Name, u.Qualifier))
		}
	}
	return f
}

// public is the policy of a Function URL that everybody may call
// (docs/contract/function-url.md §7.1).
func public(arn string) *registry.Policy {
	const id = "FunctionURLAllowPublicAccess"
	text, _ := json.Marshal(map[string]any{ // nothing in it can fail
		"Sid": id, "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl", "Resource": arn,
		"Condition": map[string]any{"StringEquals": map[string]string{"lambda:FunctionUrlAuthType": "NONE"}},
	})
	return &registry.Policy{Statements: []registry.Statement{{ID: id, Text: text}}, RevisionID: sluice.NewRequestID()}
}
