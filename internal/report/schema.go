// Package report is the document of a run: its types, which define report.json, what
// they must hold to, and the verdict that they stand for.
package report

import (
	"fmt"
	"time"

	"istio-conformance/internal/report/wording"
)

// Schema names the contract of report.json. New fields may be added under the
// same name; a field keeps its meaning.
const Schema = "istio-conformance/v1"

// Report is the content of report.json. Arrays are never null.
type Report struct {
	Schema  string  `json:"schema"`
	Run     string  `json:"run"`
	Verdict Verdict `json:"verdict"`
	// Error says why the verdict is error, and is absent otherwise.
	Error       *RunError   `json:"error,omitempty"`
	Started     time.Time   `json:"started"`
	Finished    time.Time   `json:"finished"`
	Environment Environment `json:"environment"`
	Phases      []PhaseTime `json:"phases"`
	Tests       []Test      `json:"tests"`
	Load        []Load      `json:"load"`
	Upgrade     []Upgrade   `json:"upgrade"`
	// Trends are what make soak watched; absent in other runs.
	Trends []Trend `json:"trends,omitempty"`
	// Unjudged are the measurements of latency that decided nothing. A pass with some
	// says nothing about what they measure; absent where each came to a judgement.
	Unjudged []Unjudged `json:"unjudged,omitempty"`
	// Required names what must be judged, or the run is invalid: latency; absent where
	// nothing is required.
	Required []string `json:"required,omitempty"`
	Warnings []string `json:"warnings"`
	// Retries says how failed checks were tried again; absent when they were not.
	Retries *Retries `json:"retries,omitempty"`
}

// Retries is how often a failed check was tried again, and how many may be flaky
// before the run fails.
type Retries struct {
	PerCheck    int `json:"perCheck"`
	FlakeBudget int `json:"flakeBudget"`
}

// OverBudget says that more checks were flaky than is allowed, or returns "".
func (r *Report) OverBudget() string {
	if r.Retries == nil {
		return ""
	}
	if n := Count(r.Tests).Flaky; n > r.Retries.FlakeBudget {
		return fmt.Sprintf("%s flaky, more than the budget of %d", wording.Plural(n, "check"), r.Retries.FlakeBudget)
	}
	return ""
}

// RunError is why a run could not come to a verdict about the system under test.
type RunError struct {
	// Phase is the phase that failed, or "suites" when the checks did not run as planned.
	Phase   string `json:"phase"`
	Message string `json:"message"`
}

// Environment is what the run was made with and on.
type Environment struct {
	// Helm is the version of the library that installed Istio, e.g. "3.21.4"; absent where
	// the run installed nothing, and in reports of older versions of the harness.
	Helm string `json:"helm,omitempty"`
	// Istio is the version without a leading v, e.g. "1.31.0".
	Istio string `json:"istio"`
	// Kubernetes is the server's version, e.g. "v1.36.3".
	Kubernetes string `json:"kubernetes"`
	// KubernetesAsked is the version that was asked for, or chosen by default, where
	// the server is of another one; absent where it is the same.
	KubernetesAsked string `json:"kubernetesAsked,omitempty"`
	// Support is what Istio's project says of the two; absent where it was not judged.
	Support *Support `json:"support,omitempty"`
	// Images is the source of images and charts: modules, release or archive.
	Images string `json:"images"`
	// Profile is how Istio is installed: default, cni or ambient; empty in reports of
	// older versions of the harness.
	Profile string `json:"profile,omitempty"`
	Nodes   int    `json:"nodes"`
	// Kernel is the release of the nodes' kernel, e.g. "6.18.44".
	Kernel string `json:"kernel"`
	// Cgroup is v1 or v2.
	Cgroup string `json:"cgroup"`
	Proxy  Proxy  `json:"proxy"`
	CPUs   int    `json:"cpus"`
	// Digests are the images used: reference -> <repository>@<digest> of what was pulled,
	// the engine's image id of what was built or loaded.
	Digests map[string]string `json:"digests"`
	// Notes are what a reader must know to judge the run, e.g. replaced modules.
	Notes []string `json:"notes,omitempty"`
}

