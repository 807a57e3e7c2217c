package main

import (
	"flag"

	"github.com/spf13/cobra"

	"istio-conformance/internal/machine/kernelprobe"
)

// kernelCommand says what the kernel of this machine can carry. It needs no
// cluster and no container engine.
func kernelCommand() *cobra.Command {
	options := &kernelprobe.Command{}
	command := &cobra.Command{
		Use:   "kernel",
		Short: "Say whether this machine's kernel can carry Istio, and what to do if not",
		Long: `Say whether this machine's kernel can carry Istio: which modules it has and by
what evidence, whether the rules that Istio writes work, which part of Istio breaks
without the rest, and what to do. Everything is tried in network and mount
namespaces of its own; without the right to make them the answer is "cannot tell".
Exit status: 0 all in use works, 1 something in use does not, 4 cannot tell.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			options.Out, options.Err = c.OutOrStdout(), c.ErrOrStderr()
			return options.Run(c.Context())
		},
	}
	flags := flag.NewFlagSet(command.Use, flag.ContinueOnError)
	options.Register(flags)
	command.Flags().AddGoFlagSet(flags)
	return command
}
