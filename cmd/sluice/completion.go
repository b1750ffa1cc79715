package main

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluice-run/sluice/internal/config"
)

// serverPatience is how long a shell waits for the names of functions.
const serverPatience = 500 * time.Millisecond

// complete tells shells what may follow, for cmd and all commands below it, unless a
// command has told already: no flag and no argument offers files that it can't take.
func complete(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	each := func(flag *pflag.Flag) {
		if _, told := cmd.GetFlagCompletionFunc(flag.Name); !told && flag.Value.Type() != "bool" {
			cmd.RegisterFlagCompletionFunc(flag.Name, valuesOf(flag)) // the flag is there
		}
	}
	cmd.LocalFlags().VisitAll(each)
	for _, sub := range cmd.Commands() {
		if sub.Name() != "help" {
			complete(sub)
		}
	}
}

// valuesOf says what a flag takes.
func valuesOf(flag *pflag.Flag) cobra.CompletionFunc {
	if choices := config.Choices(flag.Name); choices != nil {
		return cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp)
	}
	if flag.Name == config.LimitsFlag {
		return completeLimits
	}
	switch placeholder, _ := pflag.UnquoteUsage(flag); placeholder {
	case "file", "program":
		return completeFiles
	case "folder":
		return completeFolders
	}
	return cobra.NoFileCompletions
}

func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

func completeFolders(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// completeLimits completes the last name of name=value,…
func completeLimits(_ *cobra.Command, _ []string, typed string) (all []string, _ cobra.ShellCompDirective) {
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	for _, name := range config.LimitNames() {
		all = append(all, before+name+"=")
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeFunctions completes the names of a running server's functions, most of them
// at most. Where there is no server it keeps silent: a shell is no place for errors.
func (s *session) completeFunctions(flags *clientFlags, most int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		const nothing = cobra.ShellCompDirectiveNoFileComp
		client, err := s.client(*flags)
		if err != nil || len(args) >= most {
			return nil, nothing
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), serverPatience)
		defer cancel()
		given := map[string]bool{}
		for _, name := range args {
			given[name] = true
		}
		var names []string
		for pages := lambda.NewListFunctionsPaginator(client, &lambda.ListFunctionsInput{}); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				break
			}
			for _, f := range page.Functions {
				if name := aws.ToString(f.FunctionName); !given[name] {
					names = append(names, cobra.CompletionWithDesc(name, string(f.Runtime)))
				}
			}
		}
		return names, nothing
	}
}
