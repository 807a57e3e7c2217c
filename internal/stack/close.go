package stack

import (
	"context"
	"errors"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/report/record"
)

// Close removes what Build made: the cluster and, when no other cluster of this
// project uses it, the private engine. With Config.Keep everything stays.
func (b *Builder) Close(ctx context.Context, r *record.Recorder) error {
	if b.Existing() {
		return b.leave(ctx, r)
	}
	if b.Engine == nil {
		return nil
	}
	if b.config.Keep {
		b.sayKept(r)
		return b.removeScratch(ctx, false)
	}
	phase := r.Phase("remove")
	err := b.remove(ctx, phase.Logf)
	phase.Done(err)
	return err
}

// leave takes away what the run made in a cluster that is not its own.
func (b *Builder) leave(ctx context.Context, r *record.Recorder) error {
	if b.scratch.name == "" && b.unload == nil {
		return nil
	}
	phase := r.Phase("remove")
	err := b.Leave(ctx)
	phase.Done(err)
	return err
}

func (b *Builder) remove(ctx context.Context, logf progress.Logf) error {
	if b.othersName {
		return nil
	}
	// By name and not by s.Cluster: a creation that failed half-way has left none.
	err := cluster.Delete(ctx, b.Engine, b.config.Name, b.kubeconfigPath())
	others, listErr := cluster.List(ctx, b.Engine)
	switch {
	case err != nil || listErr != nil:
		return errors.Join(err, listErr)
	case len(others) > 0:
		if b.Engine.Owned {
			logf("the private Docker engine stays for %v", others)
		}
		return nil
	}
	return b.Engine.Stop(ctx)
}

func (b *Builder) sayKept(r *record.Recorder) {
	if b.Cluster == nil {
		return
	}
	r.Warn("cluster %s is kept: export KUBECONFIG=%s; make clean removes it", b.Cluster.Name, b.Cluster.Kubeconfig)
	if b.Engine.Owned {
		r.Warn("the private Docker engine is kept: export DOCKER_HOST=%s", b.Engine.Host)
	}
}
