package options

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/spelling"
)

// fromElsewhere fills in what the command line left out: from the variables that
// need parsing, then from the configuration file. Flags go before variables, and
// both before the file. What it refuses has status exitcode.Usage.
func (o *Options) fromElsewhere() error {
	given := map[string]bool{}
	o.flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, s := range o.settings {
		value := o.getenv(s.variable)
		if value == "" || given[s.flag] {
			continue
		}
		given[s.flag] = true
		if s.kind != number && s.kind != times {
			continue // It is the flag's default already.
		}
		if err := o.flags.Set(s.flag, value); err != nil {
			return exitcode.Usagef("%s=%s: %w", s.variable, value, plainly(s.kind, err))
		}
	}
	if o.config == "" {
		return nil
	}
	content, err := os.ReadFile(o.config)
	if err != nil {
		return exitcode.Usagef("CONFIG: %w", err)
	}
	return o.fromFile(content, given)
}

// plainly says what is wanted where the flag package only says what failed.
func plainly(k kind, err error) error {
	if k == number {
		return fmt.Errorf("want a whole number")
	}
	return err
}

// fromFile sets what the file says and nobody else did.
func (o *Options) fromFile(content []byte, given map[string]bool) error {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return exitcode.Usagef("%s: %s", o.config, strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "\n", " "))
	}
	if len(document.Content) == 0 {
		return nil // An empty file chooses nothing.
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return o.refuse(root, "want options by name, such as istio: \"1.31\"")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		at := slices.IndexFunc(o.settings, func(s setting) bool { return s.flag == key.Value && s.flag != "config" })
		if at < 0 {
			return o.refuse(key, fmt.Sprintf("there is no option %q%s", key.Value, o.nearest(key.Value)))
		}
		if seen[key.Value] {
			return o.refuse(key, fmt.Sprintf("%s stands there twice", key.Value))
		}
		seen[key.Value] = true
		text, err := o.settings[at].parse(value)
		if err != nil {
			return o.refuse(value, fmt.Sprintf("%s: %v", key.Value, err))
		}
		if given[key.Value] {
			continue
		}
		if err := o.flags.Set(key.Value, text); err != nil {
			return o.refuse(value, fmt.Sprintf("%s: %v", key.Value, err))
		}
	}
	return nil
}

func (o *Options) refuse(at *yaml.Node, problem string) error {
	return exitcode.Usagef("%s:%d: %s", o.config, at.Line, problem)
}

// parse returns the value as the command line takes it.
func (s setting) parse(node *yaml.Node) (string, error) {
	switch s.kind {
	case times:
		if node.Kind != yaml.MappingNode {
			return "", fmt.Errorf("want durations by name, such as nodes: 5m")
		}
		var parts []string
		for i := 0; i+1 < len(node.Content); i += 2 {
			parts = append(parts, node.Content[i].Value+"="+node.Content[i+1].Value)
		}
		return strings.Join(parts, ","), nil
	case truth, choice:
		if node.Kind != yaml.ScalarNode || node.Tag != "!!bool" {
			return "", fmt.Errorf("want true or false")
		}
		if s.kind == choice {
			return map[string]string{"true": "1", "false": "0"}[strings.ToLower(node.Value)], nil
		}
		return node.Value, nil
	case number:
		if node.Kind != yaml.ScalarNode || node.Tag != "!!int" {
			return "", fmt.Errorf("want a whole number")
		}
		return node.Value, nil
	}
	switch {
	case node.Kind != yaml.ScalarNode:
		return "", fmt.Errorf("want a text")
	case node.Tag != "!!str":
		// 1.30 without quotes is the number 1.3.
		return "", fmt.Errorf("want a text: put %s into quotes", node.Value)
	}
	return node.Value, nil
}

// nearest suggests the option that was meant.
func (o *Options) nearest(name string) string {
	var flags []string
	for _, s := range o.settings {
		if s.flag != "config" {
			flags = append(flags, s.flag)
		}
	}
	return spelling.DidYouMean(name, flags)
}
