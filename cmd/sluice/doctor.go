package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/doctor"
	"github.com/sluice-run/sluice/internal/terminal"
)

type doctorFlags struct {
	method, data string
	headers      []string
	wait         time.Duration
	json         bool
}

func (s *session) doctorCommand() *cobra.Command {
	var flags doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor URL",
		Short: "Say whether a URL streams, and what holds its response back",
		Long: `Request a URL, ours or anybody's, and say whether its response streams: when the
headers, the first byte and each piece came, whether pieces came together that were
written apart, which headers betray somebody on the way who collects the response,
and whether its end was clean.

The exit code is 0 when the response streams, 1 when it came at once, broke, led
elsewhere or was an error.`,
		Example: "  sluice doctor http://hello.lambda-url.localhost:9000/\n  sluice doctor https://example.com/chat --data '{\"message\":\"hi\"}' -H 'Content-Type: application/json'",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return s.doctor(cmd, args[0], flags) },
	}
	f := cmd.Flags()
	f.StringVarP(&flags.method, "request", "X", "", "`method` of the request (default GET, or POST with --data)")
	f.StringVar(&flags.data, "data", "", "`body` of the request")
	cmd.RegisterFlagCompletionFunc("request", cobra.FixedCompletions([]string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}, cobra.ShellCompDirectiveNoFileComp))
	f.StringArrayVarP(&flags.headers, "header", "H", nil, "`name: value` to send; may be repeated")
	f.DurationVar(&flags.wait, "wait", 15*time.Minute, "`duration` to wait for the end of the response")
	f.BoolVar(&flags.json, "json", false, "print JSON")
	return cmd
}

func (s *session) doctor(cmd *cobra.Command, address string, flags doctorFlags) error {
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usageError{fmt.Errorf("%s is not an address; write one such as http://hello.lambda-url.localhost:9000/", address)}
	}
	header := http.Header{}
	for _, text := range flags.headers {
		name, value, found := strings.Cut(text, ":")
		if !found {
			return usageError{fmt.Errorf("--header %q has no colon; write name: value", text)}
		}
		header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	method := flags.method
	var body io.Reader
	if flags.data != "" {
		body = strings.NewReader(flags.data)
		if method == "" {
			method = http.MethodPost
		}
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), flags.wait)
	defer cancel()
	report, err := doctor.Examine(ctx, method, address, body, header)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: no answer within %s; --wait gives it longer", address, flags.wait)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	if err := s.printReport(report, flags); err != nil {
		return err
	}
	if report.Verdict != doctor.Streams {
		return functionFailed{errors.New(verdicts[report.Verdict].failure)}
	}
	return nil
}

// verdicts are what a report ends with, and what the exit code 1 means.
var verdicts = map[doctor.Verdict]struct{ text, failure string }{
	doctor.Streams:   {text: "it streams"},
	doctor.AtOnce:    {"it came at once", "the response does not stream"},
	doctor.Broken:    {"it broke off", "the response broke off"},
	doctor.Refused:   {"it was refused", "there was no response to look at"},
	doctor.Elsewhere: {"it leads elsewhere", "there was no response to look at"},
}

func (s *session) printReport(r *doctor.Report, flags doctorFlags) error {
	if flags.json {
		return s.printJSON(struct {
			*doctor.Report
			ConnectedMs float64     `json:"connectedMs"`
			HeadersMs   float64     `json:"headersMs"`
			TotalMs     float64     `json:"totalMs"`
			Pieces      []pieceJSON `json:"pieces"`
		}{r, sluice.Millis(r.Connected), sluice.Millis(r.Headers), sluice.Millis(r.Timeline.Total), piecesJSON(&r.Timeline)})
	}
	fmt.Fprintf(s.stdout, "%s %d  connected after %s, headers after %s\n\n", r.Protocol, r.Status, r.Connected.Round(10*time.Microsecond), r.Headers.Round(10*time.Microsecond))
	r.Timeline.Draw(s.stdout)
	fmt.Fprintf(s.stdout, "\n%s\n", r.Timeline.Summary())
	for _, f := range r.Findings {
		mark := "note:   "
		if f.Bad {
			mark = "problem:"
		}
		fmt.Fprintf(s.stdout, "%s %s\n", mark, terminal.Harmless(s.stdout, s.environ, f.Text))
	}
	_, err := fmt.Fprintf(s.stdout, "\n%s\n", verdicts[r.Verdict].text)
	return err
}
