package stack

import (
	"cmp"
	"maps"
	"slices"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/report"
)

// describe fills in what is known so far of what the run is made with.
func (s *Stack) describe(e *report.Environment) {
	e.Istio, e.Kubernetes, e.Images = s.Cell.Istio, s.Cell.Kubernetes, s.Config.Images
	e.Profile = cmp.Or(s.Config.Profile, ProfileDefault)
	if s.Helm != nil && !s.Existing() {
		e.Helm = s.Helm.Version()
	}
	e.KubernetesAsked = s.plannedKubernetes
	e.Support = s.describeSupport()
	e.Kernel, e.CPUs = s.Host.Kernel.Value, s.Host.CPUs
	switch {
	case s.Host.CgroupV1():
		e.Cgroup = "v1"
	case s.Host.Cgroup.Value != "":
		e.Cgroup = "v2"
	}
	if s.Images != nil {
		e.Digests, e.Notes = s.Images.Digests, slices.Concat(s.Images.Notes, s.filterNotes)
	}
	if len(s.imageNames) > 0 {
		e.Digests, e.Notes = maps.Clone(e.Digests), append(slices.Clone(e.Notes), s.namesNote())
		for name, existing := range s.imageNames {
			e.Digests[name] = e.Digests[existing]
		}
	}
	e.Notes = slices.Concat(e.Notes, s.wantedNotes, s.keptNotes)
	if s.Cluster != nil {
		e.Nodes = len(s.Cluster.Nodes())
	}
	e.Proxy = s.proxy
}

// needs is what the run takes from the machine. A source that has to build
// asks for the space of that itself, when it knows that it has to.
func (s *Stack) needs() host.Needs {
	return host.Needs{IPv6: cluster.NeedsIPv6(s.kindConfig), Memory: host.MinMemory, Disk: []host.DiskNeed{{
		Dir: s.Config.CacheDir, Size: host.ReleaseDisk, Purpose: "images and the nodes",
		Change: "set ISTIO_CONFORMANCE_CACHE to a directory on a larger disk",
	}}}
}
