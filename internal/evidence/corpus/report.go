// Package corpus knows the corpus of public bug reports, fixtures/reports: how each is
// made small on a healthy cluster, by which request it shows, and what is true of it;
// and how an answer of package diagnose is scored against that.
package corpus

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
	"istio-conformance/internal/evidence/diagnose"
)

// Report is one public report, made small.
type Report struct {
	// Name is the file's, without its ending.
	Name string `json:"-"`
	// Link is the public report, Saw what its author saw in our words.
	Link string `json:"link"`
	Saw  string `json:"saw"`
	// Known says that a symptom was written with this report in view; such reports
	// say nothing about what the catalogue makes of others.
	Known bool `json:"known"`
	// Said is the output of a tool; such a report needs no cluster and has no steps.
	Said string `json:"said,omitempty"`
	// Labels are those of the report's own namespace, exam-<name>.
	Labels map[string]string `json:"labels,omitempty"`
	// Namespaces are looked at besides the report's own and those of the installation.
	Namespaces []string `json:"namespaces,omitempty"`
	// GatewayAPI says that the definitions of the Gateway API must be there.
	GatewayAPI bool `json:"gatewayAPI,omitempty"`
	// NetworkPolicies says that the pods' network must enforce them.
	NetworkPolicies bool `json:"networkPolicies,omitempty"`
	// Steps are done in their order. The last one must be a bite.
	Steps []Step `json:"steps,omitempty"`
	// Undo are done after everything else was undone, such as restarts.
	Undo []Step `json:"undo,omitempty"`
	// Within is how many seconds the right cause may take to be named; 0 means the default.
	Within int `json:"within,omitempty"`
	Truth
}

// Truth is what may be said of a report, by the names of symptoms.
type Truth struct {
	// Cause is what is true, in words.
	Cause string `json:"cause"`
	// Right are the symptoms of which one must be named; none where no symptom of the
	// catalogue can name the cause: such a report is never scored Right.
	Right []string `json:"right,omitempty"`
	// Beside are true too, and no cause. All other faults are false.
	Beside []string `json:"beside,omitempty"`
	// False are symptoms that are false even as a notice.
	False []string `json:"false,omitempty"`
	// Says are words that the right cause must say, such as the object at fault.
	Says []string `json:"says,omitempty"`
}

// Step is one thing that is done or looked at; exactly one of its fields is set.
type Step struct {
	// Apply are objects; the template knows what suites/exam gives it.
	Apply string `json:"apply,omitempty"`
	// Delete removes an object and puts it back in the end.
	Delete *Object `json:"delete,omitempty"`
	// Patch changes an object and changes it back in the end.
	Patch *Patch `json:"patch,omitempty"`
	// Values upgrades a release with more values, and back in the end.
	Values *Values `json:"values,omitempty"`
	// Restart is a Deployment, namespace/name, of which all pods are replaced.
	Restart string `json:"restart,omitempty"`
	// Request is sent until its outcome is the wanted one.
	Request *Request `json:"request,omitempty"`
	// Shows waits until an object, an event or a log shows something.
	Shows *Shows `json:"shows,omitempty"`
}

// Object names an object.
type Object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// Patch is a change of an object, as a JSON merge patch.
type Patch struct {
	Object
	Merge string `json:"merge"`
}

// Values are more values for a release of the installation.
type Values struct {
	Release string         `json:"release"`
	Set     map[string]any `json:"set"`
}

