package options

import (
	"testing"

	"github.com/onsi/gomega"
)

func TestARunIsRepeatedWithWhatItTested(t *testing.T) {
	for name, c := range map[string]struct {
		environment map[string]string
		args        []string
		want        []string
	}{
		"the defaults":             {},
		"what only says how":       {map[string]string{"RUN": "ingress", "RETRY": "1", "PARALLEL": "2", "OUT": "x"}, nil, nil},
		"a default, given":         {map[string]string{"PROFILE": "default", "NAME": "istio-conformance"}, nil, nil},
		"variables":                {map[string]string{"ISTIO": "1.30", "KUBERNETES": "1.35", "FORCE": "1"}, nil, []string{"ISTIO=1.30", "KUBERNETES=1.35", "FORCE=1"}},
		"a flag":                   {map[string]string{"ISTIO": "1.30"}, []string{"-istio", "1.31"}, []string{"ISTIO=1.31"}},
		"an upgrade":               {map[string]string{"UPGRADE": "1", "TO": "1.31", "RATE": "60", "REPEAT": "20"}, nil, []string{"TO=1.31", "RATE=60"}},
		"what a shell would split": {map[string]string{"KIND_CONFIG": "my kind's.yaml"}, nil, []string{`KIND_CONFIG='my kind'\''s.yaml'`}},
		"what make would expand":   {map[string]string{"KIND_CONFIG": "a$b"}, nil, []string{`KIND_CONFIG='a$$b'`}},
		"what must be judged":      {map[string]string{"REQUIRE": "latency"}, nil, []string{"REQUIRE=latency"}},
		"what need not be judged":  {map[string]string{"UPGRADE": "1", "TO": "1.31", "REQUIRE": "none"}, nil, []string{"TO=1.31", "REQUIRE=none"}},
		"what make load implies":   {map[string]string{"LOAD": "full"}, nil, nil},
		"times":                    {map[string]string{"TIMEOUT": "nodes=7m"}, nil, []string{"TIMEOUT=nodes=7m0s"}},
		"a kept cluster":           {map[string]string{"KEEP": "1", "NAME": "mine"}, nil, []string{"NAME=mine", "INSTALL=skip"}},
		"a kept cluster, as it is": {map[string]string{"KEEP": "1", "INSTALL": "skip"}, nil, []string{"INSTALL=skip"}},
		"kept mutations":           {map[string]string{"KEEP": "1", "MUTATE": "1"}, nil, nil},
		"an existing cluster":      {map[string]string{"CLUSTER": "existing", "KUBECONFIG": "/k"}, nil, []string{"CLUSTER=existing", "KUBECONFIG=/k"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			o, err := parse(t, c.environment, c.args...)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(o.Again()).To(gomega.Equal(c.want))
		})
	}
}

func TestARunIsRepeatedWithWhatItsFileChose(t *testing.T) {
	g := gomega.NewWithT(t)
	o, err := parse(t, map[string]string{"CONFIG": file(t, "istio: \"1.30\"\nforce: true\nkeep: true\n")})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(o.Again()).To(gomega.Equal([]string{"ISTIO=1.30", "FORCE=1", "INSTALL=skip"}))
}
