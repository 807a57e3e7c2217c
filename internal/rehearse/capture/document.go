package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	jsonyaml "sigs.k8s.io/yaml"
)

// document is one YAML document with its place.
type document struct {
	Place
	body map[string]any
	raw  []byte
}

func readDocuments(files fs.FS, name string) ([]document, error) {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	return split(name, content)
}

// split parses the documents of a file. An error names the file and the line.
func split(file string, content []byte) ([]document, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var found []document
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, broken(file, content, err)
		}
		if node.Kind != yaml.DocumentNode || len(node.Content) == 0 || node.Content[0].Kind != yaml.MappingNode {
			continue // nothing, or a list: no object
		}
		root := node.Content[0]
		raw, err := yaml.Marshal(root)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, root.Line, err)
		}
		d := document{Place: Place{File: file, Line: root.Line, node: root}, raw: raw}
		if err := jsonyaml.Unmarshal(raw, &d.body); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, root.Line, err)
		}
		d.origin()
		found = append(found, d)
	}
}

// origin takes the place of the capture from the comment before a document. The lines of
// its fields are then those of the archive.
func (d *document) origin() {
	comment, found := strings.CutPrefix(d.node.HeadComment, from)
	if !found && len(d.node.Content) > 0 {
		comment, found = strings.CutPrefix(d.node.Content[0].HeadComment, from)
	}
	if !found {
		return
	}
	file, line, _ := strings.Cut(strings.TrimSpace(comment), ":")
	if n, err := strconv.Atoi(line); err == nil {
		d.origins = fmt.Sprintf("%s:%d", file, n)
	}
}

func (d *document) into(value any) error {
	if err := jsonyaml.UnmarshalStrict(d.raw, value); err != nil {
		return fmt.Errorf("%s:%d: %w", d.File, d.Line, err)
	}
	return nil
}

// lineOf finds the line in what the YAML parser says.
var lineOf = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// broken names the place of a document that is no YAML.
func broken(file string, content []byte, err error) error {
	said := lineOf.FindStringSubmatch(strings.Split(err.Error(), "\n")[0])
	if said == nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	line := said[1]
	if line == "" {
		line = "1"
	}
	hint := ""
	if bytes.Contains(content, []byte("{{")) {
		hint = "; it looks like a template of Helm: render it first (helm template), and capture the result"
	}
	return fmt.Errorf("%s:%s: no YAML: %s%s", file, line, said[2], hint)
}

// LineOf is the line of a field, or of the nearest that is there: its path is keys and,
// for lists, indices.
func (p Place) LineOf(path ...string) int {
	node, line := p.node, p.Line
	for _, key := range path {
		next := child(node, key)
		if next == nil {
			break
		}
		node, line = next.value, next.line
	}
	return line
}

// found is a child of a node, and the line on which it begins.
type found struct {
	value *yaml.Node
	line  int
}

func child(node *yaml.Node, key string) *found {
	if node == nil {
		return nil
	}
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				return &found{node.Content[i+1], node.Content[i].Line}
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(node.Content) {
			return &found{node.Content[i], node.Content[i].Line}
		}
	case yaml.AliasNode:
		return child(node.Alias, key)
	}
	return nil
}
