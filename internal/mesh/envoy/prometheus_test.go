package envoy

import "testing"

const page = `# TYPE envoy_cluster_upstream_rq counter
envoy_cluster_upstream_rq{response_code="200",cluster_name="outbound|80||a.ns.svc.cluster.local;"} 20
envoy_cluster_upstream_rq{response_code="503",cluster_name="outbound|80||a.ns.svc.cluster.local;"} 5
envoy_cluster_upstream_rq{response_code="200",cluster_name="outbound|80||b.ns.svc.cluster.local;"} 7
envoy_cluster_upstream_rq_total{cluster_name="outbound|80||a.ns.svc.cluster.local;"} 25
plain 1.5e+03
quoted{text="a \"b\", c"} 1 1700000000000
`

func TestSamplesAndSum(t *testing.T) {
	cases := []struct {
		name   string
		labels map[string]string
		sum    float64
	}{
		{"envoy_cluster_upstream_rq", map[string]string{"cluster_name": "outbound|80||a.ns.svc.cluster.local"}, 25},
		{"envoy_cluster_upstream_rq", map[string]string{"cluster_name": "outbound|80||a.ns.svc.cluster.local", "response_code": "503"}, 5},
		{"envoy_cluster_upstream_rq", nil, 32},
		{"envoy_cluster_upstream_rq", map[string]string{"cluster_name": "c"}, 0},
		{"plain", nil, 1500},
		{"quoted", map[string]string{"text": `a "b", c`}, 1},
		{"absent", nil, 0},
	}
	for _, c := range cases {
		samples, err := Samples(page, c.name)
		if err != nil {
			t.Fatal(err)
		}
		if sum := Sum(samples, c.labels); sum != c.sum {
			t.Errorf("%s%v: %v, want %v", c.name, c.labels, sum, c.sum)
		}
	}
	if _, err := Samples("bad line", "bad"); err == nil {
		t.Error("a line that is no sample is no error")
	}
}