// Proxy is the Envoy that carries the traffic.
type Proxy struct {
	Version    string   `json:"version"`
	Extensions []string `json:"extensions"`
}

// PhaseTime is one finished step of the set-up or the clean-up.
type PhaseTime struct {
	Name string `json:"name"`
	// Started is absent where only the duration is known.
	Started time.Time `json:"started,omitzero"`
	Seconds float64   `json:"seconds"`
	// Error is why the phase failed; absent when it did not.
	Error string `json:"error,omitempty"`
	// Steps are what a failed phase did, in order; absent when it did not fail.
	Steps []string `json:"steps,omitempty"`
}

// Status is the outcome of one test.
type Status string

// The outcomes of a test.
const (
	Pass Status = "pass"
	Fail Status = "fail"
	// Skip always comes with a reason.
	Skip Status = "skip"
	// Flaky is a test that passed only at a later attempt.
	Flaky Status = "flaky"
)

// Test is the outcome of one check.
type Test struct {
	Suite string `json:"suite"`
	Name  string `json:"name"`
	// Description is the behaviour that the test proves, in one sentence.
	Description string            `json:"description"`
	Labels      map[string]string `json:"labels,omitempty"`
	Status      Status            `json:"status"`
	// Reason is why the test was skipped, or what else the status needs to be understood.
	Reason string `json:"reason"`
	// Unmeasured says that the test was skipped because what it measured decided nothing.
	Unmeasured bool      `json:"unmeasured,omitempty"`
	Started    time.Time `json:"started"`
	Seconds    float64   `json:"seconds"`
	Attempts   int       `json:"attempts"`
	// Assertions is how many assertions ran; a test that passed has at least one.
	Assertions int `json:"assertions"`
	// Failures are the messages of the assertions that did not hold.
	Failures []string `json:"failures"`
	// Observed is what the test saw, also when it passed.
	Observed  []string  `json:"observed,omitempty"`
	Diagnosis Diagnosis `json:"diagnosis"`
	// Rerun is the command that runs this test again.
	Rerun string `json:"rerun"`
	// Evidence are files and directories, relative to the report's own directory.
	Evidence []string `json:"evidence"`
}

// Diagnosis explains a failure; its fields are empty where nothing is known.
type Diagnosis struct {
	Cause string `json:"cause"`
	Fix   string `json:"fix"`
	Link  string `json:"link"`
	// Symptoms are what the catalogue of symptoms found in the evidence, the most
	// likely cause first; absent where nothing was found or asked.
	Symptoms []Symptom `json:"symptoms,omitempty"`
	// Looked says what was looked at; absent where the catalogue was not asked.
	Looked []string `json:"looked,omitempty"`
}

// Symptom is an entry of the catalogue of symptoms that the evidence shows.
type Symptom struct {
	// Name is the entry's in fixtures/symptoms.yaml.
	Name string `json:"name"`
	// Severity is fault or notice.
	Severity string `json:"severity"`
	// Rank is 1 for what explains best; symptoms of the same rank compete.
	Rank int `json:"rank"`
	// Specificity is how many conditions had to hold.
	Specificity int `json:"specificity"`
	// Related says that it may be the cause: it concerns the whole mesh, or an object
	// that the failure names.
	Related bool `json:"related"`
	// Follows names the symptom that explains this one; absent for a cause.
	Follows string `json:"follows,omitempty"`
	Cause   string `json:"cause"`
	Fix     string `json:"fix"`
	Link    string `json:"link"`
	// Objects are what it was found in, Evidence are the lines that show it, each
	// behind the file that has it.
	Objects  []string `json:"objects"`
	Evidence []string `json:"evidence"`
}

// ID returns the name that RUN= takes: suite/name.
func (t Test) ID() string { return t.Suite + "/" + t.Name }
