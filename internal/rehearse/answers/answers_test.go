package answers

import (
	"net/http"
	"testing"

	"github.com/onsi/gomega"
)

func outcome(status int, body string, ms int64) *Outcome {
	return &Outcome{Status: status, Body: body, Milliseconds: ms, Headers: http.Header{"Date": {"now"}, "Server": {"istio-envoy"}}}
}

func standIn(version, attempt string) string {
	return `{"pod":"p-1","version":"` + version + `","attempt":` + attempt + `,"path":"/x","headers":{"X-Request-Id":["1"],"X-Forwarded-Client-Cert":["By=a;Hash=1;URI=spiffe://cluster.local/ns/shop/sa/web"]}}`
}

func answersOf(all ...*Outcome) *Answers {
	a := New()
	for _, o := range all {
		a.Add(o)
	}
	return a
}

func TestWhatDiffers(t *testing.T) {
	web := func(ms int64) *Outcome { return outcome(200, standIn("shop/web", "1"), ms) }
	for _, tt := range []struct {
		name          string
		before, after *Answers
		want          []Difference
	}{
		{"nothing", answersOf(web(3), web(90)), answersOf(web(500)), nil},
		{"who answers", answersOf(web(3)), answersOf(outcome(200, standIn("shop/new", "1"), 3)), []Difference{{"answered by", "shop/web", "shop/new"}}},
		{"the status", answersOf(web(3)), answersOf(outcome(404, "", 3)), []Difference{{"status", "200", "404"}}},
		{"attempts", answersOf(web(3)), answersOf(outcome(200, standIn("shop/web", "3"), 3)), []Difference{{"attempts", "1", "3"}}},
		{"one of several", answersOf(web(3), web(3)), answersOf(web(3), web(3), outcome(503, "", 3)), []Difference{{"status", "200", "503"}}},
		{"none at all", answersOf(web(3)), answersOf(&Outcome{Error: "dial tcp 10.1.1.1:80: connect: connection refused"}), []Difference{{"status", "200", "none: connection refused"}}},
		{"the time of a time-out", answersOf(outcome(504, "", 2004)), answersOf(outcome(504, "", 1003)), []Difference{{"time", "2.0 s", "1.0 s"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gomega.NewWithT(t).Expect(Compare(tt.before, tt.after, false)).To(gomega.Equal(tt.want))
		})
	}
}

func TestChanceIsComparedAsCounts(t *testing.T) {
	g := gomega.NewWithT(t)
	shares := func(v1, v2 int) *Answers {
		a := New()
		for range v1 {
			a.Add(outcome(200, standIn("shop/v1", "1"), 3))
		}
		for range v2 {
			a.Add(outcome(200, standIn("shop/v2", "1"), 3))
		}
		return a
	}
	g.Expect(Compare(shares(108, 12), shares(104, 16), true)).To(gomega.BeEmpty())
	g.Expect(Compare(shares(108, 12), shares(120, 0), true)).To(gomega.BeEmpty(), "so little cannot be told apart")
	g.Expect(Compare(shares(108, 12), shares(50, 70), true)).To(gomega.Equal([]Difference{{"answered by", "shop/v1 108 of 120, shop/v2 12 of 120", "shop/v1 50 of 120, shop/v2 70 of 120"}}))
}

func TestAnAnswerIsStableAlthoughIdsAndTimesDiffer(t *testing.T) {
	a := answersOf(outcome(200, standIn("shop/web", "1"), 1), outcome(200, standIn("shop/web", "1"), 2))
	g := gomega.NewWithT(t)
	g.Expect(a.Stable()).To(gomega.BeTrue())
	g.Expect(a.Usual()).To(gomega.Equal(Answer{
		"status": "200", "answered by": "shop/web", "path": "/x", "host": "", "method": "", "attempts": "1",
		"mutual TLS": "of spiffe://cluster.local/ns/shop/sa/web", "answer's header server": "istio-envoy",
	}))
	g.Expect(a.String()).To(gomega.Equal("status 200 by shop/web"))
	g.Expect(answersOf(outcome(200, "x", 1), outcome(503, "y", 1)).String()).To(gomega.Equal("1 of 2 status 200 by a proxy; 1 of 2 status 503 by a proxy"))
}

func TestAnswersOfEachProtocol(t *testing.T) {
	for name, c := range map[string]struct {
		outcome *Outcome
		want    string
	}{
		"gRPC":                      {&Outcome{Status: 200, Body: standIn("shop/bank", "1"), Headers: http.Header{"Grpc-Status": {"0"}}}, "status gRPC 0 by shop/bank"},
		"gRPC that fails on order":  {&Outcome{Status: 200, Headers: http.Header{"Grpc-Status": {"14"}, "Grpc-Message": {"as ordered, attempt 3"}}}, "status gRPC 14 by a stand-in"},
		"gRPC that a proxy refuses": {&Outcome{Status: 200, Headers: http.Header{"Grpc-Status": {"7"}, "Grpc-Message": {"RBAC: access denied"}}}, "status gRPC 7 by a proxy"},
		"bytes":                     {&Outcome{Body: standIn("shop/bank", "0")}, "status bytes came back by shop/bank"},
		"an end":                    {&Outcome{Error: "EOF"}, "status none: closed without an answer"},
		"a reset is the same":       {&Outcome{Error: "read tcp 10.1.1.1:4: connection reset by peer"}, "status none: closed without an answer"},
	} {
		if got := Of(c.outcome).String(); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
	at := func(port string) *Answers {
		return answersOf(&Outcome{Status: 200, Body: `{"version":"shop/web","port":` + port + `}`})
	}
	gomega.NewWithT(t).Expect(Compare(at("9081"), at("9089"), false)).To(gomega.Equal([]Difference{{"port of the pod", "9081", "9089"}}))
	web := func(others ...string) *Answers {
		return answersOf(&Outcome{Status: 200, Body: standIn("shop/web", "1"), Marked: true, Others: others})
	}
	g := gomega.NewWithT(t)
	g.Expect(Compare(web("shop/stock as GET stock-shadow/"), web(), false)).To(gomega.Equal([]Difference{{"mirrored to", "shop/stock as GET stock-shadow/", "nobody"}}))
}
