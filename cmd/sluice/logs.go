package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/spf13/cobra"

	"github.com/sluice-run/sluice/internal/logbook"
)

type logsFlags struct {
	clientFlags
	follow bool
	lines  int
}

func (s *session) logsCommand() *cobra.Command {
	var flags logsFlags
	cmd := &cobra.Command{
		Use:   "logs [FUNCTION]",
		Short: "Print what functions of a running server have logged",
		Long: `Print the newest log lines of a function, or of all functions. A server keeps the
last 10,000 lines in memory.`,
		Example: "  sluice logs hello-Hello -f",
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
	cmd.Flags().IntVarP(&flags.lines, "lines", "n", 100, "how many old lines come first")
	return cmd
}

// emptyHash is the SHA-256 of no payload.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func (s *session) logs(ctx context.Context, function string, flags logsFlags) error {
	client, err := s.client(flags.clientFlags)
	if err != nil {
		return err
	}
	query := url.Values{"lines": {strconv.Itoa(flags.lines)}, "function": {function}}
	if flags.follow {
		query.Set("follow", "1")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, flags.endpoint+logbook.Path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	key, err := client.Options().Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	if err := v4.NewSigner().SignHTTP(ctx, aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey, SessionToken: key.SessionToken}, req, emptyHash, "lambda", flags.region, time.Now()); err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		return fmt.Errorf("the server answers %s: %s", resp.Status, text)
	}
	return s.printLines(resp.Body, flags)
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
