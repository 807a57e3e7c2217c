package matrix

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// stateName is the file by which a matrix goes on where it was stopped.
const stateName = "state.json"

// state is what is known of a matrix that has not ended.
type state struct {
	Source  string    `json:"source"`
	Started time.Time `json:"started"`
	// Cells are all that were planned, by their ID; those that have ended have
	// their outcome.
	Plan []Cell              `json:"plan"`
	Done map[string]*Outcome `json:"done"`
}

// readState returns the state in a directory when it is of the same plan, else a
// new one; resumed is how many cells have ended already.
func readState(dir, source string, plan []Cell, fresh bool) (s *state, resumed int, err error) {
	s = &state{Source: source, Started: time.Now(), Plan: plan, Done: map[string]*Outcome{}}
	if fresh {
		return s, 0, nil
	}
	content, err := os.ReadFile(filepath.Join(dir, stateName))
	if errors.Is(err, fs.ErrNotExist) {
		return s, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("state of the matrix: %w", err)
	}
	var before state
	if err := json.Unmarshal(content, &before); err != nil {
		return nil, 0, fmt.Errorf("state of the matrix %s: %w; begin anew with --fresh", filepath.Join(dir, stateName), err)
	}
	if before.Source != source || !samePlan(before.Plan, plan) {
		return s, 0, nil
	}
	if before.Done == nil {
		before.Done = map[string]*Outcome{}
	}
	return &before, len(before.Done), nil
}

// samePlan compares what is to be run.
func samePlan(a, b []Cell) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].ID() != b[i].ID() || a[i].Run != b[i].Run {
			return false
		}
	}
	return true
}

func (s *state) write(dir string) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the state of the matrix: %w", err)
	}
	return writeFile(filepath.Join(dir, stateName), append(content, '\n'))
}

// remove ends the state: the next matrix begins anew.
func (s *state) remove(dir string) error {
	if err := os.Remove(filepath.Join(dir, stateName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the state of the matrix: %w", err)
	}
	return nil
}
