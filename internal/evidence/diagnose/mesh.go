package diagnose

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/evidence"
)

// clockTolerance is how far a node's clock may be off: beyond it a certificate that
// was just issued may not be valid yet for its owner. Istio dates its certificates
// back by two minutes (security/pkg/pki/util, ClockSkewGracePeriod).
const clockTolerance = 30 * time.Second

// observeReleases makes records of Helm's releases.
func (w *world) observeReleases() {
	for _, name := range w.glob("helm/*/*.yaml") {
		var r evidence.Release
		if err := yaml.Unmarshal([]byte(strings.Join(w.lines(name), "\n")), &r); err != nil || len(r.Revisions) == 0 {
			w.Missing = append(w.Missing, name+": not readable")
			continue
		}
		last := r.Revisions[len(r.Revisions)-1]
		stuck := strings.HasPrefix(last.Status, "pending") && w.now.Sub(last.Deployed) > recent
		w.add("release", name, strings.TrimSuffix(fmt.Sprintf("release %s/%s revision %d: %s, %s, images from %s", r.Namespace, r.Name, last.Revision, last.Status, shorten(last.Description), r.Hub), ", images from "),
			"release", id(r.Namespace, r.Name), "ns", r.Namespace, "chart", last.Chart, "version", last.Version, "status", last.Status,
			"description", last.Description, "stuck", yes(stuck), "hub", r.Hub)
	}
}

// observeNodes makes records of nodes and of what they say.
func (w *world) observeNodes() {
	for i := range w.nodes {
		n := &w.nodes[i]
		ready := unknown
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeReady {
				ready = yes(c.Status == corev1.ConditionTrue)
			}
			w.condition("cluster/nodes.yaml", "Node", n.Name, "", "", string(c.Type), string(c.Status), c.Reason, c.Message)
		}
		skew, clock := w.clock(n.Name)
		w.add("node", "cluster/nodes.yaml", fmt.Sprintf("Node %s: ready %s, kernel %s, kubelet %s, clock off by %s", n.Name, ready, n.Status.NodeInfo.KernelVersion, n.Status.NodeInfo.KubeletVersion, skew),
			"node", n.Name, "ready", ready, "kernel", n.Status.NodeInfo.KernelVersion, "kubelet", n.Status.NodeInfo.KubeletVersion,
			"clock", clock, "skew", skew, "cgroup", w.cgroup(n.Name))
	}
	for _, name := range w.glob("nodes/*/*") {
		node := path.Base(path.Dir(name))
		file := strings.TrimSuffix(strings.TrimSuffix(path.Base(name), ".log"), ".txt")
		w.texts = append(w.texts, text{"fact", map[string]string{"node": node, "file": file}, name, w.lines(name)})
	}
}

// clock compares a node's clock with the API server's: the node writes the time into
// its lease, and the API server notes when it was written.
func (w *world) clock(node string) (skew, state string) {
	for i := range w.leases {
		l := &w.leases[i]
		if l.Name != node || l.Spec.RenewTime == nil {
			continue
		}
		written := writtenAt(l)
		if written.IsZero() {
			return unknown, unknown
		}
		off := l.Spec.RenewTime.Sub(written).Round(time.Second)
		switch {
		case off > clockTolerance:
			return off.String(), "ahead"
		case off < -clockTolerance:
			return off.String(), "behind"
		}
		return off.String(), ok
	}
	return unknown, unknown
}

func writtenAt(l *coordinationv1.Lease) time.Time {
	var last time.Time
	for _, f := range l.ManagedFields {
		if f.Time != nil && f.Time.After(last) {
			last = f.Time.Time
		}
	}
	return last
}

// cgroup is the version of a node's control groups, where the node was entered.
func (w *world) cgroup(node string) string {
	for _, line := range w.lines(path.Join("nodes", node, "facts.txt")) {
		switch kind, found := strings.CutPrefix(line, "cgroup "); {
		case found && strings.Contains(kind, "cgroup2"):
			return "v2"
		case found && strings.Contains(kind, "tmpfs"):
			return "v1"
		}
	}
	return unknown
}

// observeMesh makes one record of the mesh as a whole.
func (w *world) observeMesh() {
	istiod, proxies := "absent", 0
	for i := range w.deployments {
		d := &w.deployments[i]
		if d.Spec.Template.Labels["app"] == "istiod" && istiod != "ready" {
			istiod = deploymentState(d.Status.ReadyReplicas, d.Spec.Replicas)
		}
	}
	for i := range w.pods {
		if injected(&w.pods[i]) {
			proxies++
		}
	}
	crds := unknown
	if w.whole["cluster/customresourcedefinitions.yaml"] {
		n := 0
		for i := range w.crds {
			if strings.HasSuffix(w.crds[i].Spec.Group, ".istio.io") {
				n++
			}
		}
		crds = strconv.Itoa(n)
	}
	root, until := w.root()
	roots, old := w.roots()
	w.add("mesh", "index.json", fmt.Sprintf("istiod %s, cluster DNS %s, %s CRDs of Istio, %d proxies, root certificate %s until %s", istiod, w.dns(), crds, proxies, root, until),
		"istiod", istiod, "crds", crds, "dns", w.dns(), "root", root, "rootUntil", until, "proxies", strconv.Itoa(proxies),
		"roots", strconv.Itoa(roots), "oldRoot", old)
}

func deploymentState(ready int32, want *int32) string {
	switch {
	case want != nil && *want == 0:
		return "scaled-to-zero"
	case ready == 0:
		return "not-ready"
	}
	return "ready"
}

// dns says whether the cluster's DNS has a ready pod.
func (w *world) dns() string {
	for i := range w.services {
		if s := &w.services[i]; s.Namespace == "kube-system" && s.Name == "kube-dns" && w.listed("kube-system", "endpointslices.discovery.k8s.io") {
			if len(w.endpoints(s)) == 0 {
				return "not-ready"
			}
			return "ready"
		}
	}
	return unknown
}

// root judges the root certificate that istiod gives to every namespace.
func (w *world) root() (state, until string) {
	for i := range w.configmaps {
		cm := &w.configmaps[i]
		if cm.Name != rootConfigMap {
			continue
		}
		for _, c := range certificates([]byte(cm.Data["root-cert.pem"])) {
			until = c.NotAfter.UTC().Format(time.RFC3339)
			switch {
			case w.now.After(c.NotAfter):
				return "expired", until
			case w.now.Before(c.NotBefore):
				return "not-yet-valid", until
			}
			return ok, until
		}
	}
	return unknown, unknown
}
