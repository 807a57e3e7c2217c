package diagnose

import (
	"testing"
	"testing/fstest"

	"github.com/onsi/gomega"

	"istio-conformance/internal/evidence/diagnose/sample"
	"istio-conformance/internal/process/exitcode"
)

// mustParse reads a catalogue that is right.
func mustParse(t *testing.T, symptoms string) *Catalogue {
	t.Helper()
	c, err := parse([]byte("symptoms:\n" + symptoms))
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	return c
}

// entry is a symptom in YAML: name, what it matches, and what else it says.
func entry(name, match, more string) string {
	return "- {name: " + name + ", title: t, cause: c, fix: f, link: https://example.com, match: [" + match + "]" + more + "}\n"
}

func observed(records ...Record) *Observations {
	o := &Observations{records: map[string][]Record{}}
	for _, r := range records {
		o.records[r.Source] = append(o.records[r.Source], r)
	}
	return o
}

func pod(name, ready string) Record {
	return Record{Source: "pod", Fields: map[string]string{"pod": name, "ns": "shop", "ready": ready, "phase": "Running"}, File: "pods.yaml", Text: name}
}

func container(name, reason string) Record {
	return Record{Source: "container", Fields: map[string]string{"pod": name, "ns": "shop", "reason": reason}, File: "pods.yaml", Text: name + " " + reason}
}

func TestParseRefuses(t *testing.T) {
	cases := []struct{ name, symptoms, message string }{
		{"two of one name", entry("a", "{pod: {}}", "") + entry("a", "{pod: {}}", ""), "only once"},
		{"a name that is not kebab-case", entry("A_b", "{pod: {}}", ""), "kebab"},
		{"no clause", entry("a", "", ""), "always be there"},
		{"a source that nobody has", entry("a", "{pods: {}}", ""), "unknown"},
		{"a field that the source has not", entry("a", "{pod: {colour: red}}", ""), "no field"},
		{"a broken pattern", entry("a", "{pod: {ready: \"(\"}}", ""), "missing closing"},
		{"a severity of its own", entry("a", "{pod: {}}", ", severity: bad"), "fault or notice"},
		{"a symptom that explains nobody known", entry("a", "{pod: {}}", ", explains: [b]"), "no other symptom"},
		{"symptoms that explain each other", entry("a", "{pod: {}}", ", explains: [b]") + entry("b", "{pod: {}}", ", explains: [a]"), "explain each other"},
		{"a placeholder that nothing gives", "- {name: a, title: t, cause: \"{release}\", fix: f, link: https://e.com, match: [{pod: {}}]}\n", "stands for nothing"},
		{"a join of what nobody has", entry("a", "{pod: {}}", ", join: [release]"), "join"},
		{"a link that is none", "- {name: a, title: t, cause: c, fix: f, link: none, match: [{pod: {}}]}\n", "https"},
		{"a field that the schema has not", entry("a", "{pod: {}}", ", colour: red"), "unknown field"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse([]byte("symptoms:\n" + c.symptoms))
			gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.message)))
		})
	}
}

func TestClausesMustAgreeInWhatIsJoined(t *testing.T) {
	g := gomega.NewWithT(t)
	o := observed(pod("shop/a", "false"), pod("shop/b", "true"), container("shop/b", "Error"))
	joined := mustParse(t, entry("x", `{pod: {ready: "false"}}, {container: {reason: Error}}`, ", join: [pod]"))
	g.Expect(joined.Find(o)).To(gomega.BeEmpty(), "the one that is not ready is not the one with the error")
	loose := mustParse(t, entry("x", `{pod: {ready: "false"}}, {container: {reason: Error}}`, ""))
	g.Expect(loose.Find(o)).To(gomega.HaveLen(1))
}

func TestNoneSpeaksAgainstASymptomWhereItIsBound(t *testing.T) {
	g := gomega.NewWithT(t)
	c := mustParse(t, entry("x", `{pod: {ready: "false"}}`, `, join: [pod], none: [{container: {reason: OOMKilled}}]`))
	found := c.Find(observed(pod("shop/a", "false"), pod("shop/b", "false"), container("shop/a", "OOMKilled")))
	g.Expect(found).To(gomega.HaveLen(1))
	g.Expect(found[0].Objects()).To(gomega.Equal([]string{"shop/b"}))
}

