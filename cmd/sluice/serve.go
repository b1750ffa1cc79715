package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/serve"
	"github.com/sluice-run/sluice/internal/terminal"
)

func (s *session) serveCommand() *cobra.Command {
	var flags devFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a server that functions are deployed to with the Lambda API",
		Long: `Run a server that functions are deployed to with the AWS CLI, an AWS SDK or
Terraform: point their Lambda endpoint at it.

State is kept in the folder state below --data; every change is on disk before
it is acknowledged.

Functions run in containers where that works: on Linux, as root, with an OCI
runtime such as crun or runc. Otherwise they are plain processes with the rights
of this user, and the server listens on the loopback address only, unless told
otherwise. --sandbox demands one or the other.

` + exitCodes,
		Example: "  sluice serve\n  sluice serve --data /var/lib/sluice --addr 127.0.0.1:9000\n  AWS_ENDPOINT_URL_LAMBDA=http://127.0.0.1:9000 aws lambda list-functions",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.serve(cmd, flags)
		},
	}
	f := cmd.Flags()
	config.BindFlags(f)
	f.BoolVar(&flags.json, "json", false, "print one JSON object a line")
	f.BoolVarP(&flags.verbose, "verbose", "v", false, "print every platform line of the functions' logs")
	return cmd
}

func (s *session) serve(cmd *cobra.Command, flags devFlags) error {
	started := time.Now()
	cfg, err := s.loadConfig(cmd)
	if err != nil {
		return err
	}
	out := s.openTerminal(cfg, flags)
	defer out.Close()
	for _, text := range config.Misspelt(s.environ) {
		out.Warned(terminal.Warning{Time: time.Now(), Text: text})
	}
	server, err := serve.Open(cmd.Context(), serve.Options{
		Config: cfg, Credentials: awsVariables(s.environ), Runtimes: s.resolver(cfg), Terminal: out, Log: newLog(out, cfg, flags.json),
		Version: versionName(), Started: started,
	})
	if err != nil {
		return err
	}
	s.drainWhenInterrupted(server, out, cfg.Drain)
	return nil
}
