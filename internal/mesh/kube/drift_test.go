package kube

import (
	"testing"

	"github.com/onsi/gomega"
	"sigs.k8s.io/yaml"
)

func TestDrift(t *testing.T) {
	cases := []struct {
		name, want, got string
		paths           []string
	}{
		{name: "the same", want: "a: 1", got: "a: 1"},
		{name: "defaults of the API server", want: "spec: {a: 1}", got: "spec: {a: 1, b: 2}\nstatus: {}"},
		{name: "a value", want: "spec: {a: 1}", got: "spec: {a: 2}", paths: []string{"spec.a"}},
		{name: "a field that is gone", want: "spec: {a: {b: x}}", got: "spec: {}", paths: []string{"spec.a"}},
		{name: "what is empty is left out", want: "a: {}\nb: []\nc: \"\"\nd: false\ne: null\nf: {g: {}}", got: "{}"},
		{name: "a default instead of zero", want: "seconds: 0", got: "seconds: 30", paths: []string{"seconds"}},
		{name: "another type", want: "a: {b: 1}", got: "a: [1]", paths: []string{"a"}},
		{
			name: "an item that somebody else added", want: "env: [{name: A, value: x}]", got: "env: [{name: B, value: y}, {name: A, value: x}]",
		},
		{
			name: "an item that is gone", want: "env: [{name: A, value: x}, {name: B, value: y}]", got: "env: [{name: A, value: x}]", paths: []string{"env[B]"},
		},
		{
			name: "an item's value", want: "env: [{name: A, value: x}]", got: "env: [{name: A, value: y}]", paths: []string{"env[A].value"},
		},
		{name: "a list of words", want: "args: [a, b]", got: "args: [a, c]", paths: []string{"args[1]"}},
		{name: "a longer list of words", want: "args: [a]", got: "args: [a, b]", paths: []string{"args"}},
		{name: "rules without a name", want: "rules: [{verbs: [get]}]", got: "rules: [{verbs: [get, list]}]", paths: []string{"rules[0].verbs"}},
		{name: "one port by number", want: "ports: [{port: 80, protocol: TCP}]", got: "ports: [{port: 80, protocol: TCP, nodePort: 30080}]"},
		{
			name: "a quantity's notation", want: "resources: {limits: {cpu: 2000m, memory: 1024Mi}}", got: "resources: {limits: {cpu: \"2\", memory: 1Gi}}",
		},
		{
			name: "another quantity", want: "resources: {limits: {cpu: 2000m}}", got: "resources: {limits: {cpu: \"3\"}}", paths: []string{"resources.limits.cpu"},
		},
		{name: "no quantity", want: "env: [{name: A, value: 1000m}]", got: "env: [{name: A, value: \"1\"}]", paths: []string{"env[A].value"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			var want, got map[string]any
			g.Expect(yaml.Unmarshal([]byte(c.want), &want)).To(gomega.Succeed())
			g.Expect(yaml.Unmarshal([]byte(c.got), &got)).To(gomega.Succeed())
			var paths []string
			for _, d := range Drift(want, got) {
				paths = append(paths, d.Path)
			}
			g.Expect(paths).To(gomega.Equal(c.paths))
		})
	}
}

func TestDifferenceIsOneShortLine(t *testing.T) {
	g := gomega.NewWithT(t)
	g.Expect(Difference{Path: "spec.replicas", Want: int64(1), Got: nil}.String()).To(gomega.Equal("spec.replicas: want 1, got nothing"))
	g.Expect(len(Difference{Path: "data", Want: string(make([]byte, 4096))}.String())).To(gomega.BeNumerically("<", 700))
}
