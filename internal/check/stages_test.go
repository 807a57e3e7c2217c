package check

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/onsi/gomega"
)

func TestStages(t *testing.T) {
	gate := func(name string) Check { return Check{Name: name, Gate: true} }
	parallel := func(name string) Check { return Check{Name: name, Parallel: true} }
	long := func(name string) Check { return Check{Name: name, Parallel: true, Long: true} }
	serial := func(name string) Check { return Check{Name: name} }
	cases := []struct {
		name   string
		checks []Check
		want   []string
	}{
		{"nothing", nil, nil},
		{"one by one", []Check{serial("a"), serial("b")}, []string{"a", "b"}},
		{"together first", []Check{serial("a"), parallel("b"), serial("c"), parallel("d")}, []string{"b+d", "a", "c"}},
		{"the long ones first", []Check{parallel("a"), long("b"), gate("g"), parallel("c"), long("d")}, []string{"b+a", "g", "d+c"}},
		{"gates part them", []Check{parallel("a"), gate("g"), parallel("b"), parallel("c"), gate("h"), serial("d")}, []string{"a", "g", "b+c", "h", "d"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			var got []string
			for _, stage := range stages(c.checks) {
				var names []string
				for _, c := range stage {
					names = append(names, c.Name)
				}
				got = append(got, strings.Join(names, "+"))
			}
			g.Expect(got).To(gomega.Equal(c.want))
		})
	}
}

// Two checks that wait for each other end only when they run at the same time.
func TestParallelChecksRunAtTheSameTime(t *testing.T) {
	g := gomega.NewWithT(t)
	met := make(chan struct{})
	meet := func(name string, act func(ctx context.Context, t *T)) Check {
		return Check{Name: name, Parallel: true, Run: act}
	}
	tests := playWith(t.Context(), t, 2,
		meet("one", func(ctx context.Context, t *T) {
			select {
			case met <- struct{}{}:
			case <-ctx.Done():
			}
			t.Expect(ctx.Err()).NotTo(gomega.HaveOccurred())
		}),
		meet("two", func(ctx context.Context, t *T) {
			select {
			case <-met:
			case <-ctx.Done():
			}
			t.Expect(ctx.Err()).NotTo(gomega.HaveOccurred())
		}))
	g.Expect(tests).To(gomega.HaveLen(2))
	g.Expect(tests).To(gomega.HaveEach(gomega.HaveField("Status", gomega.BeEquivalentTo("pass"))))
}

func TestParallelChecksAreBounded(t *testing.T) {
	g := gomega.NewWithT(t)
	var running, most atomic.Int32
	var checks []Check
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		checks = append(checks, Check{Name: name, Parallel: true, Run: func(_ context.Context, t *T) {
			now := running.Add(1)
			defer running.Add(-1)
			for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
			}
			t.Expect(now).To(gomega.BeNumerically("<=", 2))
		}})
	}
	tests := playWith(t.Context(), t, 2, checks...)
	g.Expect(tests).To(gomega.HaveLen(6))
	g.Expect(most.Load()).To(gomega.BeNumerically("<=", 2))
}
