package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/spf13/cobra"

	"github.com/sluice-run/sluice/internal/history"
	"github.com/sluice-run/sluice/internal/logbook"
	"github.com/sluice-run/sluice/internal/terminal"
)

type logsFlags struct {
	clientFlags
	follow bool
	lines  int
	since  string
	until  string
	filter string
	// request is an invocation's id.
	request string
}

func (s *session) logsCommand() *cobra.Command {
	var flags logsFlags
	cmd := &cobra.Command{
		Use:   "logs [FUNCTION]",
		Short: "Print what functions of a running server have logged",
		Long: `Print log lines of a function, or of all functions: the newest 100, or with --since
all from then on.

sluice serve keeps them on disk for a week, up to a size (history in sluice.yaml);
sluice dev keeps the last 10,000 in memory.`,
		Example: "  sluice logs hello-Hello -f\n  sluice logs --since 5m --filter ERROR\n  sluice logs --request 6c1f4a1e-4f0e-4d3a-9a55-0d9d2f0b7a11",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			function := ""
			if len(args) == 1 {
				function = args[0]
			}
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			go func() {
				select {
				case <-s.interrupt:
					cancel()
				case <-ctx.Done():
				}
			}()
			if !cmd.Flags().Changed("lines") && flags.since != "" {
				flags.lines = allLines
			}
			err := s.logs(ctx, function, flags)
			if ctx.Err() != nil {
				return nil // the user has seen enough
			}
			return err
		},
	}
	s.bindClient(cmd, &flags.clientFlags)
	cmd.ValidArgsFunction = s.completeFunctions(&flags.clientFlags, 1)
	cmd.Flags().BoolVarP(&flags.follow, "follow", "f", false, "go on with new lines until Ctrl-C")
	cmd.Flags().StringVar(&flags.since, "since", "", "`time` of the oldest line: a duration ago, such as 5m, or 2026-01-31T08:00:00Z")
	cmd.Flags().StringVar(&flags.until, "until", "", "`time` before which lines are printed")
	cmd.Flags().StringVar(&flags.request, "request", "", "only lines of the invocation with this request `id`")
	cmd.Flags().StringVar(&flags.filter, "filter", "", "only lines that hold `text`")
	cmd.Flags().IntVarP(&flags.lines, "lines", "n", 100, "how many old lines come first, without --since")
	return cmd
}

// allLines stands for no bound.
const allLines = -1

func (s *session) logs(ctx context.Context, function string, flags logsFlags) error {
	query := url.Values{"function": {function}, "filter": {flags.filter}, "request": {flags.request}}
	for name, text := range map[string]string{"since": flags.since, "until": flags.until} {
		if text == "" {
			continue
		}
		at, err := history.When(text, time.Now())
		if err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
		query.Set(name, at.Format(time.RFC3339Nano))
	}
	if flags.lines != allLines {
		query.Set("lines", strconv.Itoa(flags.lines))
	}
	if flags.follow {
		query.Set("follow", "1")
		if err := s.unknown(ctx, function, flags.clientFlags); err != nil {
			fmt.Fprintf(s.stderr, "warning: %v\n", err)
		}
	}
	body, err := s.fetch(ctx, flags.clientFlags, logbook.Path+"?"+query.Encode())
	if err != nil {
		return err
	}
	defer body.Close()
	printed, err := s.printLines(body, flags)
	if err == nil && printed == 0 && !flags.follow {
		return s.unknown(ctx, function, flags.clientFlags)
	}
	return err
}

// unknown is an error if there is no such function. What one logged that was deleted may
// still be there.
func (s *session) unknown(ctx context.Context, function string, flags clientFlags) error {
	if function == "" {
		return nil
	}
	client, err := s.client(flags)
	if err != nil {
		return err
	}
	var missing *types.ResourceNotFoundException
	if _, err := client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &function}); errors.As(err, &missing) {
		return fmt.Errorf("there is no function %s, and nothing that one logged; sluice list prints the names", function)
	}
	return nil // whatever else it was, the logs could be read
}

// printLines prints lines until they end, and tells how many there were.
func (s *session) printLines(body io.Reader, flags logsFlags) (n int, err error) {
	lines := bufio.NewReader(body)
	for {
		text, err := lines.ReadBytes('\n')
		if len(text) > 0 {
			if err := s.printLine(text, flags); err != nil {
				return n, err
			}
			n++
		}
		switch {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, err
		}
	}
}

func (s *session) printLine(text []byte, flags logsFlags) error {
	if flags.json {
		_, err := s.stdout.Write(text)
		return err
	}
	var line logbook.Line
	if err := json.Unmarshal(text, &line); err != nil {
		return err
	}
	at, layout := line.Time.Local(), "15:04:05.000"
	if at.Format(time.DateOnly) != time.Now().Format(time.DateOnly) {
		layout = time.DateOnly + " " + layout
	}
	_, err := fmt.Fprintf(s.stdout, "%s %s | %s\n", at.Format(layout), line.Function, terminal.Harmless(s.stdout, s.environ, line.Text))
	return err
}
