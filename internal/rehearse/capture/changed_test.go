package capture

import (
	"testing"

	"github.com/onsi/gomega"
)

func TestTheFieldsThatDiffer(t *testing.T) {
	before := map[string]any{"spec": map[string]any{"host": "a", "http": []any{map[string]any{"timeout": "1s"}, "x"}}}
	after := map[string]any{"spec": map[string]any{"host": "b", "http": []any{map[string]any{"timeout": "2s", "name": "n"}}}}
	g := gomega.NewWithT(t)
	g.Expect(Differs(before, after)).To(gomega.Equal([][]string{
		{"spec", "host"}, {"spec", "http", "0", "name"}, {"spec", "http", "0", "timeout"}, {"spec", "http", "1"},
	}))
	g.Expect(Differs(before, before)).To(gomega.BeEmpty())
}
