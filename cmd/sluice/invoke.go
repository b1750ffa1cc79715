package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/spf13/cobra"

	"github.com/sluice-run/sluice/internal/records"
)

type invokeFlags struct {
	clientFlags
	payload         string
	stream, raw     bool
	logs            bool
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

A function that is made for a Function URL may begin its response with a status and
headers. They are printed on standard error, and the body alone on standard output,
where a line break follows on a terminal; a status such as 500 is no failure of the
function. --raw prints all bytes as they came, and no others.

With --json the response is one object. With --stream as well it is one a line: the
prelude if there is one, each chunk, and the end.

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
	f.BoolVar(&flags.raw, "raw", false, "print the bytes of the response as they are")
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
	a := s.newAnswer(flags)
	out, err := client.Invoke(cmd.Context(), in)
	if err != nil {
		return err
	}
	a.requestID, _ = middleware.GetRequestIDMetadata(out.ResultMetadata)
	a.version, a.functionError, a.log = aws.ToString(out.ExecutedVersion), aws.ToString(out.FunctionError), logText(out.LogResult)
	if err := a.write(out.Payload); err != nil {
		return err
	}
	if err := a.end(); err != nil {
		return err
	}
	if out.FunctionError != nil {
		return functionFailed{errors.New("the function failed")}
	}
	return nil
}

func logText(encoded *string) string {
	text, _ := base64.StdEncoding.DecodeString(aws.ToString(encoded)) // what can't be read is no log
	return string(text)
}

func (s *session) invokeStream(cmd *cobra.Command, client *lambda.Client, name string, payload []byte, flags invokeFlags) error {
	in := &lambda.InvokeWithResponseStreamInput{FunctionName: &name, Payload: payload}
	if flags.logs {
		in.LogType = types.LogTypeTail
	}
	a := s.newAnswer(flags)
	out, err := client.InvokeWithResponseStream(cmd.Context(), in)
	if err != nil {
		return err
	}
	a.requestID, _ = middleware.GetRequestIDMetadata(out.ResultMetadata)
	a.version = aws.ToString(out.ExecutedVersion)
	stream := out.GetStream()
	defer stream.Close()
	complete := false
	var failed error
	for event := range stream.Events() {
		switch e := event.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			if err := a.write(e.Value.Payload); err != nil {
				return err
			}
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			complete = true
			if code := aws.ToString(e.Value.ErrorCode); code != "" {
				a.functionError, a.errorDetails = code, aws.ToString(e.Value.ErrorDetails)
				failed = functionFailed{fmt.Errorf("the function failed: %s: %s", code, errorText(a.errorDetails))}
			}
			a.log = logText(e.Value.LogResult)
		}
	}
	if !complete { // what happens to the connection after the end is no matter
		failed = cmp.Or(stream.Err(), errors.New("the server hung up"))
		failed = fmt.Errorf("the response broke off: %w", failed)
	}
	if flags.timeline {
		a.record = s.record(cmd.Context(), flags.clientFlags, a.requestID)
	}
	if err := a.end(); err != nil {
		return err
	}
	return failed
}

// errorText is the message in the details of an error: a document of the runtime's, or
// plain text. Its stack trace is in the log.
func errorText(details string) string {
	var document struct{ ErrorMessage string }
	if json.Unmarshal([]byte(details), &document) == nil && document.ErrorMessage != "" {
		return document.ErrorMessage
	}
	return details
}

// recordPatience is how long a record may come after the response: a function may go on.
const recordPatience = 500 * time.Millisecond

// record asks for the server's record of an invocation, nil if there is none to be had.
func (s *session) record(ctx context.Context, flags clientFlags, requestID string) *records.Record {
	ctx, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	for {
		body, err := s.fetch(ctx, flags, records.InvocationsPath+"?request="+url.QueryEscape(requestID))
		if err != nil {
			return nil
		}
		var found []records.Record
		err = json.NewDecoder(body).Decode(&found)
		body.Close()
		switch {
		case err != nil:
			return nil
		case len(found) > 0:
			return &found[0]
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil
		}
	}
}
