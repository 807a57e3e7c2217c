package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"istio-conformance/internal/istio"
)

// versions prints the table of versions this project knows.
func versions() *cobra.Command {
	return &cobra.Command{
		Use:   "versions",
		Short: "Print the versions of Istio and Kubernetes that are known, and which go together",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			table, err := istio.Load()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ISTIO\tNEWEST\tFROM MODULES\tSUPPORTS KUBERNETES\tSOURCE")
			for i := range table.Istio {
				m := &table.Istio[i]
				modules := "-"
				if m.Modules != nil {
					modules = m.Modules.String()
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", m.Version, m.Newest, modules, m.Kubernetes, m.Source)
			}
			fmt.Fprintln(w, "\nKUBERNETES\tFROM MODULES\tNODE IMAGE")
			for i := range table.Kubernetes {
				n := &table.Kubernetes[i]
				fmt.Fprintf(w, "v%s\t%t\t%s\n", n.Version, n.Modules, n.Image)
			}
			return w.Flush()
		},
	}
}
