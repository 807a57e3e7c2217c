// Package sample reads and writes recorded samples of symptoms: small folders of
// evidence, each in one file of YAML, with a twin that is almost the same and must
// not show the symptom.
package sample

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"
	"time"

	"sigs.k8s.io/yaml"

	"istio-conformance/internal/evidence"
)

// Recorded is the origin of a sample that was taken from a real cluster.
const Recorded = "recorded"

// Sample is one file of testdata.
type Sample struct {
	// Symptom is the catalogue's entry that must be the first cause.
	Symptom string `json:"symptom"`
	// From says where it is from: "recorded: <what and how>", or "after: <link>" where
	// it was written after a public report.
	From string `json:"from"`
	// Collected is when; ages in the sample are against it.
	Collected time.Time `json:"collected"`
	// Files are the evidence: path -> content.
	Files map[string]string `json:"files"`
	// Twin is what must be different for the symptom to be absent.
	Twin Twin `json:"twin"`
}

// Twin is a sample's negative twin.
type Twin struct {
	// What says in which way it differs.
	What string `json:"what"`
	// Edits are applied to the sample's files.
	Edits []Edit `json:"edits"`
	// Finds is the symptom that must be found in the twin instead; empty for unknown.
	Finds string `json:"finds,omitempty"`
}

// Edit replaces a text in every file; without New a whole file named Old is removed.
type Edit struct {
	Old string `json:"old"`
	New string `json:"new,omitempty"`
	// Remove says that Old is the path of a file which the twin has not.
	Remove bool `json:"remove,omitempty"`
}

// Read parses a sample.
func Read(content []byte) (*Sample, error) {
	s := &Sample{}
	if err := yaml.UnmarshalStrict(content, s); err != nil {
		return nil, err
	}
	if s.Symptom == "" || s.From == "" || s.Twin.What == "" || len(s.Twin.Edits) == 0 {
		return nil, errors.New("want symptom, from, and a twin with what and edits")
	}
	if s.Collected.IsZero() {
		s.Collected = time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)
	}
	return s, nil
}

// FS returns the sample as a folder of evidence.
func (s *Sample) FS() (fs.FS, error) { return s.folder(s.Files) }

// TwinFS returns the twin as a folder of evidence; an edit that changes nothing is
// an error.
func (s *Sample) TwinFS() (fs.FS, error) {
	files := map[string]string{}
	for name, content := range s.Files {
		files[name] = content
	}
	for _, e := range s.Twin.Edits {
		changed := false
		for name, content := range files {
			if e.Remove {
				if name == e.Old {
					delete(files, name)
					changed = true
				}
				continue
			}
			if strings.Contains(content, e.Old) {
				files[name] = strings.ReplaceAll(content, e.Old, e.New)
				changed = true
			}
		}
		if !changed {
			return nil, fmt.Errorf("the twin's edit of %q changes nothing", e.Old)
		}
	}
	return s.folder(files)
}

func (s *Sample) folder(files map[string]string) (fs.FS, error) {
	index, err := json.Marshal(evidence.Index{Schema: evidence.Schema, Collected: s.Collected, Since: s.Collected.Add(-10 * time.Minute)})
	if err != nil {
		return nil, err
	}
	folder := fstest.MapFS{evidence.IndexName: {Data: index}}
	for name, content := range files {
		if !fs.ValidPath(name) {
			return nil, fmt.Errorf("file %q: not a path below a folder", name)
		}
		folder[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return folder, nil
}
