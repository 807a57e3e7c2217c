package check

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/probe"
)

// explained plays a check that fails against a runner that asks the catalogue.
func explained(t *testing.T, run func(context.Context, *T)) (report.Test, Failure) {
	t.Helper()
	g := gomega.NewWithT(t)
	var asked Failure
	out := &recorder{dir: t.TempDir()}
	runner := &Runner{
		Recorder: out, Target: "e2e", Context: t.Context(),
		Evidence: func(_ context.Context, _ string, failed Failure) []string { asked = failed; return nil },
		Symptoms: func(string, Failure) report.Diagnosis {
			return report.Diagnosis{Cause: "found", Fix: "mend", Link: "https://example.com", Symptoms: []report.Symptom{{Name: "one"}}, Looked: []string{"2 pods"}}
		},
	}
	g.Expect(runner.Play(Suite{Name: "suite", Checks: []Check{{Name: "bad", Run: run}}})).To(gomega.Succeed())
	g.Expect(out.tests).To(gomega.HaveLen(1))
	return out.tests[0], asked
}

func TestTheCataloguesCauseIsTakenWhereTheCheckNamesNone(t *testing.T) {
	g := gomega.NewWithT(t)
	test, _ := explained(t, func(_ context.Context, t *T) { t.Expect(1).To(gomega.Equal(2)) })
	g.Expect(test.Diagnosis.Cause).To(gomega.Equal("found"))
	g.Expect(test.Diagnosis.Symptoms).To(gomega.HaveLen(1))
}

func TestWhatTheCheckSaysComesFirstAndTheCatalogueBehindIt(t *testing.T) {
	g := gomega.NewWithT(t)
	test, _ := explained(t, func(_ context.Context, t *T) {
		t.Diagnose("mine", "my fix", "https://example.com/mine")
		t.Expect(1).To(gomega.Equal(2))
	})
	g.Expect(test.Diagnosis.Cause).To(gomega.Equal("mine; the evidence shows: found"))
	g.Expect(test.Diagnosis.Fix).To(gomega.Equal("mend; else my fix"))
	g.Expect(test.Diagnosis.Link).To(gomega.Equal("https://example.com"))
	g.Expect(test.Diagnosis.Symptoms).To(gomega.HaveLen(1), "the catalogue's answer is added")
}

func TestAnObjectIsNamedByItsNameAndNotByLettersThatAreItsName(t *testing.T) {
	g := gomega.NewWithT(t)
	failed := Failure{Said: []string{"the old one: host probe-x1.install.test at Pod istio-ingress/gw-7d9f-abc, release istiod"}, Requests: "> GET /\n> Host: shop.example\n"}
	for name, named := range map[string]bool{
		"probe-x1": true, "gw-7d9f-abc": true, "istiod": true, "shop": true, "shop.example": true, "istio-ingress": true,
		"old": false, "one": false, "w": false, "gw-7d9f": false, "probe": false, "deny": false, "": false,
	} {
		g.Expect(failed.Names(name)).To(gomega.Equal(named), name)
	}
}

func TestAFailureCarriesItsRequestsAndItsWords(t *testing.T) {
	g := gomega.NewWithT(t)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, failed := explained(t, func(ctx context.Context, t *T) {
		t.Observe("asked for shop.example")
		t.Expect(probe.HTTP(ctx, probe.Request{URL: server.URL + "/cart", Host: "shop.example"}).Status).To(gomega.Equal(200))
	})
	g.Expect(failed.Requests).To(gomega.And(gomega.ContainSubstring("/cart"), gomega.ContainSubstring("404")))
	g.Expect(failed.Said).To(gomega.ContainElement("asked for shop.example"))
	g.Expect(failed.Names("shop.example")).To(gomega.BeTrue())
	g.Expect(failed.Names("cart-service")).To(gomega.BeFalse())
	g.Expect(failed.Since.IsZero()).To(gomega.BeFalse())
}
