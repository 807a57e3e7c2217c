package check

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/check/waits"
	"istio-conformance/internal/report"
)

// Failure is what is known of a failed check when its evidence is collected.
type Failure struct {
	// Since is when the check began.
	Since time.Time
	// Said are the failed assertions' messages with the details of their errors, and
	// what the check observed.
	Said []string
	// Requests are the requests that the check made, with their responses.
	Requests string
}

// kinds are the words behind which the name of an object stands in a message.
const kinds = `pods?|containers?|services?|gateways?|virtualservices?|destinationrules?|serviceentries|policies|authorizationpolicy|deployments?|daemonsets?|statefulsets?|` +
	`replicasets?|configmaps?|secrets?|releases?|charts?|nodes?|namespaces?|webhooks?|crds?|hosts?|clusters?|subsets?`

// Names says whether the failure speaks of an object, by its name. A name that may be a
// word of English, such as "old", counts only behind a kind or a namespace, or as the
// beginning of a host name.
func (f Failure) Names(name string) bool {
	if name == "" {
		return false
	}
	quoted := regexp.QuoteMeta(name)
	pattern := `(?:^|[^\w-])` + quoted + `(?:$|[^\w-])`
	if !strings.ContainsAny(name, "-.0123456789") {
		pattern = `(?:/|\b(?i:` + kinds + `) "?)` + quoted + `(?:$|[^\w-])|(?:^|[^\w.-])` + quoted + `\.[a-z0-9]`
	}
	return regexp.MustCompile(pattern).MatchString(strings.Join(append(slices.Clone(f.Said), f.Requests), "\n"))
}

// explain collects a failure's evidence and asks what it shows: what the check says,
// and the catalogue's word behind it.
func (r *Runner) explain(t *T, suite string, c Check, started time.Time, number int) ([]string, report.Diagnosis) {
	ctx, cancel := context.WithTimeout(r.Context, r.Waits.Or(waits.Evidence, evidenceTimeout))
	defer cancel()
	dir := r.Recorder.EvidenceDir(suite, c.Name)
	if number > 1 {
		dir = filepath.Join(dir, fmt.Sprintf("attempt-%d", number))
	}
	failed := Failure{Since: started, Said: slices.Concat(t.failures, t.details, t.observed), Requests: t.trace.String()}
	evidence := append(r.Evidence(ctx, dir, failed), t.writePanic(dir)...)
	var diagnosis report.Diagnosis
	if r.Symptoms != nil {
		diagnosis = r.Symptoms(dir, failed)
	}
	return evidence, both(t.own(), diagnosis)
}
