package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
	"istio-conformance/internal/report/diff"
	"istio-conformance/internal/report/html"
)

// reportHTML renders the page of a report that was written elsewhere or before.
func reportHTML() *cobra.Command {
	output, against := "", ""
	c := &cobra.Command{
		Use:   "html FILE",
		Short: "Render a report.json as one page",
		Long: `Render a report.json as one page that needs no network. Evidence that lies beside it is shown in the page,
and with --baseline how it stands to an earlier report.`,
		Args: arguments("the path of a report.json"),
		RunE: func(c *cobra.Command, args []string) error {
			doc, err := report.Read(args[0])
			if err != nil {
				return exitcode.Usagef("%w", err)
			}
			var baseline *report.Report
			if against != "" {
				if baseline, err = report.Read(against); err != nil {
					return exitcode.Usagef("--baseline: %w", err)
				}
			}
			page, err := html.Render(doc, baseline, filepath.Dir(args[0]))
			if err != nil {
				return err
			}
			path := output
			switch path {
			case "-":
				_, err := c.OutOrStdout().Write(page)
				return err
			case "":
				path = filepath.Join(filepath.Dir(args[0]), html.Name)
			}
			if err := os.WriteFile(path, page, 0o644); err != nil {
				return exitcode.Environmentf("%w", err)
			}
			fmt.Fprintln(c.OutOrStdout(), path)
			return nil
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "file to write, - for standard output; default: report.html beside FILE")
	c.Flags().StringVar(&against, "baseline", "", "an earlier report.json to compare with")
	return c
}

// reportDiff compares two reports.
func reportDiff() *cobra.Command {
	format := ""
	c := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Compare two reports; status 1 when something fails that did not",
		Long: `Compare two reports: what fails now and did not, what was mended, what became flaky or
slower, which checks came, went, or are no longer run.

` + diff.Rule + `.
Ends with status 0 when nothing is newly failing, 1 when something is.`,
		Args: arguments("the old report.json", "the new report.json"),
		RunE: func(c *cobra.Command, args []string) error {
			before, err := report.Read(args[0])
			if err != nil {
				return exitcode.Usagef("%w", err)
			}
			after, err := report.Read(args[1])
			if err != nil {
				return exitcode.Usagef("%w", err)
			}
			d := diff.Compare(before, after)
			var text string
			switch format {
			case "text":
				text = d.Text()
			case "markdown":
				text = d.Markdown()
			case "json":
				if text, err = d.JSON(); err != nil {
					return err
				}
			default:
				return exitcode.Usagef("report diff: format %q: want text, markdown or json", format)
			}
			fmt.Fprint(c.OutOrStdout(), text)
			if n := len(d.NewlyFailing); n > 0 {
				return exitcode.Failf("%d newly failing", n)
			}
			return nil
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text, markdown or json")
	return c
}

// arguments demands as many arguments as there are names for them.
func arguments(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return exitcode.Usagef("%s: want %s", c.CommandPath(), strings.Join(names, " and "))
	}
}
