package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"istio-conformance/internal/images"
	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/matrix"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/project"
)

// cellMemory is what a cell's nodes and processes need at most, in bytes.
const cellMemory = 5 << 30

// matrixFlags are the flags of the matrix and its subcommands.
type matrixFlags struct {
	istio, kubernetes, upgrades string
	source, dir, baseline       string
	helm                        string
	binary                      string
	jobs                        int
	charts, planFile            string
	latest                      bool
	proveIllegal, fresh, asJSON bool
}

// matrixCommand runs the checks on many pairs of versions.
func matrixCommand() *cobra.Command {
	f := &matrixFlags{}
	c := &cobra.Command{
		Use:   "matrix",
		Short: "Run the checks on many pairs of versions, each on a cluster of its own, and merge one report",
		Long: `Run the checks on every pair of an Istio and a Kubernetes, and merge one report: out/matrix/report.json,
summary.md and report.html with the grid. A cell that fails stops nothing. A matrix that was stopped goes on where
it was when it is started again with the same cells.

Ends with status 0 when every cell passed or is illegal, 1 when one failed, 3 when one could not be
run, 4 when a measurement was invalid: an upgrade, or latency where REQUIRE=latency, which each cell
gets, demands one.`,
		Example: `  istio-conformance matrix --istio 1.30,1.31 --kubernetes 1.34,1.35,1.36 --images modules
  istio-conformance matrix --upgrades 1.30:1.31 --baseline last/report.json
  istio-conformance matrix plan --json
  istio-conformance matrix plan --latest --images release`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	f.register(c)
	c.Flags().StringVar(&f.binary, "binary", "", "the test binary; default: bin/e2e.test of the checkout")
	c.Flags().IntVar(&f.jobs, "jobs", 1, "how many cells run at a time, within the machine's memory")
	c.Flags().BoolVar(&f.fresh, "fresh", false, "begin anew although another run was stopped")
	c.AddCommand(f.planCommand(), f.mergeCommand())
	return c
}

func (f *matrixFlags) register(c *cobra.Command) {
	flags := c.PersistentFlags()
	flags.StringVar(&f.istio, "istio", os.Getenv("ISTIO"), "versions of Istio, separated by commas; default: every minor that the source has ($ISTIO)")
	flags.StringVar(&f.kubernetes, "kubernetes", os.Getenv("KUBERNETES"), "versions of Kubernetes, separated by commas; default: every minor that Istio supports ($KUBERNETES)")
	flags.StringVar(&f.upgrades, "upgrades", os.Getenv("UPGRADES"), "upgrades FROM:TO to make too, separated by commas ($UPGRADES)")
	flags.StringVar(&f.helm, "helm", os.Getenv("HELM"), "major versions of Helm, separated by commas: the first runs every cell, another one the newest pair once more; default: 3 ($HELM)")
	flags.StringVar(&f.source, "images", os.Getenv("IMAGES"), "source of images and charts: release or modules; default: release if a registry answers ($IMAGES)")
	flags.StringVar(&f.dir, "dir", "", "directory of the matrix; default: out/matrix in the checkout")
	flags.StringVar(&f.baseline, "baseline", os.Getenv("BASELINE"), "report.json of another matrix to compare with ($BASELINE)")
	flags.StringVar(&f.charts, "charts", os.Getenv("CHARTS"), "where the charts of source release come from; default: Istio's chart repository ($CHARTS)")
	flags.StringVar(&f.planFile, "plan", "", "take the cells that matrix plan --json wrote to this file, instead of planning them")
	flags.BoolVar(&f.latest, "latest", false, "plan from what is published: the newest patch of each supported minor, and the newest pre-release, which cannot fail the matrix")
	flags.BoolVar(&f.proveIllegal, "prove-illegal", os.Getenv("PROVE_ILLEGAL") == "1", "run cells that Istio does not support too: they must be refused ($PROVE_ILLEGAL=1)")
}

// plan returns the cells.
func (f *matrixFlags) plan(c *cobra.Command) ([]matrix.Cell, error) {
	if f.source == "" {
		f.source = images.Detect(c.Context())
	}
	if f.source != istio.SourceRelease && f.source != istio.SourceModules {
		return nil, exitcode.Usagef("IMAGES=%s: a matrix has many versions; want %s or %s", f.source, istio.SourceRelease, istio.SourceModules)
	}
	table, err := istio.Load()
	if err != nil {
		return nil, err
	}
	root, err := project.Root()
	if err != nil {
		return nil, exitcode.Usagef("%w", err)
	}
	if f.dir == "" {
		f.dir = filepath.Join(root, "out", "matrix")
	}
	if f.binary == "" {
		f.binary = filepath.Join(root, "bin", "e2e.test")
	}
	if f.planFile != "" {
		return readPlan(f.planFile)
	}
	request := matrix.Request{
		Istio: list(f.istio), Kubernetes: list(f.kubernetes), Upgrades: list(f.upgrades), Helm: list(f.helm), Source: f.source, ProveIllegal: f.proveIllegal,
	}
	if f.latest {
		if f.source != istio.SourceRelease {
			return nil, exitcode.Usagef("--latest IMAGES=%s: only official images and charts are published; want IMAGES=%s", f.source, istio.SourceRelease)
		}
		if request.Latest, err = latest(c.Context(), table, f.charts, logTo(c)); err != nil {
			return nil, err
		}
	}
	return matrix.Plan(table, request)
}

func (f *matrixFlags) run(c *cobra.Command) error {
	cells, err := f.plan(c)
	if err != nil {
		return err
	}
	if _, err := os.Stat(f.binary); err != nil {
		return exitcode.Usagef("the test binary: %w; make bin/e2e.test makes it", err)
	}
	logf := logTo(c)
	jobs := f.jobs
	memory := host.Gather(host.Options{}).Memory.Value
	if fit := max(1, int(memory/cellMemory)); memory > 0 && jobs > fit {
		logf("%d cells at a time instead of %d: the machine has %d GiB, a cell may need %d", fit, jobs, memory>>30, cellMemory>>30)
		jobs = fit
	}
	report, err := matrix.Run(c.Context(), matrix.Options{
		Plan: cells, Source: f.source, Dir: f.dir, Jobs: jobs, Fresh: f.fresh, Baseline: f.baseline, Charts: f.charts, Command: []string{f.binary}, Logf: logf,
	})
	return errors.Join(err, show(c, report, f.dir))
}

func (f *matrixFlags) planCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "plan", Short: "Print the cells of a matrix, and why those that are not run are not", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			cells, err := f.plan(c)
			if err != nil {
				return err
			}
			if f.asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(named(cells))
			}
			for i := range cells {
				run := "run"
				switch {
				case !cells[i].Run:
					run = "not run"
				case cells[i].Optional:
					run = "run, cannot fail the matrix"
				}
				fmt.Fprintf(c.OutOrStdout(), "%s: %s, %s: %s\n", cells[i].ID(), run, cells[i].Standing, cells[i].Why)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&f.asJSON, "json", false, "as JSON, for the matrix of a workflow")
	return c
}

