package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"istio-conformance/internal/images/backend"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/project"
)

// imagesBackend builds the image of the service behind the gateway, for a registry that
// the nodes of a cluster pull from.
func imagesBackend() *cobra.Command {
	output, reference := "", ""
	c := &cobra.Command{
		Use:   "backend",
		Short: "Build the image of the service behind the gateway, to push it where an existing cluster's nodes pull from",
		Example: `  istio-conformance images backend --reference registry.example/team/backend:1 --output backend.tar
  docker load --input backend.tar && docker push registry.example/team/backend:1`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			root, err := project.Root()
			if err != nil {
				return exitcode.Usagef("%w", err)
			}
			cache, err := project.CacheDir(os.Getenv)
			if err != nil {
				return exitcode.Environmentf("%w", err)
			}
			name, err := backend.Build(c.Context(), root, cache, output, reference, func(format string, args ...any) { fmt.Fprintf(c.ErrOrStderr(), format+"\n", args...) })
			if err != nil {
				return exitcode.Environmentf("%w", err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s holds %s\n", output, name)
			return nil
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "backend.tar", "archive to write, as docker load and kind load image-archive take it")
	c.Flags().StringVar(&reference, "reference", "", "name of the image; default: one in localhost/istio-conformance, whose tag is its content")
	return c
}
