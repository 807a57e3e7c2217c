package kernelprobe

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"istio-conformance/internal/machine/kernelprobe/probes"
)

// observation is all that a judge knows about a machine.
type observation struct {
	facts    Facts
	tools    map[string]probes.Tool
	results  map[string]probes.Result
	obstacle string
}

// judge compares an observation with a table of requirements.
type judge struct {
	observation
	uses              Uses
	backend, backend6 Backend
	table             map[string]*Requirement
	found             map[string]*Finding
}

// judgeAll returns a finding for each requirement, and the backend that Istio would
// choose. What works outranks every list: a module that no source mentions is no
// failure when its function is there.
func judgeAll(table []Requirement, o observation, uses Uses) ([]Finding, Backend) {
	j := &judge{observation: o, uses: uses, found: map[string]*Finding{}, table: map[string]*Requirement{}}
	for i := range table {
		j.table[table[i].Name] = &table[i]
	}
	present := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool {
			r := j.table[name]
			if r == nil {
				return true
			}
			state, _ := j.facts.State(r)
			return !state.Present()
		})
	}
	j.backend, j.backend6 = j.chooseBackend("", present), j.chooseBackend("6", present)
	findings := make([]Finding, len(table))
	for i := range table {
		findings[i] = *j.judge(&table[i])
	}
	return findings, j.backend
}

// judge returns the finding about a requirement, what it needs first.
func (j *judge) judge(r *Requirement) *Finding {
	if f := j.found[r.Name]; f != nil {
		return f
	}
	f := &Finding{Name: r.Name, Purpose: r.Purpose, Parts: j.parts(r), IPv6: r.IPv6, Source: r.Source}
	j.found[r.Name] = f
	f.State, f.Evidence = j.facts.State(r)
	for _, name := range r.names() {
		if file := j.facts.AtBoot[name]; file != "" {
			f.AtBoot = file
		}
	}
	status, message := j.try(r, f)
	if status == probes.Works {
		f.Status, f.Reason = OK, message
		return f
	}
	for _, name := range r.Needs {
		need := j.judge(j.table[name])
		if need.Status == Failed || need.Status == Blocked || need.Status == Unused && need.Diagnosis != nil && !j.inUse(r) {
			f.Status, f.Reason = Blocked, fmt.Sprintf("needs %s, which is missing: %s", name, message)
			return f
		}
	}
	j.blame(r, f, status, message)
	if f.Status == Failed || f.Status == Unused {
		f.Diagnosis = j.diagnose(r, f)
	}
	return f
}

// blame says what it means that a requirement was not seen to work.
func (j *judge) blame(r *Requirement, f *Finding, status probes.Status, message string) {
	failed := Failed
	if !j.inUse(r) {
		failed = Unused
	}
	backend := j.backendOf(r)
	idle := r.Backend != "" && r.Backend != backend
	switch {
	case f.State == Missing && (status == probes.CannotTell || r.Shared) && !idle:
		f.Status, f.Reason = failed, fmt.Sprintf("%s; %s", f.Evidence, message)
	case status == probes.Fails && r.Shared:
		f.Status, f.Reason = CannotTell, fmt.Sprintf("what uses it fails, and so may it: %s", message)
	case status == probes.Fails:
		f.Status, f.Reason = failed, message
	case idle && f.State == Missing && backend != "":
		f.Status, f.Reason = Unused, fmt.Sprintf("%s; iptables uses its %s backend, which does not need it", f.Evidence, backend)
	default:
		f.Status, f.Reason = CannotTell, message
	}
}

// try returns how the probes of a requirement ended together, and the message of
// the one that decides.
func (j *judge) try(r *Requirement, f *Finding) (probes.Status, string) {
	f.Probes = map[string]probes.Result{}
	for _, probe := range slices.Concat(r.Probes, r.Any) {
		name := j.resolve(probe)
		result, ok := j.results[name]
		if !ok {
			result = probes.Result{Status: probes.CannotTell, Message: j.absent(name)}
		}
		f.Probes[name] = result
	}
	// Of all that must work the worst decides, of any the best.
	order := []probes.Status{probes.Fails, probes.CannotTell, probes.Works}
	if len(r.Any) > 0 {
		order = []probes.Status{probes.Works, probes.Fails, probes.CannotTell}
	}
	for _, status := range order {
		for _, name := range slices.Sorted(maps.Keys(f.Probes)) {
			if result := f.Probes[name]; result.Status == status {
				return status, describe(name, result)
			}
		}
	}
	return probes.CannotTell, "no probe was made"
}

// absent says why a probe has no result.
func (j *judge) absent(name string) string {
	if j.obstacle != "" {
		return j.obstacle
	}
	tool, _, _ := strings.Cut(name, "/")
	program := map[string]string{"legacy": "iptables-legacy", "nft": "iptables-nft", "legacy6": "ip6tables-legacy", "nft6": "ip6tables-nft", "native": "nft"}[tool]
	if _, ok := j.tools[tool]; !ok && program != "" {
		return "there is no " + program + " here to try it with"
	}
	if strings.HasSuffix(tool, "6") {
		return "this machine does not speak IPv6"
	}
	return "there is no iptables here to try it with"
}

// describe says in one line how a probe ended.
func describe(name string, result probes.Result) string {
	switch {
	case result.Status == probes.CannotTell && result.Command == "":
		return "cannot tell: " + result.Message
	case result.Status == probes.CannotTell:
		return fmt.Sprintf("%s: cannot tell: %s", name, result.Message)
	case result.Message == "":
		return fmt.Sprintf("%s %s: %s", name, result.Status, result.Command)
	case result.Command == "":
		return fmt.Sprintf("%s %s: %s", name, result.Status, result.Message)
	}
	return fmt.Sprintf("%s %s: %s: %s", name, result.Status, result.Command, result.Message)
}

// parts are the parts that break without a requirement: those that write iptables
// rules do not when it belongs to the other backend.
func (j *judge) parts(r *Requirement) []Part {
	if backend := j.backendOf(r); r.Backend == "" || backend == "" || r.Backend == backend {
		return append([]Part{}, r.Parts...)
	}
	parts := []Part{}
	if r.Backend == NFT && slices.Contains(r.Parts, NFTables) {
		parts = append(parts, NFTables)
	}
	return parts
}

// inUse says whether anything that the machine shall carry breaks without it.
func (j *judge) inUse(r *Requirement) bool {
	return (!r.IPv6 || j.uses.IPv6) && slices.ContainsFunc(j.parts(r), j.uses.has)
}