// namedCell is a cell with its ID, for workflows.
type namedCell struct {
	ID string `json:"id"`
	matrix.Cell
}

// named returns the cells that are to be run.
func named(cells []matrix.Cell) []namedCell {
	all := []namedCell{}
	for i := range cells {
		if cells[i].Run {
			all = append(all, namedCell{cells[i].ID(), cells[i]})
		}
	}
	return all
}

func (f *matrixFlags) mergeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "merge", Short: "Merge the reports of cells that ran elsewhere: below --dir, one directory a cell", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			cells, err := f.plan(c)
			if err != nil {
				return err
			}
			report, err := matrix.Merge(cells, f.source, f.dir, f.baseline)
			return errors.Join(err, show(c, report, f.dir))
		},
	}
}

// show prints the grid, and returns the matrix's verdict as an exit status.
func show(c *cobra.Command, report *matrix.Report, dir string) error {
	if report == nil {
		return nil
	}
	fmt.Fprintf(c.OutOrStdout(), "%s\nreport: %s (beside it: summary.md, report.html)\n", report.Markdown(), filepath.Join(dir, "report.json"))
	switch report.Verdict {
	case matrix.Pass:
		return nil
	case matrix.Invalid:
		return exitcode.Invalidf("matrix: %s: %s", report.Verdict, report.Why())
	case matrix.Error:
		return exitcode.Environmentf("matrix: %s: %s", report.Verdict, report.Why())
	default:
		return exitcode.Failf("matrix: %s: %s", report.Verdict, report.Why())
	}
}

// list splits a list at its commas.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
