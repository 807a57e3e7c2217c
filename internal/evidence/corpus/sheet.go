package corpus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Schema names the contract of exam.json.
const Schema = "istio-conformance/exam/v1"

// Sheet is what became of the reports, the last time each was played.
type Sheet struct {
	mu      sync.Mutex
	before  map[string]Result
	results []Result
}

// sheetFile is a Sheet as JSON.
type sheetFile struct {
	Schema  string   `json:"schema"`
	Results []Result `json:"results"`
}

// ReadSheet reads what became of the reports before; no file is none.
func ReadSheet(name string) (*Sheet, error) {
	s := &Sheet{before: map[string]Result{}}
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	var file sheetFile
	if err := json.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, r := range file.Results {
		s.before[r.Report] = r
	}
	return s, nil
}

// Add notes a result.
func (s *Sheet) Add(r Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results = append(s.results, r)
}

// Played returns the results of this run.
func (s *Sheet) Played() []Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.results)
}

// Write keeps the results of this run, and of reports that were not played the ones
// before.
func (s *Sheet) Write(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]Result{}
	for _, r := range s.before {
		all[r.Report] = r
	}
	for _, r := range s.results {
		all[r.Report] = r
	}
	file := sheetFile{Schema: Schema, Results: []Result{}}
	for _, r := range all {
		file.Results = append(file.Results, r)
	}
	slices.SortFunc(file.Results, func(a, b Result) int { return strings.Compare(a.Report, b.Report) })
	content, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, append(content, '\n'), 0o644)
}

// Lines are the table for people: a line a report that was played, and the sums.
func (s *Sheet) Lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, r := range s.results {
		line := fmt.Sprintf("%-34s %-11s %-7s %3d s", r.Report, r.Score, map[bool]string{true: "known", false: "unknown"}[r.Known], r.Seconds)
		if b, is := s.before[r.Report]; is && b.Score != r.Score {
			line += fmt.Sprintf("  was %s", b.Score)
		}
		if r.Why != "" {
			line += "  " + r.Why
			if len(r.Named) > 0 {
				line += fmt.Sprintf(" (named: %s)", strings.Join(r.Named, ", "))
			}
		}
		lines = append(lines, line)
	}
	for _, of := range []struct {
		what string
		in   func(Result) bool
	}{
		{"all", func(Result) bool { return true }},
		{"known", func(r Result) bool { return r.Known }},
		{"unknown", func(r Result) bool { return !r.Known }},
	} {
		lines = append(lines, sums(of.what, s.results, of.in))
	}
	return lines
}

// Say writes the table, unless nothing was played.
func (s *Sheet) Say(out io.Writer) {
	if s == nil || len(s.Played()) == 0 {
		return
	}
	for _, line := range s.Lines() {
		fmt.Fprintf(out, "   %s\n", line)
	}
}

// sums counts the results of a kind.
func sums(what string, results []Result, in func(Result) bool) string {
	count, n, points := map[Score]int{}, 0, 0
	for _, r := range results {
		if !in(r) {
			continue
		}
		count[r.Score]++
		if r.Score != NoResult {
			n++
			points += int(r.Score)
		}
	}
	return fmt.Sprintf("%-8s %d reports: %d right cause, %d no cause, %d silent, %d false, %d without a bite; %d of %d points",
		what+":", n+count[NoResult], count[Right], count[Causeless], count[Silent], count[False], count[NoResult], points, 2*n)
}
