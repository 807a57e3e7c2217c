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
func (b *Builder) describe(e *report.Environment) {
	e.Istio, e.Kubernetes, e.Images = b.Cell.Istio, b.Cell.Kubernetes, b.config.Images
	e.Profile = cmp.Or(b.config.Profile, ProfileDefault)
	if b.Helm != nil && !b.Existing() {
		e.Helm = b.Helm.Version()
	}
	e.KubernetesAsked = b.plannedKubernetes
	e.Support = b.describeSupport()
	e.Kernel, e.CPUs = b.Host.Kernel.Value, b.Host.CPUs
	switch {
	case b.Host.CgroupV1():
		e.Cgroup = "v1"
	case b.Host.Cgroup.Value != "":
		e.Cgroup = "v2"
	}
	if b.Images != nil {
		e.Digests, e.Notes = b.Images.Digests, slices.Concat(b.Images.Notes, b.filterNotes)
	}
	if len(b.imageNames) > 0 {
		e.Digests, e.Notes = maps.Clone(e.Digests), append(slices.Clone(e.Notes), b.namesNote())
		for name, existing := range b.imageNames {
			e.Digests[name] = e.Digests[existing]
		}
	}
	e.Notes = slices.Concat(e.Notes, b.wantedNotes, b.keptNotes)
	if b.Cluster != nil {
		e.Nodes = len(b.Cluster.Nodes())
	}
	e.Proxy = b.proxy
}

// needs is what the run takes from the machine. A source that has to build
// asks for the space of that itself, when it knows that it has to.
func (b *Builder) needs() host.Needs {
	return host.Needs{IPv6: cluster.NeedsIPv6(b.kindConfig), Memory: host.MinMemory, Disk: []host.DiskNeed{{
		Dir: b.config.CacheDir, Size: host.ReleaseDisk, Purpose: "images and the nodes",
		Change: "set ISTIO_CONFORMANCE_CACHE to a directory on a larger disk",
	}}}
}
