package modules

import (
	"context"
	"path/filepath"
	"slices"

	"istio-conformance/internal/mesh/istio"
)

// Programs are what a control plane is made of, as files of this machine.
type Programs struct {
	Etcd, APIServer, Istiod string
}

// Programs returns the programs of a cell to be run as plain processes; what the cache
// lacks of them is compiled. They stay in the cache for as long as this process runs.
func (s *Source) Programs(ctx context.Context, cell istio.Pair) (_ *Programs, err error) {
	b, err := s.begin(ctx, cell)
	if err != nil {
		return nil, err
	}
	defer func() { err = b.end(err) }()
	parts := []part{b.plan.kubernetes, b.plan.etcd, b.plan.istio}
	if slices.ContainsFunc(parts, func(p part) bool { return !b.store.Has(p.id) }) {
		if err := b.fetchAll(ctx, parts); err != nil {
			return nil, err
		}
	}
	found := &Programs{}
	for _, p := range []struct {
		part part
		file string
		to   *string
	}{
		{b.plan.etcd, "server", &found.Etcd}, {b.plan.kubernetes, "kube-apiserver", &found.APIServer}, {b.plan.istio, "pilot-discovery", &found.Istiod},
	} {
		dir, err := b.dir(ctx, p.part)
		if err != nil {
			return nil, err
		}
		*p.to = filepath.Join(dir, p.file)
	}
	return found, nil
}
