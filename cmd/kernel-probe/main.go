// Command kernel-probe is `istio-conformance kernel` alone: a small static program
// to be copied to a server, and what the checks run in the nodes of a cluster.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"istio-conformance/internal/machine/kernelprobe"
	"istio-conformance/internal/process/exitcode"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	os.Exit(exitcode.Of(err))
}

func run(ctx context.Context, args []string) error {
	command := kernelprobe.Command{Out: os.Stdout, Err: os.Stderr}
	flags := flag.NewFlagSet("kernel-probe", flag.ContinueOnError)
	command.Register(flags)
	flags.SetOutput(io.Discard) // what is wrong is one line, of the error
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(os.Stdout)
		fmt.Println("kernel-probe says whether this machine's kernel can carry Istio.")
		flags.PrintDefaults()
		return nil
	case err != nil:
		return exitcode.Usagef("kernel-probe: %w; see kernel-probe --help", err)
	}
	if flags.NArg() > 0 {
		return exitcode.Usagef("kernel-probe: unknown argument %q; see kernel-probe --help", flags.Arg(0))
	}
	return command.Run(ctx)
}
