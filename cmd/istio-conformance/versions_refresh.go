package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/pmezard/go-difflib/difflib"
	"github.com/spf13/cobra"

	"istio-conformance/internal/images/release"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/charts/origin"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/mesh/published"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/fetch"
	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/process/project"
)

// refreshFlags say where the facts are read, and what is done with them.
type refreshFlags struct {
	charts, support, nodes, file string
	dryRun                       bool
}

// versionsRefresh writes what is published into the table of versions.
func versionsRefresh() *cobra.Command {
	f := &refreshFlags{}
	c := &cobra.Command{
		Use:   "refresh",
		Short: "Read what Istio's and kind's projects publish, show what differs from fixtures/versions.yaml, and write it",
		Long: `Read the index of Istio's charts, Istio's table of supported releases and the node images of
the release of kind in go.mod; show the difference from fixtures/versions.yaml and write it
there. The table is compiled in: build again to use it. Nothing is written when one of the three cannot be read.

Ends with status 0, or with --dry-run with status 1 when something differs.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.StringVar(&f.charts, "charts", os.Getenv("CHARTS"), "where the charts are; default: Istio's chart repository ($CHARTS)")
	flags.StringVar(&f.support, "support", published.SupportURL, "Istio's table of supported releases")
	flags.StringVar(&f.nodes, "nodes", "", "notes of the release of kind; default: those on GitHub")
	flags.StringVar(&f.file, "file", "", "table to change; default: fixtures/versions.yaml of the checkout")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only show what differs")
	return c
}

func (f *refreshFlags) run(c *cobra.Command) error {
	if f.file == "" {
		root, err := project.Root()
		if err != nil {
			return exitcode.Usagef("%w", err)
		}
		f.file = filepath.Join(root, "fixtures", "versions.yaml")
	}
	before, err := os.ReadFile(f.file)
	if err != nil {
		return exitcode.Usagef("versions refresh: %w", err)
	}
	facts, err := f.read(c.Context(), logTo(c))
	if err != nil {
		return err
	}
	after, err := published.Refresh(before, *facts)
	if err != nil {
		return exitcode.Environmentf("versions refresh: %s: %w", f.file, err)
	}
	if bytes.Equal(before, after) {
		fmt.Fprintf(c.OutOrStdout(), "%s says what is published\n", f.file)
		return nil
	}
	name := filepath.Base(f.file)
	if err := difflib.WriteUnifiedDiff(c.OutOrStdout(), difflib.UnifiedDiff{
		A: difflib.SplitLines(string(before)), B: difflib.SplitLines(string(after)), FromFile: "a/" + name, ToFile: "b/" + name, Context: 2,
	}); err != nil {
		return err
	}
	if f.dryRun {
		return exitcode.Failf("%s differs from what is published; nothing was written", f.file)
	}
	return os.WriteFile(f.file, after, 0o644)
}

// read asks all three for what they publish.
func (f *refreshFlags) read(ctx context.Context, logf progress.Logf) (*published.Facts, error) {
	from, err := release.OpenCharts(f.charts, logf)
	if err != nil {
		return nil, err
	}
	texts, err := release.Versions(ctx, from)
	if err != nil {
		return nil, err
	}
	facts := &published.Facts{Charts: from.String(), SupportFrom: f.support, Kind: kindModule()}
	for _, text := range texts {
		if v, err := istio.ParseVersion(text); err == nil {
			facts.Istio = append(facts.Istio, v)
		}
	}
	client := fetch.New(logf)
	if facts.Supports, err = published.Supports(ctx, client, f.support); err != nil {
		return nil, err
	}
	if f.nodes == "" {
		f.nodes = published.NodesURL(facts.Kind)
	}
	if facts.Nodes, err = published.Nodes(ctx, client, f.nodes); err != nil {
		return nil, err
	}
	facts.CRDs = func(v istio.Version) (istio.CRDRow, error) { return crdsOf(ctx, from, v) }
	return facts, nil
}

// kindModule is the release of kind that this program is built with.
func kindModule() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "sigs.k8s.io/kind" {
				return module.Version
			}
		}
	}
	return ""
}

// crdsOf sums up what chart base of a release brings.
func crdsOf(ctx context.Context, from origin.Origin, v istio.Version) (row istio.CRDRow, err error) {
	dir, err := os.MkdirTemp("", "istio-conformance-base-")
	if err != nil {
		return row, exitcode.Environmentf("%w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path, err := from.Pull(ctx, "base", v.String(), dir)
	if err != nil {
		return row, err
	}
	base := charts.Release{Name: "istio-base", Namespace: "istio-system", Chart: path}
	manifest, err := charts.Render(ctx, base, "v1.36.0")
	if err != nil {
		return row, exitcode.Environmentf("%w", err)
	}
	crds, err := istio.ExpectedCRDs(manifest)
	if err != nil {
		return row, exitcode.Environmentf("chart base %s: %w", v, err)
	}
	row.Count, row.In = len(crds), istio.InCRDs
	for _, crd := range crds {
		row.Versions += len(crd.Versions)
		if crd.StorageVersion() == "v1" {
			row.StoreV1++
		}
	}
	templated, err := charts.TemplatesCRDs(base)
	if err != nil {
		return row, exitcode.Environmentf("%w", err)
	}
	if templated {
		row.In = istio.InTemplates
	}
	return row, nil
}
