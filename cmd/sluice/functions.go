package main

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/spf13/cobra"
)

func (s *session) listCommand() *cobra.Command {
	var flags clientFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the functions of a running server",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := s.client(flags)
			if err != nil {
				return err
			}
			return s.list(cmd, client, flags)
		},
	}
	s.bindClient(cmd, &flags)
	return cmd
}

func (s *session) list(cmd *cobra.Command, client *lambda.Client, flags clientFlags) error {
	type row struct {
		Name         string   `json:"name"`
		Runtime      string   `json:"runtime"`
		LastModified string   `json:"lastModified"`
		URLs         []string `json:"urls"`
	}
	rows := []row{}
	pages := lambda.NewListFunctionsPaginator(client, &lambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(cmd.Context())
		if err != nil {
			return err
		}
		for _, f := range page.Functions {
			r := row{*f.FunctionName, string(f.Runtime), aws.ToString(f.LastModified), []string{}}
			urls, err := client.ListFunctionUrlConfigs(cmd.Context(), &lambda.ListFunctionUrlConfigsInput{FunctionName: f.FunctionName})
			if err != nil {
				return err
			}
			for _, u := range urls.FunctionUrlConfigs {
				r.URLs = append(r.URLs, *u.FunctionUrl)
			}
			rows = append(rows, r)
		}
	}
	if flags.json {
		return s.printJSON(rows)
	}
	t := s.table("FUNCTION", "RUNTIME", "LAST MODIFIED", "URL")
	for _, r := range rows {
		t.row(r.Name, r.Runtime, r.LastModified, strings.Join(r.URLs, " "))
	}
	return t.end()
}

func (s *session) deleteCommand() *cobra.Command {
	var flags clientFlags
	cmd := &cobra.Command{
		Use:   "delete FUNCTION...",
		Short: "Delete functions of a running server",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			client, err := s.client(flags)
			if err != nil {
				return err
			}
			return s.delete(cmd, client, names, flags)
		},
	}
	s.bindClient(cmd, &flags)
	cmd.ValidArgsFunction = s.completeFunctions(&flags, math.MaxInt)
	return cmd
}

// delete tells what it has deleted, whatever comes after.
func (s *session) delete(cmd *cobra.Command, client *lambda.Client, names []string, flags clientFlags) (err error) {
	deleted := []string{}
	if flags.json {
		defer func() {
			err = errors.Join(err, s.printJSON(map[string][]string{"deleted": deleted}))
		}()
	}
	for _, name := range names {
		if _, err := client.DeleteFunction(cmd.Context(), &lambda.DeleteFunctionInput{FunctionName: &name}); err != nil {
			return err
		}
		deleted = append(deleted, name)
		if !flags.json {
			fmt.Fprintf(s.stdout, "deleted %s\n", name)
		}
	}
	return nil
}
