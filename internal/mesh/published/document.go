package published

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is a YAML text that is changed line by line, so that its comments and its
// shape stay.
type document struct{ lines []string }

// row is a mapping of scalars and flow mappings below a sequence.
type row struct {
	// at is the number of the first line, from 0, and indent what stands before its keys.
	at     int
	indent string
	keys   []key
}

// key is a key of a row with its value, which begins on line at, from 0.
type key struct {
	name  string
	at    int
	value *yaml.Node
}

// rows returns the rows of the sequence under a top-level key.
func (d *document) rows(section string) ([]row, error) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(strings.Join(d.lines, "\n")), &root); err != nil {
		return nil, err
	}
	if len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("it is no mapping")
	}
	top := root.Content[0].Content
	for i := 0; i+1 < len(top); i += 2 {
		if top[i].Value != section {
			continue
		}
		var all []row
		for _, item := range top[i+1].Content {
			r := row{at: item.Line - 1, indent: strings.Repeat(" ", item.Column-1)}
			for j := 0; j+1 < len(item.Content); j += 2 {
				r.keys = append(r.keys, key{item.Content[j].Value, item.Content[j].Line - 1, item.Content[j+1]})
			}
			all = append(all, r)
		}
		return all, nil
	}
	return nil, fmt.Errorf("it has no %s", section)
}

// value is a row's value as a text; empty where it has none.
func (r *row) value(name string) string {
	for _, k := range r.keys {
		if k.name == name {
			return k.value.Value
		}
	}
	return ""
}

// end is the line behind a key's value.
func (d *document) end(r *row, k key) int {
	deeper := r.indent + " "
	end := k.at + 1
	for end < len(d.lines) && strings.HasPrefix(d.lines[end], deeper) {
		end++
	}
	return end
}

// set writes a key of a row: in place of the one that is there, or behind the key
// after. An empty text takes the key away. It says whether anything changed; then the
// rows must be read again.
func (d *document) set(r *row, name, text, after string) bool {
	want := r.indent + name + ": " + text
	for _, k := range r.keys {
		if k.name != name {
			continue
		}
		end := d.end(r, k)
		if text == "" {
			d.lines = slices.Delete(d.lines, k.at, end)
			return true
		}
		was := strings.Join(d.lines[k.at:end], "\n")
		if k.at == r.at { // the first key stands behind the dash
			want = d.lines[r.at][:len(r.indent)] + name + ": " + text
		}
		// A comment behind an unchanged value stays.
		if was == want || strings.HasPrefix(was, want+" #") {
			return false
		}
		d.lines = slices.Replace(d.lines, k.at, end, want)
		return true
	}
	if text == "" {
		return false
	}
	for _, k := range r.keys {
		if k.name == after {
			d.lines = slices.Insert(d.lines, d.end(r, k), want)
			return true
		}
	}
	return false
}

// replaceSection replaces the rows under a top-level key.
func (d *document) replaceSection(section string, rows []string) error {
	start := slices.Index(d.lines, section+":")
	if start < 0 {
		return fmt.Errorf("it has no line %q", section+":")
	}
	end := start + 1
	for end < len(d.lines) && strings.HasPrefix(d.lines[end], " ") {
		end++
	}
	d.lines = slices.Replace(d.lines, start+1, end, rows...)
	return nil
}

func (d *document) bytes() []byte { return []byte(strings.Join(d.lines, "\n")) }
