package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"istio-conformance/internal/mesh/istio"
)

// versions prints the table of versions this project knows.
func versions() *cobra.Command {
	sources := false
	command := &cobra.Command{
		Use:   "versions",
		Short: "Print the versions of Istio and Kubernetes that are known, and which go together",
		Long: `Print fixtures/versions.yaml: what each minor of Istio supports and is tested with, what
its chart base brings, and which versions each source has. versions refresh renews it.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			table, err := istio.Load()
			if err != nil {
				return err
			}
			return printVersions(c.OutOrStdout(), table, sources)
		},
	}
	command.AddCommand(versionsRefresh())
	command.Flags().BoolVar(&sources, "sources", false, "say of each row where it was read")
	return command
}

func printVersions(out io.Writer, table *istio.Table, sources bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ISTIO\tNEWEST\tFROM MODULES\tKUBERNETES\tTESTED ONLY\tCRDS\tRELEASED\tEND OF LIFE")
	for i := range table.Istio {
		m := &table.Istio[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Version, m.Newest, orDash(m.Modules), rangeOr(m.Kubernetes, "not known"), rangeOr(m.Tested, "-"), describeCRDs(m.CRDs), m.Released, m.EndOfLife)
	}
	fmt.Fprintln(w, "\nKUBERNETES\tFROM MODULES\tNODE IMAGE")
	for i := range table.Kubernetes {
		n := &table.Kubernetes[i]
		fmt.Fprintf(w, "v%s\t%t\t%s\n", n.Version, n.Modules, n.Image)
	}
	u := table.Upgrade
	fmt.Fprintln(w, "\nONE STEP\tMINORS AT MOST\tSOURCE")
	for _, row := range []struct {
		name  string
		limit istio.Limit
	}{
		{"in-place upgrade", u.InPlace}, {"canary upgrade", u.Canary}, {"way back in place", u.Back}, {"proxy behind its control plane", u.Skew},
	} {
		fmt.Fprintf(w, "%s\t%d\t%s\n", row.name, row.limit.Minors, row.limit.Source)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nofficial charts: %s; images: %s\n", table.Coordinates.Charts, table.Coordinates.Hub)
	if !sources {
		return nil
	}
	fmt.Fprintln(out, "\nSOURCES")
	for i := range table.Istio {
		fmt.Fprintf(out, "Istio %s: %s\n", table.Istio[i].Version, table.Istio[i].Source)
	}
	for i := range table.Kubernetes {
		fmt.Fprintf(out, "Kubernetes v%s: %s\n", table.Kubernetes[i].Version, table.Kubernetes[i].Source)
	}
	for _, b := range table.Boundaries {
		fmt.Fprintf(out, "boundary %s after %s, %s: %s\n", b.Name, b.After, b.When, b.Source)
	}
	return nil
}

func describeCRDs(c istio.CRDRow) string {
	return fmt.Sprintf("%d, %d versions, %d store v1, in %s", c.Count, c.Versions, c.StoreV1, c.In)
}

func rangeOr(r istio.Range, none string) string {
	if r.Known() {
		return r.String()
	}
	return none
}

func orDash(v *istio.Version) string {
	if v == nil {
		return "-"
	}
	return v.String()
}
