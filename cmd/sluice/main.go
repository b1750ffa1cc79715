// Command sluice runs AWS Lambda functions that stream their responses.
//
// One file holds one subcommand. Arguments, environment, standard streams and
// the working folder enter through a session and nowhere else, so that a command
// can be tested in-process.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"

	"github.com/sluice-run/sluice/internal/terminal"
)

func main() {
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sluice: working folder:", err)
		os.Exit(exitFailure)
	}
	s := &session{
		args: os.Args[1:], environ: os.Environ(), dir: dir,
		stdout: os.Stdout, stderr: os.Stderr, interrupt: make(chan os.Signal, 2),
	}
	signal.Notify(s.interrupt, os.Interrupt, syscall.SIGTERM)
	os.Exit(s.run(context.Background()))
}

// session is everything a command gets from outside.
type session struct {
	args    []string
	environ []string
	// dir is the working folder, absolute.
	dir            string
	stdout, stderr io.Writer
	// interrupt delivers SIGINT and SIGTERM: the first drains, the second stops
	// at once.
	interrupt chan os.Signal
}

// Exit codes, in the help of the root command too.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	// exitProject: the template, configuration or code can't be used as it is.
	exitProject = 3
)

const exitCodes = `Exit codes:
  0  success, including a server that was told to stop
  1  failure: the machine, the network or Sluice itself
  2  wrong usage: unknown command, flag or argument
  3  the template, the configuration or the code needs a change`

// projectError marks an error that the developer mends in the project.
type projectError struct{ error }

func (e projectError) Unwrap() error { return e.error }

// usageError marks an error in how the command was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run executes the command line and returns the exit code.
func (s *session) run(ctx context.Context) int {
	root := s.rootCommand()
	root.SetArgs(s.args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var usage usageError
	var project projectError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(s.stderr, "sluice: %v\nRun 'sluice help' for the commands.\n", err)
		return exitUsage
	case errors.As(err, &project):
		fmt.Fprintln(s.stderr, err)
		return exitProject
	}
	var unreachable *unreachableError
	if errors.As(err, &unreachable) {
		err = unreachable
	}
	// What a server answered, without the SDK's account of how it came about.
	var answered smithy.APIError
	if errors.As(err, &answered) {
		err = fmt.Errorf("%s: %s", answered.ErrorCode(), answered.ErrorMessage())
	}
	// A function may have a say in it.
	fmt.Fprintf(s.stderr, "sluice: %s\n", terminal.Harmless(s.stderr, s.environ, err.Error()))
	return exitFailure
}

func (s *session) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "sluice",
		Short:         "Run AWS Lambda functions that stream their responses",
		Long:          "Sluice runs AWS Lambda functions that stream their responses: no Docker, no account.\n\n" + exitCodes,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetOut(s.stdout)
	root.SetErr(s.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%s: %w", cmd.CommandPath(), err)}
	})
	root.AddCommand(s.devCommand(), s.serveCommand(), s.deployCommand(), s.invokeCommand(), s.listCommand(), s.deleteCommand(), s.logsCommand(), s.usageCommand(), s.doctorCommand(), s.runtimesCommand(), s.configCommand(), s.versionCommand())
	root.AddCommand(s.initCommand(), s.manCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, sub := range root.Commands() {
		if !sub.Runnable() { // or an unknown shell would be no error
			sub.RunE = root.RunE
		}
	}
	markUsage(root)
	complete(root)
	return root
}

// markUsage makes wrong arguments usage errors, down to the last subcommand.
func markUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		markUsage(sub)
	}
}
