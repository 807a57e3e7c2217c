package catalogue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
)

// Profiles are the columns of the catalogue, in their order.
var Profiles = []string{"default", "cni", "ambient"}

// mutations is the suite that plays breaks, and where Runs has their days.
const mutations = "mutation"

// Runs says on which day a run last showed a check's promise: by profile, then by
// the check's id. A check that is not in it has never passed with that profile. Below
// "mutation" it says on which day each break last turned exactly its checks red.
type Runs map[string]map[string]string

// ReadRuns reads the file that Write wrote; one that does not exist holds no run.
func ReadRuns(path string) (Runs, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Runs{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the days of the last runs: %w", err)
	}
	runs := Runs{}
	if err := json.Unmarshal(data, &runs); err != nil {
		return nil, fmt.Errorf("the days of the last runs: %s: %w", path, err)
	}
	return runs, nil
}

// Write writes the runs to a file.
func (r Runs) Write(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("the days of the last runs: %w", err)
	}
	return nil
}

// Add takes the checks of a report in that passed, unless a later run is known, and
// returns how many are now of this report; the same for the breaks of make mutate. Ids that
// are not in the catalogue are left out.
func (r Runs) Add(entries []Entry, shown *report.Report) (int, error) {
	profile := shown.Environment.Profile
	if profile == "" {
		return 0, exitcode.Usagef("report of run %s: it does not say which profile it was made with: it is of an older version of this program", shown.Run)
	}
	known := map[string]bool{}
	for _, e := range entries {
		known[e.ID] = true
		for _, b := range e.Breaks {
			known[mutations+"/"+b.Name] = !b.Guest
		}
	}
	day, taken := shown.Finished.UTC().Format(time.DateOnly), 0
	for _, t := range shown.Tests {
		column, name := profile, t.ID()
		if t.Suite == mutations {
			column, name = mutations, t.Name
		}
		if t.Status != report.Pass || !known[t.ID()] || r[column][name] > day {
			continue
		}
		if r[column] == nil {
			r[column] = map[string]string{}
		}
		r[column][name] = day
		taken++
	}
	return taken, nil
}

// last is the day of the last run in words.
func (r Runs) last(profile, id string) string {
	if day := r[profile][id]; day != "" {
		return day
	}
	return "never run"
}