func TestFindingsAreRanked(t *testing.T) {
	g := gomega.NewWithT(t)
	c := mustParse(t, entry("effect", `{pod: {ready: "false", phase: Running}}`, "")+
		entry("cause", `{container: {reason: Error}}`, ", explains: [effect]")+
		entry("precise", `{pod: {ready: "false", phase: Running, ns: shop}}`, "")+
		entry("notice", `{pod: {ready: "false", phase: Running, ns: shop, pod: .*}}`, ", severity: notice"))
	found := c.Find(observed(pod("shop/a", "false"), container("shop/a", "Error")))
	var names []string
	for _, f := range found {
		names = append(names, f.Symptom.Name)
	}
	g.Expect(names).To(gomega.Equal([]string{"precise", "cause", "notice", "effect"}), "the more specific first, notices behind faults, what follows last")
	g.Expect(found[3].Follows).To(gomega.Equal("cause"))
	g.Expect(found[0].Rank).To(gomega.Equal(1))
	g.Expect(found[1].Rank).To(gomega.Equal(2))
}

func TestASymptomOfOneObjectExplainsNothingOfAnother(t *testing.T) {
	g := gomega.NewWithT(t)
	c := mustParse(t, entry("effect", `{pod: {ready: "false"}}`, "")+entry("cause", `{container: {reason: Error}}`, ", explains: [effect]"))
	for _, f := range c.Find(observed(pod("shop/a", "false"), container("shop/b", "Error"))) {
		g.Expect(f.Follows).To(gomega.BeEmpty())
	}
}

func TestSymptomsOfTheSameRankCompete(t *testing.T) {
	g := gomega.NewWithT(t)
	c := mustParse(t, entry("one", `{pod: {ready: "false"}}`, ", scope: mesh")+entry("two", `{pod: {phase: Running}}`, ", scope: mesh"))
	d := &Diagnosis{Findings: c.Find(observed(pod("shop/a", "false")))}
	g.Expect(d.Findings).To(gomega.HaveEach(gomega.HaveField("Rank", 1)))
	g.Expect(d.String()).To(gomega.ContainSubstring("one of several of this rank"))
}

func TestWhatFitsNothingIsUnknownAndSaysWhatWasLookedAt(t *testing.T) {
	g := gomega.NewWithT(t)
	c, err := Load()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	folder, err := (&sample.Sample{Files: map[string]string{"cluster/nodes.yaml": "items: [{metadata: {name: n}}]"}}).FS()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	d, err := c.Diagnose(folder)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(d.Findings).To(gomega.BeEmpty())
	g.Expect(d.String()).To(gomega.And(gomega.ContainSubstring("unknown"), gomega.ContainSubstring("1 nodes")))
	g.Expect(d.Err()).NotTo(gomega.HaveOccurred())
}

func TestNotBeingAbleToLookIsNoHealth(t *testing.T) {
	g := gomega.NewWithT(t)
	d := &Diagnosis{Missing: []string{"namespaces/shop/pods.yaml: pods is forbidden"}}
	g.Expect(exitcode.Of(d.Err())).To(gomega.Equal(exitcode.Invalid))
	g.Expect(d.Report().Verdict).To(gomega.Equal(VerdictUnknown))
	d = &Diagnosis{Missing: []string{"nodes: nodes that are not ours are not entered"}}
	g.Expect(d.Err()).NotTo(gomega.HaveOccurred(), "what only helps may be missing")
}

func TestTheExitStatusFollowsTheSeverity(t *testing.T) {
	g := gomega.NewWithT(t)
	of := func(s Severity) error {
		return (&Diagnosis{Findings: []Finding{{Symptom: Symptom{Severity: s}, Instances: []Instance{{}}}}}).Err()
	}
	g.Expect(exitcode.Of(of(Fault))).To(gomega.Equal(exitcode.Fail))
	g.Expect(of(Notice)).NotTo(gomega.HaveOccurred())
}

func TestObserveRefusesWhatIsNoEvidence(t *testing.T) {
	_, err := Observe(fstest.MapFS{"pods.yaml": {Data: []byte("items: []")}})
	gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring("no folder of evidence")))
}
