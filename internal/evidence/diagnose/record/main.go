// Command record makes a sample of a symptom from a bundle: what remains is as
// little of the bundle as still shows the symptom.
//
//	go run ./internal/evidence/diagnose/record BUNDLE SYMPTOM FROM > internal/evidence/diagnose/testdata/SYMPTOM.yaml
//
// The twin has to be written by hand.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"istio-conformance/internal/evidence"
	"istio-conformance/internal/evidence/diagnose"
	"istio-conformance/internal/evidence/diagnose/sample"
)

// contextLines is how many lines are kept on both sides of one that is needed.
const contextLines = 2

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: record BUNDLE SYMPTOM FROM")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(bundle, symptom, from string) error {
	files, err := evidence.Open(bundle)
	if err != nil {
		return err
	}
	catalogue, err := diagnose.Load()
	if err != nil {
		return err
	}
	s := &sample.Sample{Symptom: symptom, From: from, Files: map[string]string{}}
	if err := read(files, s); err != nil {
		return err
	}
	r := &reducer{catalogue, s}
	if !r.shows() {
		return fmt.Errorf("%s does not show %s", bundle, symptom)
	}
	r.reduceFiles()
	r.reduceContents()
	s.Twin = sample.Twin{What: "to be written", Edits: []sample.Edit{{Old: "to be written"}}}
	content, err := yaml.Marshal(s)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(content)
	return err
}

// read takes in all files of the bundle.
func read(files fs.FS, s *sample.Sample) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || name == "index.md" {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if name == evidence.IndexName {
			var index evidence.Index
			err := json.Unmarshal(content, &index)
			s.Collected = index.Collected
			return err
		}
		s.Files[name] = string(content)
		return nil
	})
}

// reducer takes away from a sample what is not needed to show its symptom.
type reducer struct {
	catalogue *diagnose.Catalogue
	sample    *sample.Sample
}

// shows says whether the sample's symptom is found, and follows from no other.
func (r *reducer) shows() bool {
	folder, err := r.sample.FS()
	if err != nil {
		return false
	}
	d, err := r.catalogue.Diagnose(folder)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(d.Findings, func(f diagnose.Finding) bool { return f.Symptom.Name == r.sample.Symptom })
}

// try makes a change, and undoes it where the symptom is gone with it.
func (r *reducer) try(name string, content *string) bool {
	old := r.sample.Files[name]
	if content == nil {
		delete(r.sample.Files, name)
	} else {
		r.sample.Files[name] = *content
	}
	if r.shows() {
		return true
	}
	r.sample.Files[name] = old
	return false
}

// reduceFiles takes whole folders away, then files.
func (r *reducer) reduceFiles() {
	folders := map[string]bool{}
	for name := range r.sample.Files {
		if parts := strings.Split(name, "/"); len(parts) > 2 {
			folders[path.Join(parts[0], parts[1])] = true
		}
	}
	for folder := range folders {
		saved := maps.Clone(r.sample.Files)
		maps.DeleteFunc(r.sample.Files, func(name, _ string) bool { return strings.HasPrefix(name, folder+"/") })
		if !r.shows() {
			r.sample.Files = saved
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.sample.Files)) {
		r.try(name, nil)
	}
}

// reduceContents takes objects and lines away from what is left.
func (r *reducer) reduceContents() {
	for _, name := range slices.Sorted(maps.Keys(r.sample.Files)) {
		var err error
		switch path.Ext(name) {
		case ".yaml":
			err = r.reduceObjects(name)
		case ".log", ".txt":
			r.reduceLines(name)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s stays whole: %v\n", name, err)
		}
	}
}

func (r *reducer) reduceObjects(name string) error {
	var list struct {
		APIVersion string           `json:"apiVersion"`
		Kind       string           `json:"kind"`
		Items      []map[string]any `json:"items"`
	}
	if err := yaml.Unmarshal([]byte(r.sample.Files[name]), &list); err != nil {
		return err
	}
	if list.Kind != "List" {
		return errors.New("no list")
	}
	write := func() bool {
		content, err := yaml.Marshal(list)
		text := string(content)
		return err == nil && r.try(name, &text)
	}
	for i := 0; i < len(list.Items); {
		all := list.Items
		list.Items = slices.Delete(slices.Clone(all), i, i+1)
		if !write() {
			list.Items = all
			i++
		}
	}
	for _, item := range list.Items {
		for _, fields := range [][]string{
			{"metadata", "uid"}, {"metadata", "resourceVersion"}, {"metadata", "generation"}, {"metadata", "managedFields"}, {"metadata", "annotations"},
			{"metadata", "ownerReferences"}, {"metadata", "generateName"}, {"spec", "volumes"}, {"spec", "tolerations"}, {"spec", "affinity"}, {"spec", "template"},
			{"spec", "readinessGates"}, {"spec", "strategy"}, {"status", "images"}, {"status", "podIPs"}, {"status", "hostIPs"},
		} {
			cut(item, fields, write)
		}
	}
	return nil
}

// cut takes one field away where the symptom can do without.
func cut(item map[string]any, fields []string, write func() bool) {
	parent, is := item[fields[0]].(map[string]any)
	if !is {
		return
	}
	value, has := parent[fields[1]]
	if !has {
		return
	}
	delete(parent, fields[1])
	if !write() {
		parent[fields[1]] = value
	}
}

func (r *reducer) reduceLines(name string) {
	lines := strings.SplitAfter(r.sample.Files[name], "\n")
	try := func(from, to int) bool {
		text := strings.Join(slices.Delete(slices.Clone(lines), from, to), "")
		return r.try(name, &text)
	}
	// Halves first: a log has thousands of lines.
	for size := len(lines) / 2; size >= contextLines; size /= 2 {
		for from := 0; from+size <= len(lines); {
			if try(from, from+size) {
				lines = slices.Delete(lines, from, from+size)
				continue
			}
			from += size
		}
	}
}
