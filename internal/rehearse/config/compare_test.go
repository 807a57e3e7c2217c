package config

import (
	"encoding/json"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/rehearse/capture"
)

// from parses JSON.
func from(t *testing.T, text string) map[string]any {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

const route = `"metadata":{"filterMetadata":{"istio":{"config":"/apis/networking.istio.io/v1/namespaces/shop/virtual-service/web"}}}`

func TestDifferencesAreNamedByPathAndSource(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		want          []difference
	}{
		"the same": {`{"a":[{"name":"x"}]}`, `{"a":[{"name":"x"}]}`, nil},
		"a timeout of a route": {`{"virtualHosts":[{"name":"web:80","routes":[{` + route + `,"route":{"timeout":"1s"}}]}]}`,
			`{"virtualHosts":[{"name":"web:80","routes":[{` + route + `,"route":{"timeout":"2s"}}]}]}`,
			[]difference{{"virtualHosts[web:80].routes[0].route.timeout", "1s", "2s", "virtual-service shop/web"}}},
		"a route that is added before others": {`{"routes":[{"match":"b"}]}`, `{"routes":[{"match":"a",` + route + `},{"match":"b"}]}`,
			[]difference{{"routes[0]", nil, from(t, `{"match":"a",`+route+`}`), "virtual-service shop/web"}}},
		"a host that is gone": {`{"virtualHosts":[{"name":"a","routes":[{` + route + `}]},{"name":"b"}]}`, `{"virtualHosts":[{"name":"b"}]}`,
			[]difference{{"virtualHosts[a]", from(t, `{"name":"a","routes":[{`+route+`}]}`), nil, "virtual-service shop/web"}}},
		"filters in another order": {`{"filters":[{"name":"a"},{"name":"b"}]}`, `{"filters":[{"name":"b"},{"name":"a"}]}`,
			[]difference{{"filters (order)", "a, b", "b, a", ""}}},
		"a rule of a policy": {`{"policies":{"ns[shop]-policy[allow]-rule[0]":{"x":1}}}`, `{"policies":{"ns[shop]-policy[allow]-rule[0]":{"x":2}}}`,
			[]difference{{"policies.ns[shop]-policy[allow]-rule[0].x", 1.0, 2.0, "authorization-policy shop/allow"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []difference
			diff(any(from(t, c.before)), any(from(t, c.after)), "", "", func(d difference) { got = append(got, d) })
			gomega.NewWithT(t).Expect(got).To(gomega.Equal(c.want))
		})
	}
}

func TestWhatIsAlikeIsSaidOnce(t *testing.T) {
	g := gomega.NewWithT(t)
	groups := map[string]*group{}
	for _, cluster := range []string{"cluster a", "cluster b"} {
		for _, proxy := range []string{"sidecar x/1", "sidecar x/2"} {
			collect(groups, cluster, proxy, difference{"connectTimeout", "1s", "2s", "Service x/" + cluster})
		}
	}
	collect(groups, "cluster a", "sidecar x/1", difference{"connectTimeout", "1s", "3s", ""})
	g.Expect(groups).To(gomega.HaveLen(2))
	for _, group := range groups {
		if group.after == "2s" {
			g.Expect(group.resources).To(gomega.Equal([]string{"a", "b"}))
			g.Expect(group.objects).To(gomega.HaveLen(2))
			g.Expect(group.proxies).To(gomega.HaveLen(2))
		}
	}
}

func TestTheObjectIsOneThatChanged(t *testing.T) {
	g := gomega.NewWithT(t)
	object := func(kind, name, host string) *capture.Object {
		return &capture.Object{Body: from(t, `{"apiVersion":"networking.istio.io/v1","kind":"`+kind+`","metadata":{"name":"`+name+`","namespace":"shop"},"spec":{"hosts":["`+host+`"]}}`)}
	}
	old := &capture.Mesh{Objects: []*capture.Object{object("VirtualService", "web", "a"), object("Sidecar", "default", "x")}}
	mesh := &capture.Mesh{Objects: []*capture.Object{object("VirtualService", "web", "b"), object("Sidecar", "default", "x")}}
	r := &Rehearsal{From: Side{Mesh: old}, To: Side{Mesh: mesh}, changed: capture.Changed(old, mesh)}
	g.Expect(r.changed).To(gomega.HaveLen(1))
	g.Expect(r.objectOf("virtual-service shop/web", "sidecar shop/x")).To(gomega.Equal("VirtualService shop/web"))
	g.Expect(r.objectOf("service shop/web", "sidecar shop/x")).To(gomega.Equal("VirtualService shop/web"), "the only one that changed")
	same := &Rehearsal{From: Side{Mesh: mesh}, To: Side{Mesh: mesh}}
	g.Expect(same.objectOf("virtual-service shop/web", "sidecar shop/x")).To(gomega.Equal("VirtualService shop/web"))
	g.Expect(same.objectOf("service other/x", "sidecar shop/x")).To(gomega.Equal("service other/x"), "what is not captured is called as istiod calls it")
}

func TestNamesThatListenersAndClustersReferTo(t *testing.T) {
	g := gomega.NewWithT(t)
	endpoints, routes := names([]map[string]any{
		from(t, `{"@type":"type.googleapis.com/envoy.config.cluster.v3.Cluster","name":"c","type":"EDS","edsClusterConfig":{"serviceName":"s"}}`),
		from(t, `{"@type":"type.googleapis.com/envoy.config.cluster.v3.Cluster","name":"d","type":"STATIC"}`),
		from(t, `{"@type":"type.googleapis.com/envoy.config.listener.v3.Listener","name":"l","filterChains":[{"filters":[{"typedConfig":{"rds":{"routeConfigName":"80"}}}]}]}`),
	})
	g.Expect(endpoints).To(gomega.Equal([]string{"s"}))
	g.Expect(routes).To(gomega.Equal([]string{"80"}))
}

func TestTheSameIsSent(t *testing.T) {
	g := gomega.NewWithT(t)
	answer := func(hash byte) sent {
		return sent{"gateway x/y": {"listener a": {hash: [32]byte{hash}}}}
	}
	g.Expect(same(answer(1), answer(1))).To(gomega.BeTrue())
	g.Expect(same(answer(1), answer(2))).To(gomega.BeFalse())
	g.Expect(same(answer(1), sent{"gateway x/y": {}})).To(gomega.BeFalse())
	g.Expect(same(answer(1), nil)).To(gomega.BeFalse())
}
