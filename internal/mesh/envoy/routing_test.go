package envoy

import (
	"testing"

	"github.com/onsi/gomega"
)

// Both are cut from a gateway's config dump (Envoy 1.36, Istio 1.31).
const (
	listenersDump = `{"configs": [
 {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump.DynamicListener", "name": "0.0.0.0_80",
  "active_state": {"version_info": "1", "listener": {"name": "0.0.0.0_80", "address": {"socket_address": {"address": "0.0.0.0", "port_value": 80}},
   "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager"}]}],
   "listener_filters": [{"name": "envoy.filters.listener.proxy_protocol"}]}}},
 {"name": "0.0.0.0_443", "warming_state": {"listener": {"address": {"socket_address": {"port_value": 443}}, "default_filter_chain": {"filters": [{"name": "envoy.filters.network.tcp_proxy"}]}}}},
 {"name": "0.0.0.0_9", "error_state": {"details": "cannot bind '0.0.0.0:9': Permission denied"}}]}`
	routesDump = `{"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump.DynamicRouteConfig",
  "route_config": {"name": "http.80", "virtual_hosts": [{"name": "a.test:80", "domains": ["a.test", "a.test:*"]}, {"name": "*.test:80", "domains": ["*.test"]}, {"domains": ["*"]}]}}]}`
)

func TestListenersAreRead(t *testing.T) {
	g := gomega.NewWithT(t)
	found, err := ParseListeners([]byte(listenersDump))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(found).To(gomega.HaveLen(3))
	g.Expect(found[0].Port).To(gomega.Equal(80))
	g.Expect(found[0].Expects("proxy_protocol")).To(gomega.BeTrue())
	g.Expect(found[0].Reads("http_connection_manager")).To(gomega.BeTrue())
	g.Expect(found[0].Warming).To(gomega.BeFalse())
	g.Expect(found[1].Warming).To(gomega.BeTrue())
	g.Expect(found[1].Reads("tcp_proxy")).To(gomega.BeTrue())
	g.Expect(found[1].Expects("proxy_protocol")).To(gomega.BeFalse())
	g.Expect(found[2].Refused).To(gomega.ContainSubstring("cannot bind"))
	_, err = ParseListeners([]byte("upstream connect error"))
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("envoy's listeners")))
}

func TestTheLongestDomainServesAHost(t *testing.T) {
	g := gomega.NewWithT(t)
	hosts, err := ParseVirtualHosts([]byte(routesDump))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	for host, domain := range map[string]string{"a.test": "a.test", "b.test": "*.test", "test": "*", "b.example": "*"} {
		g.Expect(Serving(hosts, host)).To(gomega.Equal(domain), host)
	}
	g.Expect(Serving(hosts[:1], "b.test")).To(gomega.BeEmpty())
	g.Expect(hosts[0].Table).To(gomega.Equal("http.80"))
	_, err = ParseVirtualHosts([]byte("no"))
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("envoy's routes")))
}
