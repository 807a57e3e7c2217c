package envoy

import (
	"testing"

	"github.com/onsi/gomega"
)

func TestParseStats(t *testing.T) {
	g := gomega.NewWithT(t)
	stats, err := ParseStats(`cluster.outbound|80||a.ns.svc.cluster.local;.upstream_rq_total: 7
cluster.outbound|80||a.ns.svc.cluster.local;.upstream_cx_active: 0
cluster.outbound|80|v1|a.ns.svc.cluster.local;.upstream_rq_total: 3
cluster.outbound|80||a.ns.svc.cluster.local;.upstream_rq_time: P0(nan,1) P25(nan,1.025)
cluster.outbound|80||a.ns.svc.cluster.localhost;.upstream_rq_total: 1

`)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(ClusterStats(stats, "outbound|80||a.ns.svc.cluster.local")).To(gomega.Equal(map[string]uint64{"upstream_rq_total": 7, "upstream_cx_active": 0}))
	g.Expect(ClusterStats(stats, "outbound|80|v1|a.ns.svc.cluster.local;")).To(gomega.Equal(map[string]uint64{"upstream_rq_total": 3}))
	g.Expect(ClusterStats(stats, "outbound|80||b")).To(gomega.BeEmpty())
}

func TestParseStatsRefusesOtherText(t *testing.T) {
	_, err := ParseStats("<html>")
	gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring("<html>")))
}
