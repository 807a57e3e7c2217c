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
func (s *Stack) Close(ctx context.Context, r *record.Recorder) error {
	if s.Existing() {
		return s.leave(ctx, r)
	}
	if s.Engine == nil {
		return nil
	}
	if s.Config.Keep {
		s.sayKept(r)
		return s.removeScratch(ctx, false)
	}
	phase := r.Phase("remove")
	err := s.remove(ctx, phase.Logf)
	phase.Done(err)
	return err
}

// leave takes away what the run made in a cluster that is not its own.
func (s *Stack) leave(ctx context.Context, r *record.Recorder) error {
	if s.scratch.name == "" && s.unload == nil {
		return nil
	}
	phase := r.Phase("remove")
	err := s.Leave(ctx)
	phase.Done(err)
	return err
}

func (s *Stack) remove(ctx context.Context, logf progress.Logf) error {
	if s.othersName {
		return nil
	}
	// By name and not by s.Cluster: a creation that failed half-way has left none.
	err := cluster.Delete(ctx, s.Engine, s.Config.Name, s.kubeconfigPath())
	others, listErr := cluster.List(ctx, s.Engine)
	switch {
	case err != nil || listErr != nil:
		return errors.Join(err, listErr)
	case len(others) > 0:
		if s.Engine.Owned {
			logf("the private Docker engine stays for %v", others)
		}
		return nil
	}
	return s.Engine.Stop(ctx)
}

func (s *Stack) sayKept(r *record.Recorder) {
	if s.Cluster == nil {
		return
	}
	r.Warn("cluster %s is kept: export KUBECONFIG=%s; make clean removes it", s.Cluster.Name, s.Cluster.Kubeconfig)
	if s.Engine.Owned {
		r.Warn("the private Docker engine is kept: export DOCKER_HOST=%s", s.Engine.Host)
	}
}
