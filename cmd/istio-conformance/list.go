package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"istio-conformance/internal/check/catalogue"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
	"istio-conformance/internal/stack/options"
	"istio-conformance/suites"
)

// listCommand shows every check with its promise.
func listCommand() *cobra.Command {
	format := ""
	c := &cobra.Command{
		Use: "list", Short: "List every check with its promise; needs no cluster", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			entries := suites.Catalogue()
			var text string
			var err error
			switch format {
			case "text":
				text = catalogue.Text(entries)
			case "json":
				text, err = catalogue.JSON(entries)
			case "markdown":
				var runs catalogue.Runs
				if runs, err = catalogue.ReadRuns(runsFile); err == nil {
					text = catalogue.Markdown(entries, runs)
				}
			default:
				return exitcode.Usagef("list: format %q: want text, json or markdown", format)
			}
			fmt.Fprint(c.OutOrStdout(), text)
			return err
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text, json or markdown")
	c.AddCommand(listRan())
	return c
}

// runsFile is where the checkout keeps the days of the last runs.
const runsFile = "docs/runs.json"

// listRan notes for the catalogue what runs have shown.
func listRan() *cobra.Command {
	return &cobra.Command{
		Use: "ran REPORT...", Short: "Note in " + runsFile + " of the checkout what the runs of these report.json have shown, for make catalogue",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exitcode.Usagef("list ran: name the report.json of at least one run")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			runs, err := catalogue.ReadRuns(runsFile)
			if err != nil {
				return exitcode.Usagef("%w", err)
			}
			for _, path := range args {
				shown, err := report.Read(path)
				if err != nil {
					return exitcode.Usagef("%w", err)
				}
				taken, err := runs.Add(suites.Catalogue(), shown)
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%s: profile %s showed %s\n", path, shown.Environment.Profile, wording.Plural(taken, "check"))
			}
			return runs.Write(runsFile)
		},
	}
}

// schema prints the JSON schema of the configuration file.
func schema() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON schema of the configuration file", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			content, err := options.Schema()
			fmt.Fprint(c.OutOrStdout(), string(content))
			return err
		},
	}
}

// man writes the manual pages.
func man() *cobra.Command {
	dir := ""
	c := &cobra.Command{
		Use: "man", Short: "Write the manual pages", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return exitcode.Environmentf("%w", err)
			}
			header := &doc.GenManHeader{Title: "ISTIO-CONFORMANCE", Section: "1", Source: "istio-conformance", Manual: "User Commands"}
			if err := doc.GenManTree(c.Root(), header, dir); err != nil {
				return exitcode.Environmentf("write the manual pages: %w", err)
			}
			fmt.Fprintf(c.OutOrStdout(), "man -l %s\n", filepath.Join(dir, "istio-conformance.1"))
			return nil
		},
	}
	c.Flags().StringVarP(&dir, "output", "o", "man", "directory to write to")
	return c
}
