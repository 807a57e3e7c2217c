// Package notes is what Istio's project says of changes between two minors, as data.
package notes

import (
	"fmt"
	"regexp"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
	"istio-conformance/internal/mesh/istio"
)

const file = "upgrade-notes.yaml"

// Note is one change.
type Note struct {
	Name string `json:"name"`
	// After is the last minor before the change.
	After istio.Version `json:"after"`
	Text  string        `json:"text"`
	Env   Env           `json:"env"`
	// Objects names a test of captured objects; empty means that no object can be named.
	Objects string `json:"objects,omitempty"`
	// Explains matches the paths of differences in Envoy's configuration.
	Explains string `json:"explains,omitempty"`
	// Answers matches differences of answers: "HTTPRoute shop/web: status: 404 -> 500".
	Answers string `json:"answers,omitempty"`
	Link    string `json:"link"`

	explains, answers *regexp.Regexp
}

// Env are variables of istiod that have to do with a change.
type Env struct {
	// Removed does nothing any more.
	Removed string `json:"removed,omitempty"`
	// Restores is NAME=value and brings the old behaviour back.
	Restores string `json:"restores,omitempty"`
}

// On returns the notes that a step from one version to another meets.
func On(from, to istio.Version) ([]Note, error) {
	data, err := fixtures.Files.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all struct {
		Notes []Note `json:"notes"`
	}
	if err := yaml.UnmarshalStrict(data, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var met []Note
	for _, n := range all.Notes {
		for _, e := range []struct {
			text string
			to   **regexp.Regexp
		}{{n.Explains, &n.explains}, {n.Answers, &n.answers}} {
			if e.text == "" {
				continue
			}
			if *e.to, err = regexp.Compile(e.text); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", file, n.Name, err)
			}
		}
		if from.Minor <= n.After.Minor && n.After.Minor < to.Minor {
			met = append(met, n)
		}
	}
	return met, nil
}

// Explain returns the note that explains a difference at a path, or nil.
func Explain(all []Note, path string) *Note {
	for i := range all {
		if all[i].explains != nil && all[i].explains.MatchString(path) {
			return &all[i]
		}
	}
	return nil
}

// ExplainAnswer returns the note that explains a difference of answers, or nil.
func ExplainAnswer(all []Note, difference string) *Note {
	for i := range all {
		if all[i].answers != nil && all[i].answers.MatchString(difference) {
			return &all[i]
		}
	}
	return nil
}

// Sentence is the note for people, with how to get the old behaviour back.
func (n *Note) Sentence() string {
	if n.Env.Restores == "" {
		return n.Text
	}
	return n.Text + "; " + n.Env.Restores + " in pilot.env of chart istiod brings the old behaviour back"
}
