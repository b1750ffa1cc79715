package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sluice-run/sluice/internal/config"
)

func (s *session) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check the configuration",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	check := &cobra.Command{
		Use:   "check",
		Short: "Read the configuration as dev would, and say what is wrong with it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := s.loadConfig(cmd); err != nil {
				return err
			}
			for _, text := range config.Misspelt(s.environ) {
				fmt.Fprintln(s.stderr, "warning:", text)
			}
			_, err := fmt.Fprintln(s.stdout, "the configuration is good")
			return err
		},
	}
	config.BindFlags(check.Flags())
	cmd.AddCommand(check)
	return cmd
}
