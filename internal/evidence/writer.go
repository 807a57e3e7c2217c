package evidence

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"istio-conformance/internal/evidence/redact"
)

// Schema names the contract of index.json.
const Schema = "istio-conformance/evidence/v1"

// IndexName is the index of a folder of evidence.
const IndexName = "index.json"

// Bounds of a folder of evidence, in bytes.
const (
	logLimit   = 1 << 20
	fileLimit  = 8 << 20
	totalLimit = 96 << 20
)

// Index says what a folder of evidence holds.
type Index struct {
	Schema string `json:"schema"`
	// Collected is when, by this machine's clock; logs begin at Since.
	Collected time.Time `json:"collected"`
	Since     time.Time `json:"since"`
	// Only says that no namespaces were looked for: others may have objects of Istio's too.
	Only    bool    `json:"only,omitempty"`
	Files   []Entry `json:"files"`
	Missing []Entry `json:"missing"`
}

// Entry is one file, or one that could not be had.
type Entry struct {
	// Path is relative to the folder, with slashes.
	Path string `json:"path"`
	// What says what the file is.
	What string `json:"what,omitempty"`
	// Bytes is its size; Removed is how many secrets were taken out.
	Bytes   int `json:"bytes,omitempty"`
	Removed int `json:"removed,omitempty"`
	// Cut is how many bytes were left out to keep the bounds.
	Cut int `json:"cut,omitempty"`
	// Error is why the file is missing.
	Error string `json:"error,omitempty"`
}

// Writer writes files of evidence into a directory. It is the one place where
// secrets are removed and sizes are bounded. It is safe for concurrent use.
type Writer struct {
	dir string

	mu    sync.Mutex
	index Index
	// total bytes are written of at most limit.
	total, limit int
	err          error
}

// NewWriter returns a Writer for a directory, which is made with the first file.
func NewWriter(dir string) *Writer {
	return &Writer{dir: dir, limit: totalLimit, index: Index{Schema: Schema, Collected: time.Now().UTC(), Files: []Entry{}, Missing: []Entry{}}}
}

// About says since when logs were collected.
func (w *Writer) About(since time.Time) { w.index.Since = since.UTC() }

// Add writes a file; one without content leaves none. Of a text that is too long
// the end is kept, for it is nearest to the failure; a document that is too long
// is left out, since half of it cannot be read.
func (w *Writer) Add(name, what string, content []byte) {
	if len(bytes.TrimSpace(content)) == 0 {
		return
	}
	clean, removed := redact.Bytes(content)
	entry := Entry{Path: path.Clean(name), What: what, Removed: removed}
	limit, document := fileLimit, slices.Contains([]string{".yaml", ".json"}, path.Ext(name))
	if path.Ext(name) == ".log" {
		limit = logLimit
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	limit = min(limit, w.limit-w.total)
	switch {
	case len(clean) > limit && (document || limit <= 0):
		w.missing(entry.Path, fmt.Errorf("%d bytes are too much: %d of %d are left in this folder", len(clean), w.limit-w.total, w.limit))
		return
	case len(clean) > limit:
		entry.Cut = len(clean) - limit
		clean = clean[entry.Cut:]
		if _, rest, found := bytes.Cut(clean, []byte("\n")); found {
			entry.Cut += len(clean) - len(rest)
			clean = rest
		}
	}
	entry.Bytes = len(clean)
	w.total += len(clean)
	file := filepath.Join(w.dir, filepath.FromSlash(entry.Path))
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, clean, 0o644)); err != nil {
		w.missing(entry.Path, err)
		w.err = errors.Join(w.err, err)
		return
	}
	w.index.Files = append(w.index.Files, entry)
}

// Missing notes why a file could not be had.
func (w *Writer) Missing(name string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.missing(name, err)
}

func (w *Writer) missing(name string, err error) {
	w.index.Missing = append(w.index.Missing, Entry{Path: name, Error: redact.Text(strings.Join(strings.Fields(err.Error()), " "))})
}

// Close writes the index, for programs and for people, and returns the paths of
// all files, the index first.
func (w *Writer) Close() ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	byPath := func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) }
	slices.SortFunc(w.index.Files, byPath)
	slices.SortFunc(w.index.Missing, byPath)
	content, err := json.MarshalIndent(w.index, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("index of the evidence: %w", err)
	}
	paths := []string{filepath.Join(w.dir, "index.md"), filepath.Join(w.dir, IndexName)}
	for i, data := range [][]byte{[]byte(w.index.Markdown()), append(content, '\n')} {
		if err := errors.Join(os.MkdirAll(w.dir, 0o755), os.WriteFile(paths[i], data, 0o644)); err != nil {
			return nil, fmt.Errorf("index of the evidence: %w", err)
		}
	}
	for _, entry := range w.index.Files {
		paths = append(paths, filepath.Join(w.dir, filepath.FromSlash(entry.Path)))
	}
	return paths, w.err
}

// Markdown returns the index for people.
func (i Index) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Evidence\n\nCollected %s; logs begin at %s.\n\n| file | what it is | bytes |\n|---|---|---|\n",
		i.Collected.Format(time.RFC3339), i.Since.Format(time.RFC3339))
	for _, f := range i.Files {
		notes := ""
		if f.Removed > 0 {
			notes += fmt.Sprintf("; %d secrets removed", f.Removed)
		}
		if f.Cut > 0 {
			notes += fmt.Sprintf("; the first %d bytes left out", f.Cut)
		}
		fmt.Fprintf(&b, "| [%s](%s) | %s%s | %d |\n", f.Path, f.Path, f.What, notes, f.Bytes)
	}
	if len(i.Missing) > 0 {
		b.WriteString("\n## What could not be had\n\n")
	}
	for _, m := range i.Missing {
		fmt.Fprintf(&b, "- %s: %s\n", m.Path, m.Error)
	}
	return b.String()
}
