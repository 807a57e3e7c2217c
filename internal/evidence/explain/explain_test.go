package explain

import (
	"os"
	"testing"

	"github.com/onsi/gomega"
)

// follow asks about a configuration in testdata, which is cut down to what matters here.
func follow(t *testing.T, file string, r Request) *Answer {
	t.Helper()
	g := gomega.NewWithT(t)
	content, err := os.ReadFile("testdata/" + file)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	a, err := Follow(content, r)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	return a
}

func TestFollow(t *testing.T) {
	for name, c := range map[string]struct {
		file   string
		ask    Request
		served bool
		// says are parts of the answer.
		says []string
	}{
		"a route to a Service": {"gateway.json", Request{Host: "web.test", Path: "/x?y=1", Port: 80}, true,
			[]string{"http.80", "virtual-service shop/web", "outbound|80||cart.shop.svc.cluster.local", "destination-rule shop/cart", "10.0.0.9:8080", "sent to one of 1 endpoints"}},
		"a path that the more specific host has not": {"gateway.json", Request{Host: "app.wild.test", Path: "/api", Port: 80}, false,
			[]string{"by the domain app.wild.test", "none of its routes takes /api: 404"}},
		"a path of the wildcard":           {"gateway.json", Request{Host: "x.wild.test", Path: "/api", Port: 80}, true, []string{"by the domain *.wild.test", "answers 200 itself"}},
		"a host that nobody has":           {"gateway.json", Request{Host: "nobody.test", Port: 80}, false, []string{"404 (NR)"}},
		"a port that no listener has":      {"gateway.json", Request{Host: "web.test", Port: 8080}, false, []string{"no listener has port 8080 (it has 80, 443)"}},
		"a subset that is not defined":     {"gateway.json", Request{Host: "subset.test", Port: 80}, false, []string{"virtual-service shop/subset", "does not exist: 503 (NC)"}},
		"a Service without endpoints":      {"gateway.json", Request{Host: "idle.test", Port: 80}, false, []string{"no healthy endpoint (10.0.0.7:8080 UNHEALTHY): 503 (UH)"}},
		"a server name":                    {"gateway.json", Request{Host: "secure.test", Port: 443, TLS: true}, true, []string{"for the server names secure.test", "certificate kubernetes://secure", "answers 204 itself"}},
		"a server name that nobody serves": {"gateway.json", Request{Host: "web.test", Port: 443, TLS: true}, false, []string{"no filter chain of the listener takes TLS for the server name web.test"}},
		"a condition on a header":          {"gateway.json", Request{Host: "header.test", Port: 80}, false, []string{"one of these may: canary /"}},
		"a policy that allows nothing":     {"shut.json", Request{Host: "web.test", Port: 80}, false, []string{"PROXY protocol", "no policy allows anything: 403"}},
		"a sidecar":                        {"sidecar.json", Request{Host: "cart.shop:8000", Path: "/", Outbound: true}, true, []string{"10.0.0.9:8080"}},
		"a host that a sidecar may not":    {"sidecar.json", Request{Host: "example.test", Outbound: true}, false, []string{"BlackHoleCluster ends every connection"}},
		"a port that a sidecar has as TCP": {"sidecar.json", Request{Host: "db.shop:5432", Outbound: true}, false, []string{"no HTTP routes for port 5432"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			a := follow(t, c.file, c.ask)
			g.Expect(a.Served).To(gomega.Equal(c.served), a.String())
			for _, part := range c.says {
				g.Expect(a.String()).To(gomega.ContainSubstring(part))
			}
		})
	}
}

func TestFollowRefusesWhatIsNoConfigDump(t *testing.T) {
	_, err := Follow([]byte("<html>"), Request{Host: "a"})
	gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring("config dump")))
}
