package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/spf13/cobra"

	"github.com/sluice-run/sluice/internal/doctor"
)

type invokeFlags struct {
	clientFlags
	payload         string
	stream, logs    bool
	event, timeline bool
}

// functionFailed is a function's error: the server did its part.
type functionFailed struct{ error }

func (s *session) invokeCommand() *cobra.Command {
	var flags invokeFlags
	cmd := &cobra.Command{
		Use:   "invoke FUNCTION",
		Short: "Call a function of a running server",
		Long: `Call a function of a running server and print its response. With --stream the
bytes are printed as they arrive. FUNCTION is a name, name:alias or an ARN. The
exit code is 1 when the function fails.

` + exitCodes,
		Example: `  sluice invoke hello-Hello --payload '{"name":"Ada"}'` + "\n  sluice invoke chat:live --stream --payload @event.json\n  sluice invoke hello-Hello --timeline",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := s.client(flags.clientFlags)
			if err != nil {
				return err
			}
			payload, err := s.payload(flags.payload)
			if err != nil {
				return err
			}
			if flags.stream || flags.timeline {
				return s.invokeStream(cmd, client, args[0], payload, flags)
			}
			return s.invoke(cmd, client, args[0], payload, flags)
		},
	}
	s.bindClient(cmd, &flags.clientFlags)
	cmd.ValidArgsFunction = s.completeFunctions(&flags.clientFlags, 1)
	f := cmd.Flags()
	f.StringVar(&flags.payload, "payload", "{}", "the event, `JSON` or @file")
	f.BoolVar(&flags.stream, "stream", false, "print the response as it arrives")
	f.BoolVar(&flags.timeline, "timeline", false, "draw on standard error when each piece of the response came")
	f.BoolVar(&flags.logs, "logs", false, "print the end of the invocation's log on standard error")
	f.BoolVar(&flags.event, "event", false, "queue the event and don't wait for the function")
	return cmd
}

func (s *session) payload(text string) ([]byte, error) {
	if file, ok := strings.CutPrefix(text, "@"); ok {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, usageError{fmt.Errorf("--payload: %w", err)}
		}
		return data, nil
	}
	if !json.Valid([]byte(text)) {
		return nil, usageError{fmt.Errorf("--payload %s is not JSON; a text needs quotes of its own, as in '\"text\"'", text)}
	}
	return []byte(text), nil
}

func (s *session) invoke(cmd *cobra.Command, client *lambda.Client, name string, payload []byte, flags invokeFlags) error {
	in := &lambda.InvokeInput{FunctionName: &name, Payload: payload}
	if flags.logs {
		in.LogType = types.LogTypeTail
	}
	if flags.event {
		in.InvocationType = types.InvocationTypeEvent
	}
	out, err := client.Invoke(cmd.Context(), in)
	if err != nil {
		return err
	}
	s.printLog(out.LogResult)
	if len(out.Payload) > 0 {
		fmt.Fprintln(s.stdout, string(out.Payload))
	}
	if out.FunctionError != nil {
		return functionFailed{errors.New("the function failed")}
	}
	return nil
}

func (s *session) printLog(encoded *string) {
	if text, err := base64.StdEncoding.DecodeString(aws.ToString(encoded)); err == nil && len(text) > 0 {
		fmt.Fprintln(s.stderr, strings.TrimSuffix(string(text), "\n"))
	}
}

func (s *session) invokeStream(cmd *cobra.Command, client *lambda.Client, name string, payload []byte, flags invokeFlags) error {
	in := &lambda.InvokeWithResponseStreamInput{FunctionName: &name, Payload: payload}
	if flags.logs {
		in.LogType = types.LogTypeTail
	}
	begin := time.Now()
	out, err := client.InvokeWithResponseStream(cmd.Context(), in)
	if err != nil {
		return err
	}
	var arrivals doctor.Timeline
	stream := out.GetStream()
	defer stream.Close()
	var failed error
	for event := range stream.Events() {
		switch e := event.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			arrivals.Add(time.Since(begin), len(e.Value.Payload))
			if _, err := s.stdout.Write(e.Value.Payload); err != nil {
				return err
			}
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			if code := aws.ToString(e.Value.ErrorCode); code != "" {
				failed = functionFailed{fmt.Errorf("the function failed: %s: %s", code, aws.ToString(e.Value.ErrorDetails))}
			}
			io.WriteString(s.stdout, "\n")
			s.printLog(e.Value.LogResult)
		}
	}
	if flags.timeline {
		arrivals.Total = time.Since(begin)
		arrivals.Draw(s.stderr)
		fmt.Fprintln(s.stderr, arrivals.Summary())
	}
	if err := stream.Err(); err != nil {
		return err
	}
	return failed
}

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
		e := json.NewEncoder(s.stdout)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	}
	w := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FUNCTION\tRUNTIME\tLAST MODIFIED\tURL")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Name, r.Runtime, r.LastModified, strings.Join(r.URLs, " "))
	}
	return w.Flush()
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
			for _, name := range names {
				if _, err := client.DeleteFunction(cmd.Context(), &lambda.DeleteFunctionInput{FunctionName: &name}); err != nil {
					return err
				}
				if !flags.json {
					fmt.Fprintf(s.stdout, "deleted %s\n", name)
				}
			}
			return nil
		},
	}
	s.bindClient(cmd, &flags)
	cmd.ValidArgsFunction = s.completeFunctions(&flags, math.MaxInt)
	return cmd
}
