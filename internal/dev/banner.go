package dev

import (
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/console"
	"github.com/sluice-run/sluice/internal/terminal"
)

// banner tells the developer what is served and where.
func (p *Project) banner(pl *plan) terminal.Banner {
	b := terminal.Banner{
		Time: time.Now(), Command: "dev", Version: p.o.Version, Source: p.o.Source.File,
		Address: p.urls.base(), Console: p.urls.base() + console.Path, Took: time.Since(p.o.Started), Warnings: pl.warnings,
	}
	for _, def := range pl.functions {
		f := p.functions[def.Name]
		row := terminal.BannerFunction{Name: def.Name, Runtime: def.Runtime, Timeout: def.Timeout, MemoryMB: def.MemoryMB}
		row.ServedBy, row.RuntimeWarning = f.serves()
		for _, u := range def.URLs {
			row.URLs = append(row.URLs, terminal.BannerURL{
				Mode: u.Mode, Auth: u.AuthType, Qualifier: u.Qualifier,
				Host: p.urls.host(u.ID), Path: p.urls.path(def.Name), Note: note(u),
			})
		}
		if f.inspector != nil {
			b.Warnings = append(b.Warnings, def.Name+": debugger at "+f.inspector.Addr()+"; clocks stand still while one is attached")
		}
		b.Functions = append(b.Functions, row)
	}
	for _, n := range pl.notRun {
		b.NotRun = append(b.NotRun, terminal.NotRun{Name: n.Name, Type: n.Type, Reason: n.Reason})
	}
	for _, o := range pl.outputs {
		b.Outputs = append(b.Outputs, terminal.Output{Name: o.Name, Value: o.Value})
	}
	return b
}

// note says what keeps a URL from answering.
func note(u sluice.FunctionURL) string {
	switch {
	case u.AuthType == sluice.AuthIAM:
		return "AWS_IAM: takes any signature here, and answers 403 without one"
	case !u.Public:
		return "no permission lets everybody call it: answers 403"
	}
	return ""
}
