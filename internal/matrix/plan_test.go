package matrix

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/istio"
)

// latest31 is what may be published when 1.32 is not yet.
var latest31 = &Latest{
	Istio: []istio.Version{
		full("1.33-alpha.0f3c"), full("1.32.0-rc.2"), full("1.32.0-rc.1"), full("1.31.5"), full("1.31.4"), full("1.31.0-rc.0"), full("1.30.9"), full("1.29.8"),
	},
	Origin: "here", Supported: []istio.Version{full("1.31"), full("1.30")},
	Nodes: []istio.Node{{Version: full("1.38.0"), Image: "kindest/node:v1.38.0@sha256:0"}},
}

func full(text string) istio.Version {
	v, err := istio.ParseVersion(text)
	if err != nil {
		panic(err)
	}
	return v
}

func TestPlan(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request Request
		want    map[string]bool // ID to whether it is run
	}{
		{"lists", Request{Istio: []string{"1.31"}, Kubernetes: []string{"1.36", "1.35"}, Source: istio.SourceModules}, map[string]bool{
			"istio-1.31.0-kubernetes-1.36.3": true, "istio-1.31.0-kubernetes-1.35.4": true,
		}},
		{"all that can be built and is supported", Request{Source: istio.SourceModules}, map[string]bool{
			"istio-1.31.0-kubernetes-1.36.3": true, "istio-1.31.0-kubernetes-1.35.4": true, "istio-1.31.0-kubernetes-1.34.4": true, "istio-1.31.0-kubernetes-1.33.13": true,
			"istio-1.30.0-kubernetes-1.36.3": true, "istio-1.30.0-kubernetes-1.35.4": true, "istio-1.30.0-kubernetes-1.34.4": true, "istio-1.30.0-kubernetes-1.33.13": true,
		}},
		{"a pair that is refused", Request{Istio: []string{"1.31"}, Kubernetes: []string{"1.37"}, Source: istio.SourceModules}, map[string]bool{
			"istio-1.31.0-kubernetes-1.37.2": false,
		}},
		{"a pair that is refused, to prove it", Request{Istio: []string{"1.31"}, Kubernetes: []string{"1.37"}, Source: istio.SourceModules, ProveIllegal: true}, map[string]bool{
			"istio-1.31.0-kubernetes-1.37.2": true,
		}},
		{"upgrades", Request{Istio: []string{"1.31"}, Kubernetes: []string{"1.36"}, Upgrades: []string{"1.30:1.31"}, Source: istio.SourceModules}, map[string]bool{
			"istio-1.31.0-kubernetes-1.36.3": true, "upgrade-1.30.0-to-1.31.0-kubernetes-1.36.3": true,
		}},
		{"the newest pair by Helm 4 too", Request{Istio: []string{"1.31"}, Kubernetes: []string{"1.36", "1.35"}, Helm: []string{"3", "4"}, Source: istio.SourceModules}, map[string]bool{
			"istio-1.31.0-kubernetes-1.36.3": true, "istio-1.31.0-kubernetes-1.35.4": true, "istio-1.31.0-kubernetes-1.36.3-helm-4": true,
		}},
		{"all by Helm 4", Request{Istio: []string{"1.31"}, Kubernetes: []string{"1.36"}, Helm: []string{"4"}, Source: istio.SourceModules}, map[string]bool{
			"istio-1.31.0-kubernetes-1.36.3-helm-4": true,
		}},
		{"an upgrade that is refused", Request{Istio: []string{"1.31"}, Kubernetes: []string{"1.35"}, Upgrades: []string{"1.29:1.31"}, Source: istio.SourceRelease}, map[string]bool{
			"istio-1.31.4-kubernetes-1.35.8": true, "upgrade-1.29.8-to-1.31.4-kubernetes-1.35.8": false,
		}},
		{"what is published", Request{Source: istio.SourceRelease, Latest: latest31}, map[string]bool{
			"istio-1.31.5-kubernetes-1.36.4": true, "istio-1.31.5-kubernetes-1.35.8": true, "istio-1.31.5-kubernetes-1.34.11": true,
			"istio-1.30.9-kubernetes-1.36.4": true, "istio-1.30.9-kubernetes-1.35.8": true, "istio-1.30.9-kubernetes-1.34.11": true,
			"istio-1.32.0-rc.2-kubernetes-1.36.4": true, "istio-1.32.0-rc.2-kubernetes-1.35.8": true, "istio-1.32.0-rc.2-kubernetes-1.34.11": true,
		}},
		{"a published patch that the table does not have", Request{Istio: []string{"1.31"}, Kubernetes: []string{"1.38"}, Source: istio.SourceRelease, Latest: latest31}, map[string]bool{
			"istio-1.31.5-kubernetes-1.38.0": true,
		}},
		{"a pre-release that is asked for", Request{Istio: []string{"1.32.0-rc.2"}, Kubernetes: []string{"1.36"}, Source: istio.SourceRelease, Latest: latest31}, map[string]bool{
			"istio-1.32.0-rc.2-kubernetes-1.36.4": true,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := map[string]bool{}
			for _, c := range plan(t, tt.request) {
				got[c.ID()] = c.Run
				if len(c.ClusterName()+"-control-plane") > 63 {
					t.Errorf("cluster %s: the names of its nodes are too long for host names", c.ClusterName())
				}
				if c.Why == "" {
					t.Errorf("%s: no reason", c.ID())
				}
			}
			gomega.NewWithT(t).Expect(got).To(gomega.Equal(tt.want))
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	table, err := istio.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Request{
		{Istio: []string{"1.99"}, Source: istio.SourceModules},
		{Kubernetes: []string{"9"}, Source: istio.SourceModules},
		{Istio: []string{"1.29"}, Source: istio.SourceModules},
		{Upgrades: []string{"1.30"}, Source: istio.SourceModules},
	} {
		_, err := Plan(table, r)
		gomega.NewWithT(t).Expect(err).To(gomega.HaveOccurred(), "%+v", r)
	}
}

func TestCompare(t *testing.T) {
	cell := func(version, kubernetes string, s Status, seconds float64) Outcome {
		return Outcome{Cell: Cell{Pair: istio.Pair{Istio: version, Kubernetes: kubernetes}}, Status: s, Seconds: seconds}
	}
	baseline := &Report{Cells: []Outcome{
		cell("1.31.0", "v1.36.3", Pass, 100), cell("1.31.0", "v1.35.4", Fail, 100), cell("1.31.0", "v1.34.4", Pass, 100),
		cell("1.30.0", "v1.36.3", Pass, 100), cell("1.30.0", "v1.35.4", Fail, 100), cell("1.30.0", "v1.34.4", Flaky, 100),
		cell("1.29.0", "v1.34.4", Pass, 100),
	}}
	r := &Report{Cells: []Outcome{
		cell("1.31.1", "v1.36.4", Fail, 100), cell("1.31.0", "v1.35.4", Pass, 100), cell("1.31.0", "v1.34.4", Pass, 161),
		cell("1.30.0", "v1.36.3", Pass, 149), cell("1.30.0", "v1.35.4", Error, 100), cell("1.30.0", "v1.34.4", Pass, 90),
		cell("1.32.0", "v1.36.3", Pass, 100),
	}}
	r.compare(baseline)
	var got []Change
	for _, c := range r.Cells {
		got = append(got, c.Change)
	}
	g := gomega.NewWithT(t)
	g.Expect(got).To(gomega.Equal([]Change{NewlyFailing, Fixed, Slower, "", "", "", New}))
	g.Expect(r.Gone).To(gomega.Equal([]string{"istio-1.29.0-kubernetes-1.34.4"}))
	r.Baseline = "last"
	g.Expect(r.Markdown()).To(gomega.ContainSubstring("newly failing: istio-1.31.1-kubernetes-1.36.4"))
}

func TestWhy(t *testing.T) {
	cell := func(version string, s Status) Outcome {
		return Outcome{Cell: Cell{Pair: istio.Pair{Istio: version, Kubernetes: "v1.36.3"}}, Status: s}
	}
	for want, cells := range map[string][]Outcome{
		"istio-1.30.0-kubernetes-1.36.3 fail, istio-1.31.0-kubernetes-1.36.3 error": {cell("1.30.0", Fail), cell("1.31.0", Error), cell("1.29.0", Pass)},
		"every cell is illegal": {cell("1.30.0", Illegal)},
		"there are no cells":    nil,
	} {
		if got := (&Report{Cells: cells}).Why(); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestVerdictOf(t *testing.T) {
	for _, tt := range []struct {
		statuses []Status
		want     Status
	}{
		{[]Status{Pass, Flaky, Illegal}, Pass},
		{[]Status{Pass, Fail, Error}, Fail},
		{[]Status{Pass, Error}, Error},
		{[]Status{Pass, Skipped}, Error},
		{[]Status{Pass, Invalid}, Invalid},
		{[]Status{Invalid, Error}, Error},
		{[]Status{Illegal}, Error},
		{nil, Error},
	} {
		var cells []Outcome
		for _, s := range tt.statuses {
			cells = append(cells, Outcome{Status: s})
		}
		gomega.NewWithT(t).Expect(verdictOf(cells)).To(gomega.Equal(tt.want), "%v", tt.statuses)
	}
}

func TestAPreReleaseCannotFailTheMatrix(t *testing.T) {
	g := gomega.NewWithT(t)
	optional := Outcome{Cell: Cell{Pair: istio.Pair{Istio: "1.32.0-rc.2", Kubernetes: "v1.36.4"}, Standing: istio.Unknown, Optional: true, Run: true}, Status: Fail}
	stable := Outcome{Cell: Cell{Pair: istio.Pair{Istio: "1.31.5", Kubernetes: "v1.36.4"}, Standing: istio.Supported, Run: true}, Status: Pass}
	r := &Report{Cells: []Outcome{stable, optional}}
	r.Verdict = verdictOf(r.Cells)
	g.Expect(r.Verdict).To(gomega.Equal(Pass))
	g.Expect(verdictOf([]Outcome{optional})).To(gomega.Equal(Error), "nothing was proved")
	g.Expect(r.Markdown()).To(gomega.And(gomega.ContainSubstring("pre-release, cannot fail the matrix"), gomega.ContainSubstring("support unknown")))
	g.Expect(slot(&optional)).NotTo(gomega.Equal(slot(&Outcome{Cell: Cell{Pair: istio.Pair{Istio: "1.32.0", Kubernetes: "v1.36.4"}}})))
	page, err := r.Page()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(page)).To(gomega.ContainSubstring("support unknown"))
	cells := plan(t, Request{Source: istio.SourceRelease, Latest: latest31})
	for _, c := range cells {
		g.Expect(c.Optional).To(gomega.Equal(c.Istio == "1.32.0-rc.2"), c.ID())
	}
}
