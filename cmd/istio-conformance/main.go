// Command istio-conformance prepares and explains what the e2e test binary
// needs: the machine, the images, the cluster. Its exit status is the contract
// of package exitcode.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/interrupt"
	load "istio-conformance/internal/traffic/openloop/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), interrupt.Signals()...)
	err := root().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	os.Exit(exitcode.Of(err))
}

// root returns the command with its subcommands. What cobra itself refuses is
// bad usage.
func root() *cobra.Command {
	command := &cobra.Command{
		Use:           "istio-conformance",
		Short:         "Prove that Istio, installed by Helm, works on Kubernetes",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArguments,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return exitcode.Usagef("%s: %w; see %s --help", c.CommandPath(), err, c.CommandPath())
	})
	command.AddCommand(doctor(), kernelCommand(), imagesCommand(), clean(), versions(), planCommand(), matrixCommand(), reportCommand(), load.New(),
		diagnoseCommand(), explainCommand(), bundleCommand(), captureCommand(), rehearseCommand(), listCommand(), rbac(), schema(), man(), version())
	return command
}

// noArguments refuses what is neither a flag nor a subcommand.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return exitcode.Usagef("%s: unknown argument %q; see %s --help", c.CommandPath(), args[0], c.CommandPath())
}
