package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/runtimes"
)

// resolver finds runtimes on the PATH and in the data folder.
func (s *session) resolver(cfg config.Config) *runtimes.Resolver {
	return &runtimes.Resolver{DataDir: cfg.Data, Path: s.lookup("PATH")}
}

func (s *session) runtimesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runtimes",
		Short: "List, install and remove the programs that serve runtimes",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	config.BindFlags(cmd.PersistentFlags())
	var asJSON bool
	list := &cobra.Command{
		Use:   "list",
		Short: "List the runtimes and what serves each",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return s.listRuntimes(cmd, asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(list, &cobra.Command{
		Use:     "install RUNTIME...",
		Short:   "Fetch the right Node with the npm client",
		Example: "  sluice runtimes install nodejs22.x",
		Args:    cobra.MinimumNArgs(1),
		RunE:    s.installRuntimes,

		ValidArgsFunction: completeRuntimes,
	}, &cobra.Command{
		Use:   "remove RUNTIME...",
		Short: "Remove what install fetched",
		Args:  cobra.MinimumNArgs(1),
		RunE:  s.removeRuntimes,

		ValidArgsFunction: completeRuntimes,
	})
	return cmd
}

// completeRuntimes completes those that can be installed.
func completeRuntimes(_ *cobra.Command, given []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	for _, name := range sluice.Runtimes {
		if sluice.FamilyOf(name) == sluice.NodeJS && !slices.Contains(given, name) {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// loadConfig reads the configuration for commands that have no project.
func (s *session) loadConfig(cmd *cobra.Command) (config.Config, error) {
	cfg, err := config.Load(config.Sources{Folders: []string{s.dir}, Environ: s.environ, Flags: cmd.Flags(), Dir: s.dir})
	if err != nil {
		return cfg, projectError{err}
	}
	return cfg, nil
}

func (s *session) listRuntimes(cmd *cobra.Command, asJSON bool) error {
	cfg, err := s.loadConfig(cmd)
	if err != nil {
		return err
	}
	type row struct {
		Runtime   string `json:"runtime"`
		ServedBy  string `json:"servedBy"`
		Path      string `json:"path"`
		Exact     bool   `json:"exact"`
		Installed bool   `json:"installed"`
	}
	rows := []row{}
	for _, status := range s.resolver(cfg).List() {
		r := row{Runtime: status.Runtime}
		if in := status.Served; in != nil {
			r.ServedBy, r.Path, r.Exact, r.Installed = in.String(), in.Path, in.Exact, in.Installed
		}
		rows = append(rows, r)
	}
	if asJSON {
		return s.printJSON(rows)
	}
	t := s.table("RUNTIME", "SERVED BY", "PATH", "NOTE")
	for _, r := range rows {
		servedBy, note := r.ServedBy, ""
		switch {
		case servedBy == "":
			servedBy, note = "nothing", install(r.Runtime)
		case !r.Exact:
			note = "another release; " + install(r.Runtime)
		case r.Installed:
			note = "installed by sluice"
		}
		t.row(r.Runtime, servedBy, r.Path, note)
	}
	return t.end()
}

// install says how the right program for a runtime is got.
func install(runtime string) string {
	if sluice.FamilyOf(runtime) == sluice.NodeJS {
		return "sluice runtimes install " + runtime
	}
	return "install " + runtime
}

func (s *session) installRuntimes(cmd *cobra.Command, names []string) error {
	cfg, err := s.loadConfig(cmd)
	if err != nil {
		return err
	}
	for _, name := range names {
		in, err := s.resolver(cfg).Install(cmd.Context(), name, s.stderr)
		var unsupported *runtimes.UnsupportedError
		switch {
		case errors.As(err, &unsupported):
			return usageError{err}
		case err != nil:
			return err
		}
		fmt.Fprintf(s.stdout, "%s is served by %s at %s\n", name, in, in.Path)
	}
	return nil
}

func (s *session) removeRuntimes(cmd *cobra.Command, names []string) error {
	cfg, err := s.loadConfig(cmd)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.resolver(cfg).Remove(name); err != nil {
			return err
		}
		fmt.Fprintf(s.stdout, "removed %s\n", name)
	}
	return nil
}
