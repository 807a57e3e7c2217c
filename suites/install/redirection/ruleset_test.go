package redirection

import (
	"testing"

	"github.com/onsi/gomega"
)

// printed is what nft prints, shortened.
const printed = `{"nftables": [{"metainfo": {"version": "1.0.6"}},
{"table": {"family": "inet", "name": "istio-proxy-nat", "handle": 1}},
{"chain": {"family": "inet", "table": "istio-proxy-nat", "name": "istio-redirect", "handle": 3}},
{"chain": {"family": "ip", "table": "nat", "name": "ISTIO_OUTPUT", "handle": 4}},
{"chain": {"family": "ip", "table": "nat", "name": "KUBE-SERVICES", "handle": 5}},
{"rule": {"family": "inet", "table": "istio-proxy-nat", "chain": "istio-redirect", "handle": 9, "expr": [
  {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "tcp"}}, {"counter": {"packets": 3, "bytes": 180}}, {"redirect": {"port": 15001}}]}},
{"rule": {"family": "inet", "table": "istio-proxy-nat", "chain": "istio-output", "handle": 8, "expr": [{"counter": {"packets": 7, "bytes": 1}}, {"return": null}]}},
{"rule": {"family": "ip", "table": "nat", "chain": "OUTPUT", "handle": 7, "expr": [{"jump": {"target": "KUBE-SERVICES"}}]}}]}`

func TestRulesAreRead(t *testing.T) {
	g := gomega.NewWithT(t)
	r, err := parse(printed)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(r.tables(tablePrefix)).To(gomega.Equal([]string{"istio-proxy-nat"}))
	g.Expect(r.chains("ISTIO_")).To(gomega.Equal([]string{"ISTIO_OUTPUT"}))
	g.Expect(r.redirected(outboundPort)).To(gomega.Equal(3))
	g.Expect(r.redirected(inboundPort)).To(gomega.BeZero())
	lines, err := r.lines()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(lines).To(gomega.HaveLen(5))
	g.Expect(lines).To(gomega.HaveEach(gomega.Not(gomega.Or(gomega.ContainSubstring("handle"), gomega.ContainSubstring("KUBE")))))
	_, err = parse("no json")
	g.Expect(err).To(gomega.HaveOccurred())
}

func TestChangedRules(t *testing.T) {
	g := gomega.NewWithT(t)
	g.Expect(changed([]string{"a", "b"}, []string{"b", "c"})).To(gomega.Equal([]string{"- a", "+ c"}))
	g.Expect(changed([]string{"a"}, []string{"a"})).To(gomega.BeEmpty())
}
