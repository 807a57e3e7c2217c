package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"istio-conformance/internal/process/exitcode"
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
		Short: "Hold a report.json against its contract, and print its verdict",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exitcode.Usagef("report validate: want one argument, the path of a report.json")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			doc, err := report.Read(args[0])
			var unreadable *fs.PathError
			switch {
			case errors.As(err, &unreadable):
				return exitcode.Usagef("%w", err)
			case err != nil:
				return exitcode.Environmentf("%w", err)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s is a valid report of schema %s\nverdict: %s\n", args[0], report.Schema, doc.FullVerdict())
			return err
		},
	})
	command.AddCommand(reportHTML(), reportDiff())
	return command
}
