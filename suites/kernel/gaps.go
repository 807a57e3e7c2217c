package kernel

import (
	"fmt"
	"slices"
	"strings"
)

// gap is something that was not seen to work on a node.
type gap struct{ node, name, reason string }

// gaps are what a check has not seen to work.
type gaps []gap

// String says each reason once, with all that it holds for.
func (g gaps) String() string {
	var texts []string
	for i, first := range g {
		if slices.ContainsFunc(g[:i], func(earlier gap) bool { return earlier.reason == first.reason }) {
			continue
		}
		var names, nodes []string
		for _, same := range g[i:] {
			if same.reason != first.reason {
				continue
			}
			if !slices.Contains(names, same.name) {
				names = append(names, same.name)
			}
			if !slices.Contains(nodes, same.node) {
				nodes = append(nodes, same.node)
			}
		}
		texts = append(texts, fmt.Sprintf("%s on %s: %s", strings.Join(names, ", "), strings.Join(nodes, ", "), first.reason))
	}
	return strings.Join(texts, "; ")
}
