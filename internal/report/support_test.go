package report

import (
	"testing"

	"github.com/onsi/gomega"
)

func TestUnknownSupportStandsBesideTheVerdict(t *testing.T) {
	for _, c := range []struct {
		support     *Support
		unjudged    []Unjudged
		short, full string
	}{
		{nil, nil, "pass", "pass"},
		{&Support{"supported", "it is"}, nil, "pass", "pass"},
		{&Support{"unknown", "it is new"}, nil, "pass, support unknown", "pass, support unknown"},
		{&Support{"refused", "it is old"}, nil, "pass, not supported by Istio", "pass, not supported by Istio"},
		{&Support{"tested", "it is old"}, nil, "pass, tested by Istio, not supported", "pass, tested by Istio, not supported"},
		{
			&Support{"unknown", "it is new"},
			[]Unjudged{{Measurement: "load/latency", Verdict: VerdictInvalid, Reason: "busy"}},
			"pass (latency not judged), support unknown", "pass (latency not judged: busy), support unknown",
		},
	} {
		g := gomega.NewWithT(t)
		r := &Report{Verdict: VerdictPass, Environment: Environment{Support: c.support}, Unjudged: c.unjudged}
		g.Expect(r.ShortVerdict()).To(gomega.Equal(c.short))
		g.Expect(r.FullVerdict()).To(gomega.Equal(c.full))
	}
}
