package questions

import (
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

// service is a Service of the mesh that stand-ins answer for.
type service struct {
	object *capture.Object
	host   string
	// ports are those that may speak HTTP.
	ports []int32
	// index is where each stands among all ports.
	index    map[int32]int
	standIns []*stage.StandIn
}

// noHTTP are the protocols that are no HTTP, as port names begin with them.
// https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
var noHTTP = []string{"tcp", "tls", "https", "mongo", "mysql", "redis", "udp"}

func (m *maker) readServices() {
	for _, o := range m.mesh.Of("Service") {
		s := service{object: o, host: o.Name() + "." + o.Namespace() + ".svc.cluster.local", index: map[int32]int{}}
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
			if why := noQuestions(p); why != "" {
				m.branch(o, fmt.Sprintf("ports[%d]", i), why)
				continue
			}
			port := number(p["port"])
			s.ports = append(s.ports, port)
			s.index[port] = i
		}
		m.services = append(m.services, s)
	}
}

// noQuestions says why a port is not asked.
func noQuestions(port map[string]any) string {
	name, _ := port["name"].(string)
	if app, ok := port["appProtocol"].(string); ok {
		name = app
	}
	protocol, _, _ := strings.Cut(name, "-")
	if transport, _ := port["protocol"].(string); transport == "UDP" || slices.Contains(noHTTP, protocol) {
		return fmt.Sprintf("port %d does not speak HTTP", number(port["port"]))
	}
	return ""
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
		if m.services[i].host == full {
			return &m.services[i]
		}
	}
	return nil
}

// service asks the Service as it is: by a workload of its namespace, by a client that is
// none of the mesh's workloads, and by one without a sidecar.
func (m *maker) service(s service) {
	for _, port := range s.ports {
		field := []string{"spec", "ports", strconv.Itoa(s.index[port])}
		name := fmt.Sprintf("ports[%d]", s.index[port])
		for _, asker := range []string{m.askerIn(s.object.Namespace()), Client, Outside} {
			m.ask(s.object, field, name+": as it is", s.place(asker, port), shape{path: "/"}, once)
		}
		m.branch(s.object, name, "")
	}
}

// place is the way to the Service inside the mesh.
func (s *service) place(asker string, port int32) place {
	return place{asker: asker, scheme: "http", address: s.host, port: port, host: s.hostAt(port), to: s.host, several: len(s.standIns) > 1}
}

// hostAt is the Host header that a client sends.
func (s *service) hostAt(port int32) string {
	if port == 80 {
		return s.host
	}
	return fmt.Sprintf("%s:%d", s.host, port)
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
