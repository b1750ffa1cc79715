package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-run/sluice/internal/history"
	"github.com/sluice-run/sluice/internal/records"
	"github.com/sluice-run/sluice/internal/terminal"
)

func (s *session) usageCommand() *cobra.Command {
	var flags clientFlags
	var since string
	cmd := &cobra.Command{
		Use:   "usage",
		Short: "Print what functions of a running server have used, and what AWS would charge",
		Long: `Print what each function of a running server has used since the server started, or
since a time in the past as far as sluice serve keeps records (history in sluice.yaml):
invocations, memory over time, bytes, bytes past the first 6 MB of a streamed
response, and an estimate of what AWS would charge for it, without the free tier.

Where the output is no terminal there is a line of values for each function, with tabs
between them, and neither heads nor the sum.

The prices are AWS's public ones for us-east-1, or those of the file that the
server was started with (--prices).`,
		Example: "  sluice usage\n  sluice usage --since 24h --json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return s.usage(cmd, flags, since) },
	}
	s.bindClient(cmd, &flags)
	cmd.Flags().StringVar(&since, "since", "", "`time` to count from: a duration ago, such as 24h, or 2026-01-31T08:00:00Z")
	return cmd
}

func (s *session) usage(cmd *cobra.Command, flags clientFlags, since string) error {
	path := records.UsagePath
	if since != "" {
		at, err := history.When(since, time.Now())
		if err != nil {
			return fmt.Errorf("--since: %w", err)
		}
		path += "?" + url.Values{"since": {at.Format(time.RFC3339Nano)}}.Encode()
	}
	body, err := s.fetch(cmd.Context(), flags, path)
	if err != nil {
		return err
	}
	defer body.Close()
	var report records.Report
	if err := json.NewDecoder(body).Decode(&report); err != nil {
		return fmt.Errorf("the server's answer can't be read: %w", err)
	}
	if flags.json {
		return s.printJSON(report)
	}
	t := s.numbers("INVOCATIONS", "ERRORS", "GB-SECONDS", "BYTES", "PAST 6 MB", "ESTIMATE", "FUNCTION")
	total := records.Usage{Function: "all"}
	row := func(u records.Usage) {
		count := func(n int64) string { return strconv.FormatInt(n, 10) }
		t.row(count(u.Invocations), count(u.Errors), fmt.Sprintf("%.3f", u.GBSeconds), count(u.Bytes), count(u.PastBurst), fmt.Sprintf("$%.6f", u.Cost), u.Function)
	}
	for _, u := range report.Functions {
		row(u)
		total.Invocations += u.Invocations
		total.Errors += u.Errors
		total.GBSeconds += u.GBSeconds
		total.Bytes += u.Bytes
		total.PastBurst += u.PastBurst
		total.Cost += u.Cost
	}
	if !terminal.IsTerminal(s.stdout) {
		return t.end()
	}
	row(total)
	if err := t.end(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.stdout, "\nSince %s. An estimate with the prices for %s of %s, without the free tier.\n", report.Since.Local().Format(time.DateTime), report.Region, report.Prices)
	return err
}
