package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// portOwner is the server that has a port of a gateway's pods, and its TLS hosts.
type portOwner struct {
	gateway, protocol string
	plain, http       bool
	hosts             map[string]string // host -> gateway
}

// loss is why a server of a Gateway is not in use.
type loss struct{ why, winner, winnerProtocol, host string }

// losers finds the servers that istiod leaves out, because an older Gateway has their
// port with a protocol that cannot be merged, or their TLS host. Of two Gateways the
// older one wins, of equal age the first by name.
// Source: istio.io/istio/pilot/pkg/model, mergeGateways and sortConfigByCreationTime.
func (w *world) losers() map[string]loss {
	lost := map[string]loss{}
	gateways := slices.Clone(w.others[gatewaysKind])
	slices.SortFunc(gateways, func(a, b unstructured.Unstructured) int {
		return cmp.Or(a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time), strings.Compare(a.GetName()+"."+a.GetNamespace(), b.GetName()+"."+b.GetNamespace()))
	})
	for i := range w.pods {
		pod := &w.pods[i]
		if role(pod) != "gateway" || pod.DeletionTimestamp != nil {
			continue
		}
		ports := map[string]*portOwner{}
		for j := range gateways {
			g := &gateways[j]
			if !selects(labelsAt(g.Object, "spec", "selector"), pod.Labels) || w.scoped(g.GetNamespace(), pod) {
				continue
			}
			for _, server := range list(g.Object, "spec", "servers") {
				if l := merge(ports, id(g.GetNamespace(), g.GetName()), server); l.why != "" {
					lost[serverKey(id(g.GetNamespace(), g.GetName()), server)] = l
				}
			}
		}
	}
	return lost
}

func serverKey(gateway string, server map[string]any) string {
	return strings.Join([]string{gateway, str(server, "port", "number"), str(server, "port", "name")}, " ")
}

// merge adds a server to the ports of a gateway, or says why it is left out.
func merge(ports map[string]*portOwner, gateway string, server map[string]any) loss {
	// Servers of different addresses share a port.
	port := str(server, "port", "number") + " " + str(server, "bind")
	protocol := strings.ToUpper(str(server, "port", "protocol"))
	http := slices.Contains([]string{"HTTP", "HTTP2", "GRPC", "GRPC-WEB"}, protocol)
	plain := http || at(server, "tls") == nil
	owner := ports[port]
	if owner == nil {
		owner = &portOwner{gateway: gateway, protocol: protocol, plain: plain, http: http, hosts: map[string]string{}}
		ports[port] = owner
	} else if owner.plain && (!owner.http || !http) {
		return loss{why: "protocol", winner: owner.gateway, winnerProtocol: owner.protocol}
	}
	if plain {
		return loss{}
	}
	for _, host := range texts(server, "hosts") {
		if at := strings.Index(host, "/"); at >= 0 {
			host = host[at+1:]
		}
		if first, taken := owner.hosts[host]; taken && first != gateway {
			return loss{why: "host", winner: first, winnerProtocol: owner.protocol, host: host}
		}
		owner.hosts[host] = gateway
	}
	return loss{}
}

// scoped says whether istiod ignores Gateways of a namespace for a pod, because it is
// told to take those of the pod's own namespace only.
// Source: https://istio.io/latest/docs/reference/commands/pilot-discovery/, PILOT_SCOPE_GATEWAY_TO_NAMESPACE.
func (w *world) scoped(namespace string, pod *corev1.Pod) bool {
	if namespace == pod.Namespace {
		return false
	}
	for i := range w.pods {
		if role(&w.pods[i]) != "istiod" {
			continue
		}
		for _, c := range w.pods[i].Spec.Containers {
			for _, e := range c.Env {
				if e.Name == "PILOT_SCOPE_GATEWAY_TO_NAMESPACE" {
					return e.Value == "true"
				}
			}
		}
	}
	return false
}

// describe says what the winner of a port is.
func (l loss) describe() string {
	switch l.why {
	case "protocol":
		return fmt.Sprintf(", left out: %s has the port as %s", l.winner, l.winnerProtocol)
	case "host":
		return fmt.Sprintf(", left out: %s has host %s", l.winner, l.host)
	}
	return ""
}
