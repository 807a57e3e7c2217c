package stage

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/rehearse/capture"
)

// ExternalNamespace and ExternalName are those of the stand-in for all hosts outside of the
// mesh, and of its Service.
const (
	ExternalNamespace = "rehearsal-external"
	ExternalName      = "external"
)

// External is a ServiceEntry whose hosts a stand-in answers for: those that are found by
// their names.
type External struct {
	Object *capture.Object
	// Hosts are its hosts without wildcards, Names what else is looked up for them.
	Hosts, Names []string
	Ports        []ExternalPort
}

// ExternalPort is a port of a ServiceEntry, and its place there.
type ExternalPort struct {
	Index          int
	Number, Target int32
	Protocol       string
}

// Externals are the ServiceEntries of a mesh that a stand-in can answer for.
func Externals(mesh *capture.Mesh) []External {
	var all []External
	for _, o := range mesh.Of("ServiceEntry") {
		x := External{Object: o}
		resolution, _ := o.Fields("spec", "resolution").(string)
		if !slices.Contains([]string{"", "NONE", "DNS", "DNS_ROUND_ROBIN"}, resolution) || o.Fields("spec", "workloadSelector") != nil {
			continue
		}
		endpoints, _ := o.Fields("spec", "endpoints").([]any)
		addresses := false
		for _, item := range endpoints {
			endpoint, _ := item.(map[string]any)
			address, _ := endpoint["address"].(string)
			_, err := netip.ParseAddr(address)
			addresses = addresses || err == nil || address == ""
			x.Names = append(x.Names, address)
		}
		hosts, _ := o.Fields("spec", "hosts").([]any)
		for _, item := range hosts {
			host, _ := item.(string)
			if !strings.HasSuffix(host, ".cluster.local") {
				x.Hosts = append(x.Hosts, strings.Replace(host, "*", "any", 1))
			}
		}
		ports, _ := o.Fields("spec", "ports").([]any)
		for i, item := range ports {
			p, _ := item.(map[string]any)
			port := ExternalPort{Index: i, Number: number(p["number"]), Target: number(p["targetPort"])}
			port.Protocol, _ = p["protocol"].(string)
			x.Ports = append(x.Ports, port)
		}
		if !addresses && len(x.Hosts) > 0 && len(x.Ports) > 0 {
			all = append(all, x)
		}
	}
	return all
}

// ExternalService is the Service of the stand-in for the hosts of meshes, and the names by
// which it is found; nil where there are none. Proxies do not learn of it: for them a host
// must be what its ServiceEntry says.
func ExternalService(meshes ...*capture.Mesh) (*corev1.Service, []string) {
	ports, names := map[int32]bool{}, map[string]bool{}
	for _, mesh := range meshes {
		for _, x := range Externals(mesh) {
			for _, name := range slices.Concat(x.Hosts, x.Names) {
				names[name] = true
			}
			for port := range portsOf(x) {
				ports[port] = true
			}
		}
	}
	if len(ports) == 0 {
		return nil, nil
	}
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: ExternalNamespace, Name: ExternalName, Annotations: map[string]string{"networking.istio.io/exportTo": "~"}}}
	s.Spec.Selector = map[string]string{StandInLabel: ExternalName}
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "port-" + strconv.Itoa(int(port)), Port: port})
	}
	return s, slices.Sorted(maps.Keys(names))
}

func portsOf(x External) map[int32]bool {
	all := map[int32]bool{}
	for _, p := range x.Ports {
		all[p.Number] = true
		all[p.Target] = true
	}
	delete(all, 0)
	return all
}

// external adds the stand-in for hosts outside of the mesh, if there are any.
func (l *Live) external(b *builder, image string) {
	ports := map[int32]bool{}
	for _, x := range Externals(b.mesh) {
		maps.Copy(ports, portsOf(x))
	}
	if len(ports) == 0 {
		return
	}
	s := &StandIn{Namespace: ExternalNamespace, Name: ExternalName, ServiceAccount: "default", Ports: slices.Sorted(maps.Keys(ports)), Health: healthPort}
	for ports[s.Health] {
		s.Health++
	}
	l.First = append(l.First, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": ExternalNamespace},
	}})
	b.note("one stand-in answers for the hosts of ServiceEntries, at their ports")
	l.add(b, s, image, nil)
}
