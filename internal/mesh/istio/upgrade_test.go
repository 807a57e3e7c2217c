package istio

import (
	"fmt"
	"testing"

	"github.com/onsi/gomega"
)

func version(text string) Version {
	v, err := ParseVersion(text)
	if err != nil {
		panic(err)
	}
	return v
}

func optional(text string) *Version {
	if text == "" {
		return nil
	}
	v := version(text)
	return &v
}

func TestJudge(t *testing.T) {
	table := load(t)
	for _, tt := range []struct {
		from, to   string
		method     Method
		kubernetes string
		want       Standing
		says       string
	}{
		{"1.30", "1.31", InPlace, "", Supported, "1 of at most 1 minor versions in one in-place upgrade"},
		{"1.30.0", "1.31.0", InPlace, "1.36", Supported, "Istio 1.31 supports Kubernetes 1.32 to 1.36, so also 1.36"},
		{"1.31", "1.30", InPlace, "1.36", Supported, "in one in-place way back"},
		{"1.30.1", "1.30.4", InPlace, "", Supported, "0 of at most 1"},
		{"1.31.0", "1.31.0", InPlace, "", Supported, "only values may change"},
		{"1.29", "1.31", InPlace, "", Refused, "2 minor versions in one in-place upgrade, at most 1"},
		{"1.29", "1.31", Canary, "", Supported, "2 of at most 2"},
		{"1.28", "1.31", Canary, "", Refused, "3 minor versions in one canary upgrade, at most 2"},
		{"1.31", "1.29", InPlace, "", Refused, "2 minor versions in one in-place way back"},
		{"1.31", "1.29", InPlace, "", Refused, "proxies would be 2 minor versions apart"},
		{"1.30", "1.31", InPlace, "1.30", Tested, "Istio 1.31 is tested with Kubernetes 1.30, and supports only 1.32 to 1.36"},
		{"1.30", "1.31", InPlace, "1.37", Refused, "supports Kubernetes 1.32 to 1.36 and is tested with 1.27 to 1.31, not with 1.37"},
		{"1.29", "1.30", InPlace, "1.36", Refused, "Istio 1.29 supports Kubernetes 1.31 to 1.35"},
		{"1.27", "1.29", Canary, "", Supported, "both are supported on Kubernetes 1.31 to 1.33"},
		{"1.18", "1.29", InPlace, "", Refused, "both are tested on Kubernetes 1.26 to 1.27"},
		{"1.27", "1.21", Canary, "", Refused, "resources are stored at v1 since Istio 1.27, and chart base of 1.21 has no v1"},
		{"1.31", "1.32", InPlace, "1.36", Unknown, "does not say which Kubernetes Istio 1.32 supports"},
		{"1.32", "1.33", InPlace, "1.36", Unknown, "the table of versions does not have Istio 1.33"},
		{"1.31.4", "1.32.0-rc.1", InPlace, "1.36", Unknown, "Istio 1.32.0-rc.1 is a pre-release"},
		{"1.30", "1.32", InPlace, "1.36", Refused, "2 minor versions in one in-place upgrade"},
		{"1.30.99", "1.31", InPlace, "", Supported, "1 of at most 1"},
		{"1.30", "1.31", InPlace, "1.39", Unknown, "the table of versions does not have Kubernetes 1.39"},
		{"1.16", "1.17", InPlace, "", Refused, "older than all that is known"},
	} {
		move := Move{From: version(tt.from), To: version(tt.to), Method: tt.method, Kubernetes: optional(tt.kubernetes)}
		t.Run(fmt.Sprintf("%s on %q", move, tt.kubernetes), func(t *testing.T) {
			g := gomega.NewWithT(t)
			got := table.Judge(move)
			g.Expect(got.Standing).To(gomega.Equal(tt.want), "%+v", got.Reasons)
			g.Expect(got.Reasons).To(gomega.ContainElement(gomega.HaveField("Text", gomega.ContainSubstring(tt.says))))
			g.Expect(got.Worst()).NotTo(gomega.BeEmpty())
			g.Expect(got.Reasons).To(gomega.HaveEach(gomega.HaveField("Source", gomega.Not(gomega.BeEmpty()))))
		})
	}
}

func TestNoKubernetesRunsBoth(t *testing.T) {
	table := load(t)
	newest := &table.Istio[1]
	newest.Kubernetes, newest.Tested = Range{version("1.90"), version("1.91")}, Range{version("1.88"), version("1.89")}
	got := table.Judge(Move{From: version("1.30"), To: newest.Version, Method: InPlace})
	g := gomega.NewWithT(t)
	g.Expect(got.Standing).To(gomega.Equal(Refused))
	g.Expect(got.Worst()).To(gomega.ConsistOf(gomega.HaveField("Text", gomega.ContainSubstring("no Kubernetes runs both"))))
}

// Every step of one minor is supported by the table, forward and back, and by
// canary two at a time: a row that breaks this has a wrong range.
func TestEveryAdjacentStep(t *testing.T) {
	table := load(t)
	for i := 1; i < len(table.Istio); i++ {
		if !table.Istio[i-1].Kubernetes.Known() {
			continue
		}
		from, to := table.Istio[i].Version, table.Istio[i-1].Version
		for _, move := range []Move{
			{From: from, To: to, Method: InPlace}, {From: to, To: from, Method: InPlace},
			{From: from, To: to, Method: Canary}, {From: to, To: from, Method: Canary},
		} {
			t.Run(move.String(), func(t *testing.T) {
				got := table.Judge(move)
				gomega.NewWithT(t).Expect(got.Standing).To(gomega.Equal(Supported), "%+v", got.Reasons)
				gomega.NewWithT(t).Expect(got.Kubernetes).NotTo(gomega.BeNil())
			})
		}
		if i < 2 {
			continue
		}
		two := Move{From: table.Istio[i].Version, To: table.Istio[i-2].Version, Method: InPlace}
		t.Run(two.String(), func(t *testing.T) {
			gomega.NewWithT(t).Expect(table.Judge(two).Standing).To(gomega.Equal(Refused))
		})
	}
}

