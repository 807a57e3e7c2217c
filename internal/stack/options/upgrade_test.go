package options

import (
	"testing"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/process/exitcode"
)

func TestUpgradeOptions(t *testing.T) {
	g := gomega.NewWithT(t)
	o, err := parse(t, map[string]string{"FROM": "1.30"})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(o.Upgrade).To(gomega.BeNil())
	g.Expect(o.From).To(gomega.BeEmpty(), "FROM alone makes no upgrade: make exports it to every target")

	o, err = parse(t, map[string]string{"UPGRADE": "1", "FROM": "1.30", "TO": "1.31", "BUDGET": "3", "REPEAT": "20", "VALUES": "both", "SOAK": "30s", "RATE": "300"})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(*o.Upgrade).To(gomega.Equal(Upgrade{Budget: 3, Rate: 300, Repeat: 20, Values: []string{"recommended", "charts"}, Soak: 30 * time.Second}))
	g.Expect(o.Istio).To(gomega.Equal("1.31"))
	g.Expect(o.From).To(gomega.Equal("1.30"))
}

func TestUpgradeBeginsWithTheMinorBefore(t *testing.T) {
	for to, want := range map[string]string{"1.31": "1.30", "1.30.2": "1.29", "": "1.30"} {
		o, err := parse(t, map[string]string{"UPGRADE": "1", "TO": to})
		gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
		gomega.NewWithT(t).Expect(o.From).To(gomega.Equal(want), "TO=%s", to)
	}
}

func TestUpgradeRefuses(t *testing.T) {
	for _, tt := range []struct{ variable, value, says string }{
		{"BUDGET", "-1", "BUDGET=-1"}, {"BUDGET", "none", "BUDGET=none"}, {"RATE", "5", "RATE=5"}, {"REPEAT", "0", "REPEAT=0"},
		{"VALUES", "mine", "VALUES=mine"}, {"SOAK", "1s", "SOAK=1s"}, {"TO", "latest", "latest"},
	} {
		_, err := parse(t, map[string]string{"UPGRADE": "1", tt.variable: tt.value})
		gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring(tt.says)))
		gomega.NewWithT(t).Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
	}
}
