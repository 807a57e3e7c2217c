package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"istio-conformance/deploy"
)

// rbac prints the least rights that the checks need in an existing cluster.
func rbac() *cobra.Command {
	namespace, account, write := "", "", false
	c := &cobra.Command{
		Use:   "rbac",
		Short: "Print the least rights that the checks need in an existing cluster",
		Long: `Print a ServiceAccount with the least rights that the checks need in an existing cluster.
Without --write nothing in the cluster can be changed with them. With --write the checks
that need one may make a namespace of their own, with a random suffix, and remove it.

Every right has its reason beside it.`,
		Example: `  istio-conformance rbac | kubectl apply -f -
  kubectl create token -n default istio-conformance`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			fmt.Fprint(c.OutOrStdout(), deploy.RBAC(namespace, account, write))
			return nil
		},
	}
	c.Flags().StringVarP(&namespace, "namespace", "n", "default", "namespace of the ServiceAccount")
	c.Flags().StringVar(&account, "service-account", "istio-conformance", "name of the ServiceAccount")
	c.Flags().BoolVar(&write, "write", false, "also the rights for a namespace of the run's own")
	return c
}