func TestBoundaries(t *testing.T) {
	table := load(t)
	for _, tt := range []struct {
		from, to   string
		method     Method
		kubernetes string
		want       []string
	}{
		{"1.23", "1.24", InPlace, "", []string{"crd-ownership"}},
		{"1.22", "1.24", Canary, "", []string{"crd-ownership"}},
		{"1.24", "1.23", InPlace, "", []string{"crds-left"}},
		{"1.20", "1.21", InPlace, "", []string{"istio-operator-left"}},
		{"1.22", "1.21", InPlace, "", []string{"v1-served"}},
		{"1.26", "1.27", InPlace, "1.32", []string{"v1-stored"}},
		{"1.26", "1.27", InPlace, "1.33", []string{"v1-stored", "native-sidecar"}},
		{"1.27", "1.28", InPlace, "", nil},
		{"1.27", "1.28", Canary, "", []string{"tags-template"}},
		{"1.27", "1.26", InPlace, "", []string{"gateway-schema"}},
		{"1.29", "1.30", InPlace, "1.35", []string{"traffic-extension"}},
		{"1.30", "1.29", InPlace, "1.35", []string{"traffic-extension-left"}},
		{"1.30", "1.31", InPlace, "1.36", nil},
	} {
		move := Move{From: version(tt.from), To: version(tt.to), Method: tt.method, Kubernetes: optional(tt.kubernetes)}
		t.Run(move.String(), func(t *testing.T) {
			var names []string
			for _, b := range table.Judge(move).Met {
				names = append(names, b.Name)
			}
			gomega.NewWithT(t).Expect(names).To(gomega.Equal(tt.want))
		})
	}
}

func TestPath(t *testing.T) {
	table := load(t)
	for _, tt := range []struct {
		from, to string
		method   Method
		want     []string
	}{
		{"1.30.0", "1.31.0", InPlace, []string{"1.30.0 -> 1.31.0 in-place"}},
		{"1.28.1", "1.31.0", InPlace, []string{"1.28.1 -> 1.29 in-place", "1.29 -> 1.30 in-place", "1.30 -> 1.31.0 in-place"}},
		{"1.27", "1.31", Canary, []string{"1.27 -> 1.29 canary", "1.29 -> 1.31 canary"}},
		{"1.28", "1.31", Canary, []string{"1.28 -> 1.30 canary", "1.30 -> 1.31 canary"}},
		{"1.31", "1.29", InPlace, []string{"1.31 -> 1.30 in-place", "1.30 -> 1.29 in-place"}},
		{"1.31", "1.31", InPlace, []string{"1.31 -> 1.31 in-place"}},
	} {
		t.Run(tt.from+"-"+tt.to+" "+string(tt.method), func(t *testing.T) {
			var got []string
			for _, m := range table.Path(version(tt.from), version(tt.to), tt.method, nil) {
				got = append(got, m.String())
			}
			gomega.NewWithT(t).Expect(got).To(gomega.Equal(tt.want))
		})
	}
}

func TestParsePath(t *testing.T) {
	g := gomega.NewWithT(t)
	table := load(t)
	moves, err := table.ParsePath([]string{"1.29..1.31"}, InPlace, nil)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(moves).To(gomega.HaveLen(2))
	moves, err = table.ParsePath([]string{"1.29", "1.31"}, InPlace, nil)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(moves).To(gomega.HaveLen(1))
	moves, err = table.ParsePath([]string{"1.29", "1.30", "1.31"}, InPlace, nil)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(moves).To(gomega.HaveLen(2))
	for _, bad := range [][]string{{"1.31"}, {"1.31.."}, {"a..b"}, {"1.30", "latest"}} {
		_, err = table.ParsePath(bad, InPlace, nil)
		g.Expect(err).To(gomega.HaveOccurred(), "%v", bad)
	}
}

func TestCheckSkew(t *testing.T) {
	table := load(t)
	for _, tt := range []struct {
		controlPlane, proxy, says string
	}{
		{"1.31.0", "1.31.0", ""},
		{"1.31.0", "1.30.0", ""},
		{"1.31.0", "1.31.1", ""},
		{"1.30.0", "1.31.0", "ahead of its control plane"},
		{"1.31.0", "1.29.6", "2 minor versions behind"},
		{"2.0.0", "1.31.0", "another major"},
	} {
		t.Run(tt.controlPlane+" "+tt.proxy, func(t *testing.T) {
			err := table.CheckSkew(version(tt.controlPlane), version(tt.proxy))
			if tt.says == "" {
				gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
				return
			}
			gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring(tt.says)))
		})
	}
}

func TestOrder(t *testing.T) {
	g := gomega.NewWithT(t)
	g.Expect(Order(false)).To(gomega.Equal([]string{"base", "istiod", "gateway", "workloads"}))
	g.Expect(Order(true)).To(gomega.Equal([]string{"workloads", "gateway", "istiod", "base"}))
}