// Request is sent through the gateway, or from a pod.
type Request struct {
	// From is a pod, namespace and label selector with a blank between; empty is
	// outside of the cluster, through a node port of the gateway.
	From string `json:"from,omitempty"`
	// Port of the gateway: http, the default, or https.
	Port string `json:"port,omitempty"`
	// Host and Path are asked for; with From they are those of the URL.
	Host string `json:"host"`
	Path string `json:"path,omitempty"`
	// Method is GET when empty.
	Method  string            `json:"method,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	HTTP2   bool              `json:"http2,omitempty"`
	// Raw are the bytes that are sent instead of a request.
	Raw string `json:"raw,omitempty"`
	// Want is a regular expression for the whole outcome: a status, or the kind of
	// failure as package probe names it. Body is one for a part of the body.
	Want string `json:"want"`
	Body string `json:"body,omitempty"`
	// Times is how often in a row the outcome must be so; 0 means once.
	Times int `json:"times,omitempty"`
}

// Shows is a bite that no request shows.
type Shows struct {
	// Object is looked at as JSON; without a name all of the kind in the namespace are.
	Object *Object `json:"object,omitempty"`
	// Log is that of a container: namespace, label selector and container, with blanks between.
	Log string `json:"log,omitempty"`
	// Matches is a regular expression for a part of it; Lacks says that there must be none.
	Matches string `json:"matches"`
	Lacks   bool   `json:"lacks,omitempty"`
}

// Bite says whether the step only looks.
func (s Step) Bite() bool { return s.Request != nil || s.Shows != nil }

// Load returns the corpus, by name.
func Load() ([]Report, error) {
	catalogue, err := diagnose.Load()
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, s := range catalogue.Symptoms() {
		known[s.Name] = true
	}
	names, err := fs.Glob(fixtures.Files, "reports/*.yaml")
	if err != nil {
		return nil, err
	}
	var reports []Report
	for _, name := range names {
		content, err := fs.ReadFile(fixtures.Files, name)
		if err != nil {
			return nil, err
		}
		r, err := parse(content, known)
		if err != nil {
			return nil, fmt.Errorf("fixtures/%s: %w", name, err)
		}
		r.Name = strings.TrimSuffix(path.Base(name), ".yaml")
		reports = append(reports, *r)
	}
	return reports, nil
}

// parse reads one report and refuses one that could prove nothing.
func parse(content []byte, known map[string]bool) (*Report, error) {
	r := &Report{}
	if err := yaml.UnmarshalStrict(content, r); err != nil {
		return nil, err
	}
	switch {
	case !strings.HasPrefix(r.Link, "https://"):
		return nil, fmt.Errorf("link %q: want an https URL", r.Link)
	case r.Saw == "":
		return nil, errors.New("saw is empty")
	case (r.Said == "") == (len(r.Steps) == 0):
		return nil, errors.New("want either said or steps")
	case len(r.Steps) > 0 && !r.Steps[len(r.Steps)-1].Bite():
		return nil, errors.New("the last step must show the bite: request or shows")
	case r.Cause == "":
		return nil, errors.New("cause is empty: what is true of it?")
	}
	for _, name := range slices.Concat(r.Right, r.Beside, r.False) {
		if !known[name] {
			return nil, fmt.Errorf("%s is no symptom of the catalogue", name)
		}
	}
	for i, step := range slices.Concat(r.Steps, r.Undo) {
		if err := step.valid(); err != nil {
			return nil, fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return r, nil
}

// valid refuses a step that says nothing or two things.
func (s Step) valid() error {
	n := 0
	for _, set := range []bool{s.Apply != "", s.Delete != nil, s.Patch != nil, s.Values != nil, s.Restart != "", s.Request != nil, s.Shows != nil} {
		if set {
			n++
		}
	}
	if n != 1 {
		return fmt.Errorf("want one of apply, delete, patch, values, restart, request, shows; got %d", n)
	}
	var expressions []string
	if s.Request != nil {
		if s.Request.Want == "" {
			return errors.New("request without want")
		}
		expressions = append(expressions, s.Request.Want, s.Request.Body)
	}
	if s.Shows != nil {
		if s.Shows.Matches == "" || (s.Shows.Object == nil) == (s.Shows.Log == "") {
			return errors.New("shows: want matches, and either object or log")
		}
		expressions = append(expressions, s.Shows.Matches)
	}
	for _, expression := range expressions {
		if _, err := regexp.Compile(expression); err != nil {
			return err
		}
	}
	return nil
}
