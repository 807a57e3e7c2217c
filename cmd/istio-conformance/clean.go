package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/engine"
	"istio-conformance/internal/exitcode"
	"istio-conformance/internal/filelock"
	"istio-conformance/internal/project"
)

// clean removes what runs of this project left on purpose (KEEP=1) or because
// they were killed.
func clean() *cobra.Command {
	return &cobra.Command{
		Use:   "clean",
		Short: "Remove this project's clusters and stop the engine it started; the cache stays",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			cache, err := project.CacheDir()
			if err != nil {
				return exitcode.Environmentf("%w", err)
			}
			return removeAll(c.Context(), engine.Options{
				CacheDir: cache, DockerHost: os.Getenv("DOCKER_HOST"),
				Logf: func(format string, args ...any) { fmt.Fprintf(c.OutOrStdout(), format+"\n", args...) },
			})
		},
	}
}

func removeAll(ctx context.Context, options engine.Options) error {
	found, err := engine.Detect(ctx, options)
	var none *engine.NotFoundError
	switch {
	case errors.As(err, &none):
		// No engine, no clusters; but one that died may have left something.
	case err != nil:
		return err
	default:
		if err := removeClusters(ctx, found, options); err != nil {
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

func removeClusters(ctx context.Context, found *engine.Engine, options engine.Options) error {
	if found.Host != "" {
		if err := os.Setenv("DOCKER_HOST", found.Host); err != nil {
			return err
		}
	}
	names, err := cluster.List(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := removeCluster(ctx, name, options); err != nil {
			return err
		}
	}
	return nil
}

// removeCluster leaves the cluster of a run that has not ended.
func removeCluster(ctx context.Context, name string, options engine.Options) (err error) {
	lock, err := cluster.Lock(options.CacheDir, name)
	if errors.Is(err, filelock.ErrLocked) {
		options.Logf("cluster %s stays: a run uses it", name)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	options.Logf("removing cluster %s", name)
	return cluster.Delete(ctx, name, "")
}
