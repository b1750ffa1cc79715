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

	"github.com/spf13/cobra"

	"github.com/sluice-run/sluice/internal/logbook"
)

type logsFlags struct {
	clientFlags
	follow bool
	lines  int
	since  time.Duration
	filter string
}

func (s *session) logsCommand() *cobra.Command {
	var flags logsFlags
	cmd := &cobra.Command{
		Use:   "logs [FUNCTION]",
		Short: "Print what functions of a running server have logged",
		Long: `Print the newest log lines of a function, or of all functions. A server keeps the
last 10,000 lines in memory.`,
		Example: "  sluice logs hello-Hello -f\n  sluice logs --since 5m --filter ERROR",
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
			err := s.logs(ctx, function, flags)
			if ctx.Err() != nil {
				return nil // the user has seen enough
			}
			return err
		},
	}
	s.bindClient(cmd, &flags.clientFlags)
	cmd.Flags().BoolVarP(&flags.follow, "follow", "f", false, "go on with new lines until Ctrl-C")
	cmd.Flags().DurationVar(&flags.since, "since", 0, "`duration` that old lines go back, such as 5m")
	cmd.Flags().StringVar(&flags.filter, "filter", "", "only lines that hold `text`")
	cmd.Flags().IntVarP(&flags.lines, "lines", "n", 100, "how many old lines come first")
	return cmd
}

func (s *session) logs(ctx context.Context, function string, flags logsFlags) error {
	query := url.Values{"lines": {strconv.Itoa(flags.lines)}, "function": {function}, "filter": {flags.filter}}
	if flags.since > 0 {
		query.Set("since", time.Now().Add(-flags.since).Format(time.RFC3339Nano))
	}
	if flags.follow {
		query.Set("follow", "1")
	}
	body, err := s.fetch(ctx, flags.clientFlags, logbook.Path+"?"+query.Encode())
	if err != nil {
		return err
	}
	defer body.Close()
	return s.printLines(body, flags)
}

func (s *session) printLines(body io.Reader, flags logsFlags) error {
	lines := bufio.NewReader(body)
	for {
		text, err := lines.ReadBytes('\n')
		if len(text) > 0 {
			if err := s.printLine(text, flags); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
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
	_, err := fmt.Fprintf(s.stdout, "%s %s | %s\n", line.Time.Local().Format("15:04:05.000"), line.Function, line.Text)
	return err
}
