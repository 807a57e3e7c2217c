package html

import (
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"istio-conformance/internal/report/wording"
)

// Bounds of the evidence that is shown in the page. A browser shows a page of some
// megabytes without effort; the files themselves lie beside it in any case.
const (
	shownFile  = 48 << 10
	shownTest  = 400 << 10
	shownPage  = 6 << 20
	shownFiles = 200
)

// file is one file of evidence.
type file struct {
	// Name is relative to the evidence's common directory; Path to the report.
	Name, Path string
	Size       int64
	// Text is the content, or its end; empty when it is only linked.
	Text string
	// Note says what is not shown, and why.
	Note string
}

// Href is the way from the page to the file.
func (f file) Href() string {
	parts := strings.Split(f.Path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return "./" + strings.Join(parts, "/")
}

// SizeText is the size as people read it.
func (f file) SizeText() string {
	switch {
	case f.Size >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(f.Size)/(1<<20))
	case f.Size >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(f.Size)/(1<<10))
	}
	return fmt.Sprintf("%d B", f.Size)
}

// reader reads evidence below a directory, and nothing outside of it.
type reader struct {
	root *os.Root
	left int
}

// newReader returns a reader that finds nothing when there is no such directory:
// a report may be looked at without its evidence.
func newReader(dir string) *reader {
	root, err := os.OpenRoot(dir)
	if err != nil {
		root = nil
	}
	return &reader{root: root, left: shownPage}
}

// list returns the regular files that the evidence names, each once, in order.
func (r *reader) list(evidence []string) []string {
	if r.root == nil {
		return slices.Clone(evidence)
	}
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, e := range evidence {
		name := path.Clean(e)
		info, err := r.root.Stat(filepath.FromSlash(name))
		if err != nil || !info.IsDir() {
			add(name)
			continue
		}
		err = fs.WalkDir(r.root.FS(), name, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				add(p)
			}
			return nil // what cannot be listed is not shown
		})
		if err != nil {
			add(name)
		}
	}
	return names
}

// files returns the evidence with the text of what is small enough.
func (r *reader) files(evidence []string) (files []file, unshown string) {
	names, left := r.list(evidence), shownTest
	if len(names) > shownFiles {
		unshown = wording.Plural(len(names)-shownFiles, "more file")
		names = names[:shownFiles]
	}
	common := commonDir(names)
	for _, name := range names {
		f := file{Path: name, Name: strings.TrimPrefix(strings.TrimPrefix(name, common), "/")}
		budget := min(shownFile, left, r.left)
		r.read(&f, budget)
		left -= len(f.Text)
		r.left -= len(f.Text)
		files = append(files, f)
	}
	return files, unshown
}

// read fills in the file's size and as much of its end as the budget allows: the
// end of a log is what happened last.
func (r *reader) read(f *file, budget int) {
	if r.root == nil {
		f.Note = "not beside this page"
		return
	}
	content, size, err := r.tail(f.Path, budget)
	f.Size = size
	switch {
	case err != nil:
		f.Note = "cannot be read"
	case budget <= 0:
		f.Note = "not shown here, to keep the page small"
	case !text(content):
		f.Note = "not text"
	default:
		f.Text = wording.Clean(string(content))
		if int64(len(content)) < size {
			f.Note = fmt.Sprintf("the last %d KiB", len(content)>>10)
		}
	}
}

// tail returns at most n bytes from the end of a file, from the start of a line
// if it is not all of it, and the whole size.
func (r *reader) tail(name string, n int) (content []byte, size int64, err error) {
	f, err := r.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, 0, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is no regular file: %w", name, err)
	}
	size = info.Size()
	from := max(0, size-int64(max(0, n)))
	content, err = io.ReadAll(io.NewSectionReader(f, from, size-from))
	if from > 0 && err == nil {
		if i := strings.IndexByte(string(content), '\n'); i >= 0 {
			content = content[i+1:]
		}
	}
	return content, size, err
}

// text reports whether a browser can show the content as it is.
func text(content []byte) bool {
	head := content[:min(len(content), 4096)]
	for len(head) > 0 {
		c, size := utf8.DecodeRune(head)
		if c == 0 || c == utf8.RuneError && size == 1 && len(head) >= utf8.UTFMax {
			return false
		}
		head = head[size:]
	}
	return true
}

// commonDir returns the directory that holds all of the files.
func commonDir(names []string) string {
	if len(names) == 0 {
		return ""
	}
	common := path.Dir(names[0])
	for _, name := range names {
		for common != "." && common != "/" && !strings.HasPrefix(name, common+"/") {
			common = path.Dir(common)
		}
	}
	if common == "." || common == "/" {
		return ""
	}
	return common
}
