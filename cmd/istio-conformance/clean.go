package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/filelock"
	"istio-conformance/internal/process/project"
	"istio-conformance/internal/stack"
)

// clean removes what runs of this project left on purpose (KEEP=1) or because
// they were killed.
func clean() *cobra.Command {
	var there lookFlags
	command := &cobra.Command{
		Use:   "clean [CLUSTER...]",
		Short: "Remove this project's clusters, or only the named ones, and stop the engine it started when no cluster is left; the cache stays",
		Long: `Remove this project's clusters, or only the named ones, and stop the engine it started when no cluster is left; the cache stays.

With --context or --kubeconfig: remove from that cluster, which is somebody else's, the namespaces and Secrets that runs with
CLUSTER=existing have left, found by their label. A run that is under way there loses its own.`,
		RunE: func(c *cobra.Command, only []string) error {
			if there.context != "" || there.kubeconfig != "" {
				return removeThere(c, only, &there)
			}
			cache, err := project.CacheDir(os.Getenv)
			if err != nil {
				return exitcode.Environmentf("%w", err)
			}
			choice, err := engine.ReadChoice(os.Getenv)
			if err != nil {
				return err
			}
			return removeAll(c.Context(), only, engine.Options{
				Choice: choice, CacheDir: cache,
				Logf: func(format string, args ...any) { fmt.Fprintf(c.OutOrStdout(), format+"\n", args...) },
			})
		},
	}
	command.Flags().StringVar(&there.kubeconfig, "kubeconfig", "", "kubeconfig of a cluster that is somebody else's (default $KUBECONFIG, else ~/.kube/config, with --context)")
	command.Flags().StringVar(&there.context, "context", "", "context of such a cluster")
	return command
}

// removeThere removes what runs have left in a cluster that is somebody else's.
func removeThere(c *cobra.Command, only []string, there *lookFlags) error {
	if len(only) > 0 {
		return exitcode.Usagef("clean %s --context: clusters that are made here have names, others a context: leave one of them out", strings.Join(only, " "))
	}
	kubeconfig, err := there.file()
	if err != nil {
		return err
	}
	found, err := cluster.Existing(c.Context(), kubeconfig, there.context)
	if err != nil {
		return err
	}
	removed := 0
	err = stack.RemoveLeftover(c.Context(), found, func(format string, args ...any) {
		removed++
		fmt.Fprintf(c.OutOrStdout(), format+"\n", args...)
	})
	if err != nil {
		return exitcode.Environmentf("%w", err)
	}
	if removed == 0 {
		fmt.Fprintf(c.OutOrStdout(), "nothing of this project is left in cluster %s\n", found.Name)
	}
	return nil
}

func removeAll(ctx context.Context, only []string, options engine.Options) error {
	found, err := engine.Detect(ctx, options)
	left := 0
	var none *engine.NotFoundError
	switch {
	case errors.As(err, &none):
		// No engine, no clusters; but one that died may have left something.
	case err != nil:
		return err
	default:
		if left, err = removeClusters(ctx, found, only, options); err != nil {
			return err
		}
	}
	if left > 0 {
		return nil
	}
	if found != nil {
		if err := found.Leave(); err != nil {
			return err
		}
	}
	private, err := engine.Find(options)
	if errors.Is(err, engine.ErrNoPrivate) {
		return nil
	}
	if err != nil {
		return err
	}
	return private.Stop(ctx)
}

// removeClusters removes the named clusters, or all, and returns how many are left.
func removeClusters(ctx context.Context, found *engine.Engine, only []string, options engine.Options) (left int, err error) {
	names, err := cluster.List(ctx, found)
	if err != nil {
		return 0, err
	}
	for _, name := range only {
		if !slices.Contains(names, name) {
			return 0, exitcode.Usagef("no cluster %s of this project, there are: %s", name, cmp.Or(strings.Join(names, ", "), "none"))
		}
	}
	for _, name := range names {
		if len(only) > 0 && !slices.Contains(only, name) {
			left++
			continue
		}
		gone, err := removeCluster(ctx, found, name, options)
		if err != nil {
			return 0, err
		}
		if !gone {
			left++
		}
	}
	return left, nil
}

// removeCluster leaves the cluster of a run that has not ended, and says whether
// the cluster is gone.
func removeCluster(ctx context.Context, found *engine.Engine, name string, options engine.Options) (gone bool, err error) {
	lock, err := cluster.Lock(options.CacheDir, name)
	if errors.Is(err, filelock.ErrLocked) {
		options.Logf("cluster %s stays: a run uses it", name)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	options.Logf("removing cluster %s", name)
	return true, cluster.Delete(ctx, found, name, "")
}
