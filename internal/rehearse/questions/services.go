package questions

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/stage"
)

// The askers that are no workload of the mesh: a pod without a sidecar, and one with.
const (
	Outside = "outside"
	Client  = "client"
)

// ClientNamespace is the namespace of Client.
const ClientNamespace = "rehearsal-client"

// service is a Service of the mesh that stand-ins answer for.
type service struct {
	object   *capture.Object
	host     string
	ports    []servicePort
	standIns []*stage.StandIn
	// external says that it is a host outside of the mesh.
	external bool
}

// servicePort is a port, where it stands among all of its Service, and the scheme by which
// it is asked.
type servicePort struct {
	number int32
	index  int
	scheme string
}

// schemes are those of the protocols that port names begin with; others may be HTTP.
// https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
var schemes = map[string]string{
	"grpc": "grpc", "tcp": "tcp", "mongo": "tcp", "mysql": "tcp", "redis": "tcp", "tls": "tls", "https": "tls",
}

func (m *maker) readServices() {
	for _, o := range m.mesh.Of("Service") {
		s := service{object: o, host: o.Name() + "." + o.Namespace() + ".svc.cluster.local"}
		selector := labels.Set{}
		given, _ := o.Fields("spec", "selector").(map[string]any)
		for key, value := range given {
			selector[key] = fmt.Sprint(value)
		}
		for _, standIn := range m.standIns {
			if len(selector) > 0 && standIn.Namespace == o.Namespace() && selector.AsSelector().Matches(labels.Set(standIn.Labels)) {
				s.standIns = append(s.standIns, standIn)
			}
		}
		if len(s.standIns) == 0 {
			continue // a gateway's, istiod's, or one without pods
		}
		ports, _ := o.Fields("spec", "ports").([]any)
		for i, item := range ports {
			p, _ := item.(map[string]any)
			scheme := schemeOf(p)
			if scheme == "udp" {
				m.branch(o, fmt.Sprintf("ports[%d]", i), "the stand-ins do not speak UDP")
				continue
			}
			s.ports = append(s.ports, servicePort{number(p["port"]), i, scheme})
		}
		m.services = append(m.services, s)
	}
	m.readExternals()
}

// readExternals takes in the hosts outside of the mesh as Services of one stand-in.
func (m *maker) readExternals() {
	i := slices.IndexFunc(m.standIns, func(s *stage.StandIn) bool { return s.Namespace == stage.ExternalNamespace })
	known := map[string]bool{}
	for _, x := range stage.Externals(m.mesh) {
		known[x.Object.String()] = true
		for _, host := range x.Hosts {
			s := service{object: x.Object, host: host, standIns: m.standIns[i : i+1], external: true}
			for _, p := range x.Ports {
				scheme := cmp.Or(schemes[strings.ToLower(p.Protocol)], "http")
				s.ports = append(s.ports, servicePort{p.Number, p.Index, scheme})
			}
			m.services = append(m.services, s)
		}
	}
	for _, o := range m.mesh.Of("ServiceEntry") {
		if !known[o.String()] {
			m.branch(o, "spec", "its endpoints are addresses or workloads: nothing stands for them")
		}
	}
}

// schemeOf is how a port is asked, or udp.
func schemeOf(port map[string]any) string {
	name, _ := port["name"].(string)
	if app, ok := port["appProtocol"].(string); ok {
		name = app
	}
	protocol, _, _ := strings.Cut(name, "-")
	if transport, _ := port["protocol"].(string); transport == "UDP" || protocol == "udp" {
		return "udp"
	}
	return cmp.Or(schemes[protocol], "http")
}

// first are the first port that takes those routes of a VirtualService, if there is one.
func (s *service) first(of string) []servicePort {
	for _, p := range s.ports {
		if routes(p.scheme) == of {
			return []servicePort{p}
		}
	}
	return nil
}

// asked is the port by which the Service is asked where any will do.
func (s *service) asked() servicePort {
	return append(s.first("http"), s.ports...)[0]
}

// leadsTo are the stand-ins that a destination may lead to.
func (m *maker) leadsTo(d *destination, from string) []*stage.StandIn {
	s := m.serviceOf(d.Destination.Host, from)
	if s == nil {
		return nil
	}
	if d.Destination.Subset == "" {
		return s.standIns
	}
	var all []*stage.StandIn
	for _, o := range m.mesh.Of("DestinationRule") {
		host, _ := o.Fields("spec", "host").(string)
		if of := m.serviceOf(host, o.Namespace()); of == nil || of.host != s.host {
			continue
		}
		subsets, _ := o.Fields("spec", "subsets").([]any)
		for _, item := range subsets {
			subset, _ := item.(map[string]any)
			set, _ := subset["labels"].(map[string]any)
			for _, standIn := range s.standIns {
				if subset["name"] == d.Destination.Subset && labels.SelectorFromSet(texts(set)).Matches(labels.Set(standIn.Labels)) {
					all = append(all, standIn)
				}
			}
		}
	}
	return all
}

func texts(of map[string]any) labels.Set {
	all := labels.Set{}
	for key, value := range of {
		all[key] = fmt.Sprint(value)
	}
	return all
}

func number(v any) int32 {
	switch n := v.(type) {
	case int64:
		return int32(n)
	case float64:
		return int32(n)
	case int:
		return int32(n)
	}
	return 0
}

// serviceOf is the Service that a host names, as seen from a namespace; nil where it is
// none of the mesh.
func (m *maker) serviceOf(host, namespace string) *service {
	parts := strings.Split(host, ".")
	full := host
	switch {
	case len(parts) == 1:
		full = host + "." + namespace + ".svc.cluster.local"
	case len(parts) == 2:
		full = host + ".svc.cluster.local"
	case len(parts) == 3 && parts[2] == "svc":
		full = host + ".cluster.local"
	}
	for i := range m.services {
		if of := m.services[i].host; of == full || of == host {
			return &m.services[i]
		}
	}
	return nil
}

// service asks the Service as it is: by a workload of its namespace, by a client that is
// none of the mesh's workloads, and by one without a sidecar.
func (m *maker) service(s service) {
	for _, port := range s.ports {
		field := []string{"spec", "ports", strconv.Itoa(port.index)}
		name := fmt.Sprintf("ports[%d]", port.index)
		for _, asker := range []string{m.askerIn(s.object.Namespace()), Client, Outside} {
			m.ask(s.object, field, name+": as it is", s.place(asker, port), shape{path: "/"}, once)
		}
		m.branch(s.object, name, "")
	}
}

// place is the way to the Service inside the mesh.
func (s *service) place(asker string, port servicePort) place {
	p := place{asker: asker, scheme: port.scheme, address: s.host, port: port.number, host: s.host, to: s.host}
	if port.number != 80 && routes(port.scheme) == "http" {
		p.host = fmt.Sprintf("%s:%d", s.host, port.number)
	}
	return p
}

// askerIn is a stand-in with a sidecar in a namespace, or the client that is no
// workload of the mesh's.
func (m *maker) askerIn(namespace string) string {
	for _, s := range m.standIns {
		if s.Proxied && s.Namespace == namespace {
			return s.String()
		}
	}
	return Client
}

// askerWith is a stand-in with a sidecar of which something holds; empty where none is.
func (m *maker) askerWith(holds func(*stage.StandIn) bool) string {
	for _, s := range m.standIns {
		if s.Proxied && holds(s) {
			return s.String()
		}
	}
	return ""
}
