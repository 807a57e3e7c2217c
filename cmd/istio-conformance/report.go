package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"istio-conformance/internal/exitcode"
	"istio-conformance/internal/report"
)

// reportCommand reads reports.
func reportCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "report",
		Short: "Read the report of a run",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.AddCommand(&cobra.Command{
		Use:   "validate FILE",
		Short: "Hold a report.json against its contract",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exitcode.Usagef("report validate: want one argument, the path of a report.json")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			content, err := os.ReadFile(args[0])
			if err != nil {
				return exitcode.Usagef("%w", err)
			}
			if problems := report.Validate(content); len(problems) > 0 {
				return exitcode.Environmentf("%s: %w", args[0], errors.Join(problems...))
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s is a valid report of schema %s\n", args[0], report.Schema)
			return err
		},
	})
	command.AddCommand(reportHTML(), reportDiff())
	return command
}
