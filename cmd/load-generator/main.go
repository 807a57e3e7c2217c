// Command load-generator is `istio-conformance load` alone: a small static program
// that measures from inside a node, and in the pods of a Job.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/traffic/openloop/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := cli.New()
	c.Use = "load-generator URL"
	c.SilenceUsage, c.SilenceErrors = true, true
	err := c.ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	os.Exit(exitcode.Of(err))
}
