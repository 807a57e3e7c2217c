package report

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

// sample is a report that package record's tests write.
func sample(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("record/testdata/" + name + "-report.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestValidateFindsWhatIsWrong(t *testing.T) {
	good := sample(t, "red")
	if problems := Validate([]byte(good)); len(problems) > 0 {
		t.Fatalf("the report to start from is not valid: %v", problems)
	}
	for _, tt := range []struct{ name, old, changed, want string }{
		{"no JSON", "{", "", "report.json is no JSON"},
		{"more behind it", `"verdict"`, `"verdict": "fail"} {"x"`, "report.json is no JSON"},
		{"other schema", Schema, "istio-conformance/v2", `schema is "istio-conformance/v2", want`},
		{"unknown verdict", `"verdict": "fail"`, `"verdict": "failed"`, `verdict is "failed", want one of`},
		{"verdict against the content", `"verdict": "fail"`, `"verdict": "pass"`, `verdict is "pass", but the content stands for "fail"`},
		{"verdict in another case", `"verdict": "fail"`, `"Verdict": "fail"`, "verdict is missing"},
		{"error without a reason", `"verdict": "fail"`, `"verdict": "error"`, "without the field error that says why"},
		{"null array", `"load": []`, `"load": null`, "load is null"},
		{"missing array", `"load": []`, `"loads": []`, "load is missing"},
		{"missing field of a test", `"attempts": 2,`, ``, "tests[5].attempts is missing"},
		{"missing field of the environment", `"cpus": 2,`, ``, "environment.cpus is missing"},
		{"another type", `"nodes": 2`, `"nodes": "2"`, "does not fit the schema"},
		{"unknown source of images", `"modules"`, `"other"`, `environment.images is "other"`},
		{"unknown cgroup", `"cgroup": "v1"`, `"cgroup": ""`, `environment.cgroup is ""`},
		{"no version", `"istio": "1.31.0"`, `"istio": ""`, "environment.istio is empty"},
		{"no run id", `"run": "20261124-021800"`, `"run": ""`, "run is empty"},
		{"time runs backwards", `"finished": "2026`, `"finished": "2025`, "finished is before started"},
		{"unknown status", `"status": "skip"`, `"status": "skipped"`, `status is "skipped", want one of`},
		{"skip without a reason", `"reason": "needs ingress/timeout, which did not pass"`, `"reason": ""`, "skipped without a reason"},
		{"zero assertions", `"assertions": 3`, `"assertions": 0`, "passed without a single assertion"},
		{"duplicate", `"nat-redirect"`, `"module-xt-redirect"`, "kernel/module-xt-redirect: duplicated"},
		{"pass at a later attempt", `"status": "flaky"`, `"status": "pass"`, "passed at attempt 2, which is flaky"},
		{"flaky at the first attempt", `"attempts": 2`, `"attempts": 1`, "flaky at the first attempt"},
		{"no command to run it again", `"rerun": "make e2e RUN=ingress/timeout"`, `"rerun": ""`, "rerun is empty"},
		{"evidence elsewhere", `"evidence/ingress/timeout/events.yaml"`, `"../events.yaml"`, "does not lie below the report"},
		{"negative time", `"seconds": 161`, `"seconds": -1`, "phases[1] images: seconds is negative"},
		{"unknown verdict of a load", `"load": []`, `"load": [{"name":"x","verdict":"ok"}]`, `load[0] x: verdict is "ok"`},
		{"half a load", `"load": []`, `"load": [{"name":"x","verdict":"pass"}]`, "load[0].quantiles is missing"},
		{"unknown verdict of an upgrade", `"upgrade": []`, `"upgrade": [{"from":"1","to":"2","verdict":"error"}]`, `verdict is "error"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			g.Expect(good).To(gomega.ContainSubstring(tt.old), "the table is out of date")
			problems := Validate([]byte(strings.Replace(good, tt.old, tt.changed, 1)))
			g.Expect(errors.Join(problems...)).To(gomega.MatchError(gomega.ContainSubstring(tt.want)))
		})
	}
}

func TestValidateAllowsNewFields(t *testing.T) {
	content := strings.Replace(sample(t, "green"), `"verdict"`, `"weather": {"wind": null}, "verdict"`, 1)
	if problems := Validate([]byte(content)); len(problems) > 0 {
		t.Errorf("a new field is refused: %v", problems)
	}
}
