package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/bundle"
	"github.com/sluice-run/sluice/internal/deploy"
	"github.com/sluice-run/sluice/internal/dev"
	"github.com/sluice-run/sluice/internal/gobuild"
	"github.com/sluice-run/sluice/internal/template"
	"github.com/sluice-run/sluice/internal/terminal"
)

type deployFlags struct {
	clientFlags
	stack         string
	parameters    []string
	prune, dryRun bool
}

func (s *session) deployCommand() *cobra.Command {
	var flags deployFlags
	cmd := &cobra.Command{
		Use:   "deploy [PATH]",
		Short: "Bring a running server to what a template says",
		Long: `Bring a running server to what a SAM or CloudFormation template says, through the
Lambda API. What will be done is printed first; a second run does nothing.

PATH is a template or a folder with one, the working folder by default.

` + exitCodes,
		Example: "  sluice deploy examples/hello\n  sluice deploy --stack shop --parameter-overrides Stage=prod --prune",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "."
			if len(args) == 1 {
				path = args[0]
			}
			return s.deploy(cmd, path, flags)
		},
	}
	s.bindClient(cmd, &flags.clientFlags)
	cmd.ValidArgsFunction = completeFiles
	f := cmd.Flags()
	f.StringVar(&flags.stack, "stack", "", "`name` of the deployment, and the beginning of made-up function names (default: the folder's name)")
	f.StringArrayVar(&flags.parameters, "parameter-overrides", nil, "template parameters, `Name=value`, several separated by spaces; may be repeated")
	f.BoolVar(&flags.prune, "prune", false, "delete the stack's functions that are not in the template any more")
	f.BoolVar(&flags.dryRun, "dry-run", false, "print what would be done, and do nothing")
	return cmd
}

func (s *session) deploy(cmd *cobra.Command, path string, flags deployFlags) error {
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.dir, path)
	}
	source, err := dev.Find(path)
	if err != nil {
		return projectError{err}
	}
	if source.Handler {
		return projectError{fmt.Errorf("%s is a handler file; sluice deploy needs a template", source.File)}
	}
	parameters, err := parseParameters(flags.parameters)
	if err != nil {
		return usageError{err}
	}
	client, err := s.client(flags.clientFlags)
	if err != nil {
		return err
	}
	if flags.stack == "" {
		flags.stack = dev.FunctionName(filepath.Base(source.Dir()))
	}
	identity := sluice.DefaultIdentity()
	identity.Region = flags.region
	options := deploy.Options{Client: client, File: source.File, Stack: flags.stack, Parameters: parameters, Identity: identity, Prune: flags.prune}
	bars := newProgress(s.stderr, !flags.json && terminal.IsTerminal(s.stderr) && s.lookup("TERM") != "dumb")
	defer bars.close()
	options.Uploading = bars.uploading
	plan, err := deploy.New(cmd.Context(), options)
	if err != nil {
		var mistakes *template.Error
		var failure *bundle.Failure
		var uncompiled *gobuild.Failure
		if errors.As(err, &mistakes) || errors.As(err, &failure) || errors.As(err, &uncompiled) {
			return projectError{err}
		}
		return err
	}
	if !flags.json {
		s.printPlan(plan, flags)
	}
	if flags.dryRun {
		return s.printSteps(plan, flags)
	}
	if err := plan.Execute(cmd.Context(), func(step *deploy.Step) {
		if !flags.json && step.Action != deploy.Unchanged && step.Action != deploy.Keep {
			fmt.Fprintf(bars.beside(s.stdout), "%sd %s\n", strings.TrimSuffix(string(step.Action), "e")+"e", step.Function)
		}
	}); err != nil {
		return err
	}
	bars.close()
	if err := s.printSteps(plan, flags); err != nil || flags.json {
		return err
	}
	for _, step := range plan.Steps {
		for _, address := range step.URLs {
			fmt.Fprintf(s.stdout, "%s  %s\n", step.Function, address)
		}
	}
	for _, o := range plan.Outputs {
		fmt.Fprintf(s.stdout, "output %s  %s\n", o.Name, o.Value)
	}
	return nil
}

func (s *session) printPlan(plan *deploy.Plan, flags deployFlags) {
	fmt.Fprintf(s.stdout, "stack %s on %s\n", flags.stack, flags.endpoint)
	for _, step := range plan.Steps {
		line := fmt.Sprintf("  %-9s %s", step.Action, step.Function)
		if len(step.Changes) > 0 {
			line += ": " + strings.Join(step.Changes, ", ")
		}
		if step.Action == deploy.Keep {
			line += ": not in the template any more; --prune deletes it"
		}
		fmt.Fprintln(s.stdout, line)
	}
	for _, n := range plan.NotRun {
		fmt.Fprintf(s.stdout, "  not run   %s %s\n", n.Type, strings.TrimSpace(n.Name+" "+n.Reason))
	}
	for _, w := range plan.Warnings {
		fmt.Fprintln(s.stderr, "warning:", w)
	}
}

// printSteps prints the plan for programs.
func (s *session) printSteps(plan *deploy.Plan, flags deployFlags) error {
	if !flags.json {
		return nil
	}
	return s.printJSON(map[string]any{
		"stack": flags.stack, "steps": array(plan.Steps), "outputs": array(plan.Outputs), "notRun": array(plan.NotRun),
		"warnings": array(plan.Warnings), "done": !flags.dryRun,
	})
}
