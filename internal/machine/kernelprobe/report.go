package kernelprobe

import (
	"istio-conformance/internal/machine/kernelprobe/probes"
)

// Schema names the form of a Report in JSON. New fields may come; a field keeps
// its meaning.
const Schema = "istio-conformance-kernel/v1"

// Verdict sums a report up.
type Verdict string

// The verdicts: Inconclusive means that nothing in use is known to be broken, and
// that not all of it could be seen to work.
const (
	Pass         Verdict = "pass"
	Fail         Verdict = "fail"
	Inconclusive Verdict = "inconclusive"
)

// Status is what is said about one requirement or setting.
type Status string

// The statuses. Unused fails too, but nothing in use needs it; Blocked could not be
// judged because something that it needs failed; Warn works and will not always.
const (
	OK         Status = "ok"
	Failed     Status = "failed"
	Unused     Status = "unused"
	Blocked    Status = "blocked"
	CannotTell Status = "cannot tell"
	Warn       Status = "warning"
)

// Diagnosis says what a failure means.
type Diagnosis struct {
	// Cause says what is missing and what breaks, Message is what users see there,
	// Fix what to do, Link where to read more.
	Cause   string `json:"cause"`
	Message string `json:"message,omitempty"`
	Fix     string `json:"fix"`
	Link    string `json:"link"`
}

// Finding is what is known about one requirement or setting.
type Finding struct {
	Name    string `json:"name"`
	Status  Status `json:"status"`
	Purpose string `json:"purpose"`
	// Parts are those that break without it.
	Parts []Part `json:"parts"`
	IPv6  bool   `json:"ipv6,omitempty"`
	// Reason says in one line why the status is what it is.
	Reason string `json:"reason"`
	// State and Evidence say how the kernel has the module, before anything was
	// tried; empty for what is no module.
	State    State  `json:"state,omitempty"`
	Evidence string `json:"evidence,omitempty"`
	// AtBoot is the file of modules-load.d that names the module.
	AtBoot string `json:"atBoot,omitempty"`
	// Probes are the results that the status was drawn from, by name.
	Probes map[string]probes.Result `json:"probes,omitempty"`
	// Source says who asks for it.
	Source    string     `json:"source"`
	Diagnosis *Diagnosis `json:"diagnosis,omitempty"`
}

// PartVerdict says whether a part of Istio works on this kernel.
type PartVerdict struct {
	Part Part `json:"part"`
	// Used says that the machine shall carry it.
	Used    bool    `json:"used"`
	Verdict Verdict `json:"verdict"`
	// Because names the findings that speak against it.
	Because []string `json:"because,omitempty"`
}

// Report is what is known about the kernel of one machine.
type Report struct {
	Schema  string  `json:"schema"`
	Verdict Verdict `json:"verdict"`
	// Release is the kernel's, Uses what the machine shall carry.
	Release string `json:"release"`
	Uses    string `json:"uses"`
	// Obstacle says why nothing could be tried; empty when all could.
	Obstacle string `json:"obstacle,omitempty"`
	// Backend is the backend of iptables that Istio would choose; empty if unknown.
	Backend Backend `json:"backend,omitempty"`
	// Tools are the programs that were tried with.
	Tools []probes.Tool `json:"tools"`
	// IPv6 says that the machine speaks IPv6.
	IPv6 bool `json:"ipv6"`
	// AutoLoaded are the modules that the kernel loaded by itself for the probes.
	AutoLoaded []string      `json:"autoLoaded,omitempty"`
	Parts      []PartVerdict `json:"parts"`
	// Requirements are the findings about the table of requirements, Settings those
	// about sysctls and limits.
	Requirements []Finding `json:"requirements"`
	Settings     []Finding `json:"settings"`
	// Results are all probes, also those of the backend that is not in use.
	Results map[string]probes.Result `json:"results"`
}

// Finding returns the finding of that name among requirements and settings.
func (r *Report) Finding(name string) (*Finding, bool) {
	for _, list := range [][]Finding{r.Requirements, r.Settings} {
		for i := range list {
			if list[i].Name == name {
				return &list[i], true
			}
		}
	}
	return nil, false
}

// Failures returns the findings with status Failed.
func (r *Report) Failures() []Finding {
	var failed []Finding
	for _, list := range [][]Finding{r.Requirements, r.Settings} {
		for _, f := range list {
			if f.Status == Failed {
				failed = append(failed, f)
			}
		}
	}
	return failed
}

// conclude fills in the verdicts of the parts and of the whole.
func (r *Report) conclude(uses Uses) {
	for _, part := range AllParts() {
		v := PartVerdict{Part: part, Used: uses.has(part), Verdict: Pass}
		for _, list := range [][]Finding{r.Requirements, r.Settings} {
			for _, f := range list {
				v.weigh(&f, uses)
			}
		}
		r.Parts = append(r.Parts, v)
	}
	r.Verdict = Pass
	for _, v := range r.Parts {
		if v.Used && (v.Verdict == Fail || v.Verdict == Inconclusive && r.Verdict == Pass) {
			r.Verdict = v.Verdict
		}
	}
}

// weigh lets a finding change the verdict of a part.
func (v *PartVerdict) weigh(f *Finding, uses Uses) {
	concerned := false
	for _, p := range f.Parts {
		concerned = concerned || p == v.Part
	}
	if !concerned || f.IPv6 && !uses.IPv6 {
		return
	}
	switch f.Status {
	case Failed, Unused, Blocked:
		v.Verdict = Fail
	case CannotTell:
		if v.Verdict == Pass {
			v.Verdict = Inconclusive
		}
	default:
		return
	}
	v.Because = append(v.Because, f.Name)
}
