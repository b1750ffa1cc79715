package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sluice-run/sluice/internal/scaffold"
	"github.com/sluice-run/sluice/internal/spelling"
	"github.com/sluice-run/sluice/internal/terminal"
)

type initFlags struct{ list, json bool }

func (s *session) initCommand() *cobra.Command {
	var flags initFlags
	var kinds strings.Builder
	printKinds(&kinds)
	cmd := &cobra.Command{
		Use:   "init [KIND] [FOLDER]",
		Short: "Write a small streaming project to start from",
		Long: `Write a small streaming project to start from: a SAM template, a handler and a
README. sluice dev runs it as it is.

KIND is one of these, ` + scaffold.Default + ` by default:

` + kinds.String() + `
FOLDER is created if need be, "." is the working folder. By default it is one named
like KIND in the working folder. The function is named after it: Shop in shop, MyApp1
in "my app 1". Files that exist are never overwritten: if one is in the way, nothing is
written.

` + exitCodes,
		Example: "  sluice init\n  sluice init chat my-chat\n  sluice init typescript .\n  sluice init --list",
		Args:    cobra.MaximumNArgs(2),
		RunE:    func(_ *cobra.Command, args []string) error { return s.init(args, flags) },
	}
	cmd.ValidArgsFunction = completeInit
	cmd.Flags().BoolVar(&flags.list, "list", false, "print the kinds, and write nothing")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print JSON")
	return cmd
}

func (s *session) init(args []string, flags initFlags) error {
	if flags.list {
		if len(args) > 0 {
			return usageError{errors.New("--list takes no KIND and no FOLDER")}
		}
		if flags.json {
			return s.printJSON(scaffold.Kinds())
		}
		return printKinds(s.stdout)
	}
	name := scaffold.Default
	if len(args) > 0 {
		name = args[0]
	} else if !flags.json && terminal.IsTerminal(s.stdout) {
		fmt.Fprintln(s.stdout, "The kinds of projects:")
		printKinds(s.stdout)
		fmt.Fprintf(s.stdout, "\nThis is %s; for another, sluice init KIND.\n\n", name)
	}
	kind, ok := scaffold.Find(name)
	if !ok {
		return usageError{unknownKind(args)}
	}
	folder := name
	if len(args) > 1 {
		folder = args[1]
	}
	if folder == "" {
		return usageError{errors.New(`FOLDER is empty; for the working folder write "."`)}
	}
	dir := folder
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(s.dir, dir)
	}
	project, err := scaffold.Write(kind, dir)
	var exists *scaffold.ExistsError
	switch {
	case errors.As(err, &exists):
		return projectError{fmt.Errorf("%w\nNothing was written. Move what is in the way, or name another folder: sluice init %s FOLDER", err, name)}
	case err != nil:
		return err
	}
	if flags.json {
		return s.printJSON(project)
	}
	fmt.Fprintf(s.stdout, "Wrote %s, with the function %s:\n", folder, project.Function)
	for _, file := range project.Files {
		fmt.Fprintf(s.stdout, "  %s\n", filepath.Join(folder, filepath.FromSlash(file)))
	}
	fmt.Fprint(s.stdout, "\nNext:\n")
	if filepath.Clean(dir) != filepath.Clean(s.dir) {
		fmt.Fprintf(s.stdout, "  cd %s\n", quoted(folder))
	}
	fmt.Fprintf(s.stdout, "  sluice dev\n  curl -N %s\n  sluice deploy\n\nThe README tells more.\n", project.Request(defaultEndpoint))
	return nil
}

// completeInit completes KIND, then FOLDER.
func completeInit(cmd *cobra.Command, args []string, typed string) (kinds []string, _ cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		for _, kind := range scaffold.Kinds() {
			kinds = append(kinds, cobra.CompletionWithDesc(kind.Name, kind.Summary))
		}
		return kinds, cobra.ShellCompDirectiveNoFileComp
	case 1:
		return completeFolders(cmd, args, typed)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// unknownKind says what the first argument may have been meant to be.
func unknownKind(args []string) error {
	hint := fmt.Sprintf("for a folder of that name, sluice init %s %s", scaffold.Default, quoted(args[0]))
	if near := spelling.Nearest(args[0], scaffold.Names()); near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	} else if len(args) > 1 {
		hint = "sluice init --list tells what each is"
	}
	return fmt.Errorf("init: unknown kind %q; %s\nThe kinds are %s", args[0], hint, strings.Join(scaffold.Names(), ", "))
}

func printKinds(w io.Writer) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, kind := range scaffold.Kinds() {
		fmt.Fprintf(columns, "  %s\t%s\n", kind.Name, kind.Summary)
	}
	return columns.Flush()
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_./\\:~+@%-]+$`)

// quoted is a path for a shell to read.
func quoted(path string) string {
	if plain.MatchString(path) && !strings.HasPrefix(path, "-") {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
