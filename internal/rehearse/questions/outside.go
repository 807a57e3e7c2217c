package questions

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/stage"
)

// gatewaySpec is what questions are made from of Istio's Gateway.
type gatewaySpec struct {
	Selector map[string]string `json:"selector"`
	Servers  []struct {
		Port struct {
			Number   int32  `json:"number"`
			Protocol string `json:"protocol"`
		} `json:"port"`
		Hosts []string `json:"hosts"`
		TLS   *struct {
			Mode string `json:"mode"`
		} `json:"tls"`
	} `json:"servers"`
}

// through are the ways to a host of a VirtualService through a Gateway, which it names as
// "namespace/name" or "name", for its routes of a kind.
func (m *maker) through(gateway, namespace, host, of string) []place {
	name := gateway
	if before, after, found := strings.Cut(gateway, "/"); found {
		namespace, name = before, after
	}
	var all []place
	for _, o := range m.mesh.Of("Gateway") {
		if o.Group() != "networking.istio.io" || o.Name() != name || o.Namespace() != namespace {
			continue
		}
		var g gatewaySpec
		if err := decode(o, &g); err != nil {
			m.branch(o, "spec", "it cannot be read: "+err.Error())
			continue
		}
		for _, e := range m.entrances {
			if len(g.Selector) == 0 || !labels.SelectorFromSet(g.Selector).Matches(labels.Set(e.Labels)) {
				continue
			}
			all = append(all, slices.DeleteFunc(m.servers(o, &g, e, host), func(p place) bool { return routes(p.scheme) != of })...)
		}
	}
	return all
}

// servers are the ways through one gateway.
func (m *maker) servers(o *capture.Object, g *gatewaySpec, e *stage.Entrance, host string) []place {
	var all []place
	for i, s := range g.Servers {
		name := fmt.Sprintf("servers[%d]", i)
		scheme, why := "http", ""
		mode := "SIMPLE"
		if s.TLS != nil && s.TLS.Mode != "" {
			mode = s.TLS.Mode
		}
		switch protocol := strings.ToUpper(s.Port.Protocol); {
		case protocol == "HTTPS" && mode == "SIMPLE":
			scheme = "https"
		case (protocol == "HTTPS" || protocol == "TLS") && mode == "PASSTHROUGH":
			scheme = "tls"
		case protocol == "HTTPS":
			why = "mode " + mode + " is not asked"
		case protocol == "TCP" && s.TLS == nil:
			scheme = "tcp"
		case protocol == "GRPC":
			scheme = "grpc"
		case protocol != "HTTP" && protocol != "HTTP2":
			why = "protocol " + protocol + " is not asked"
		}
		m.branch(o, name, why)
		if why != "" {
			continue
		}
		for _, of := range s.Hosts {
			of = of[strings.LastIndex(of, "/")+1:]
			if concrete := common(of, host); concrete != "" {
				all = append(all, place{asker: Outside, scheme: scheme, address: e.Name + "." + e.Namespace + ".svc.cluster.local", port: s.Port.Number, host: concrete, via: e.String()})
				break
			}
		}
	}
	return all
}

// common is a host that both of two hosts, which may begin with a wildcard, stand for;
// empty where there is none.
func common(a, b string) string {
	switch {
	case a == b:
		return concrete(a)
	case strings.HasPrefix(a, "*") && strings.HasSuffix(b, a[1:]):
		return concrete(b)
	case strings.HasPrefix(b, "*") && strings.HasSuffix(a, b[1:]):
		return concrete(a)
	}
	return ""
}

// concrete is a host that a wildcard stands for.
func concrete(host string) string {
	if host == "*" {
		return "any.example"
	}
	return strings.Replace(host, "*", "any", 1)
}
