package rehearsal

import (
	"testing"

	"github.com/onsi/gomega"
)

func TestWhoElseSawARequest(t *testing.T) {
	web, copied := seen{"1", "shop/web", "GET", "a", "/x"}, seen{"1", "shop/stock", "GET", "a-shadow", "/x"}
	body := `{"version":"shop/web","host":"a"}`
	g := gomega.NewWithT(t)
	g.Expect(besides(body, []seen{web})).To(gomega.BeEmpty())
	g.Expect(besides(body, []seen{copied, web})).To(gomega.Equal([]string{"shop/stock as GET a-shadow/x"}))
	g.Expect(besides(body, []seen{web, {"1", "shop/web", "GET", "a-shadow", "/x"}})).To(gomega.Equal([]string{"shop/web as GET a-shadow/x"}), "a mirror of its own")
	g.Expect(besides("fault filter abort", []seen{copied})).To(gomega.HaveLen(1))
}
