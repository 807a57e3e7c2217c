package options

import (
	"testing"

	"github.com/onsi/gomega"
)

func TestWhatMustBeJudged(t *testing.T) {
	for name, c := range map[string]struct {
		environment map[string]string
		args        []string
		want        []string
	}{
		"a run":                     {},
		"a run that gates on it":    {map[string]string{"REQUIRE": "latency"}, nil, []string{"latency"}},
		"by a flag":                 {map[string]string{"REQUIRE": "none"}, []string{"-require", "latency"}, []string{"latency"}},
		"by a file":                 {map[string]string{"CONFIG": file(t, "require: latency\n")}, nil, []string{"latency"}},
		"an upgrade":                {map[string]string{"UPGRADE": "1", "TO": "1.31"}, nil, []string{"latency"}},
		"an upgrade, of its losses": {map[string]string{"UPGRADE": "1", "TO": "1.31", "REQUIRE": "none"}, nil, nil},
		"the full measurement":      {map[string]string{"LOAD": "full"}, nil, []string{"latency"}},
		"the full one, if it can":   {map[string]string{"LOAD": "full", "REQUIRE": "none"}, nil, nil},
		"an existing cluster":       {map[string]string{"LOAD": "full", "CLUSTER": "existing", "KUBECONFIG": "x"}, nil, []string{"latency"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			o, err := parse(t, c.environment, c.args...)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(o.Required()).To(gomega.Equal(c.want))
		})
	}
}
