package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/project"
)

// doctor says what the machine is and what stands in the way; it changes nothing.
func doctor() *cobra.Command {
	var look lookFlags
	existing := false
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Say whether this machine can run the checks, or what an existing cluster's Istio must move away from; changes nothing",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if existing {
				return doctorOf(c, &look)
			}
			cache, err := project.CacheDir(os.Getenv)
			if err != nil {
				return exitcode.Environmentf("%w", err)
			}
			choice, err := engine.ReadChoice(os.Getenv)
			if err != nil {
				return err
			}
			facts := host.Gather(host.Options{Dirs: []string{cache}})
			fmt.Fprintln(c.OutOrStdout(), facts)
			findings := host.Findings(facts, host.Needs{Memory: host.MinMemory, Disk: []host.DiskNeed{{
				Dir: cache, Size: host.ReleaseDisk, Purpose: "images and the nodes", Change: "set ISTIO_CONFORMANCE_CACHE",
			}}})
			marks := map[host.Severity]string{host.OK: "✓", host.Warning: "‼", host.Error: "✗"}
			failed := false
			for _, finding := range findings {
				fmt.Fprintf(c.OutOrStdout(), " %s %s\n", marks[finding.Severity], finding)
				failed = failed || finding.Severity == host.Error
			}
			found, err := engine.Detect(c.Context(), engine.Options{Choice: choice, CacheDir: cache})
			var none *engine.NotFoundError
			switch {
			case errors.As(err, &none) && none.Kind == engine.Podman:
				fmt.Fprintf(c.OutOrStdout(), " ✗ %v: install podman, or leave %s out\n", none, engine.Variable)
				failed = true
			case errors.As(err, &none):
				fmt.Fprintf(c.OutOrStdout(), " ‼ %v: make e2e starts one as root, and installs it on Debian and Ubuntu\n", none)
			case err != nil:
				return err
			default:
				fmt.Fprintf(c.OutOrStdout(), " ✓ %s\n", found)
			}
			if failed {
				return exitcode.Environmentf("this machine cannot run the checks as it is")
			}
			return nil
		},
	}
	command.Flags().BoolVar(&existing, "existing", os.Getenv("CLUSTER") == "existing", "look at the Istio of an existing cluster instead of this machine ($CLUSTER=existing)")
	command.Flags().StringVar(&look.kubeconfig, "kubeconfig", "", "kubeconfig of the existing cluster (default $KUBECONFIG, else ~/.kube/config)")
	command.Flags().StringVar(&look.context, "context", os.Getenv("CONTEXT"), "context in the kubeconfig (default its current one; $CONTEXT)")
	return command
}
