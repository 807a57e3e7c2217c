package diff

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// moved lists the images that have the same name as before and are others. A digest in
// a registry is only held against another one, and an engine's ID against an ID: the two
// are different for the same image.
func moved(before, after map[string]string) []string {
	var all []string
	for _, ref := range slices.Sorted(maps.Keys(after)) {
		was, is := before[ref], after[ref]
		if was == "" || was == is || strings.Contains(was, "@") != strings.Contains(is, "@") {
			continue
		}
		all = append(all, fmt.Sprintf("image %s is another one under the same name: %s -> %s", ref, digestOf(was), digestOf(is)))
	}
	return all
}

// digestOf leaves the repository out, which the reference names.
func digestOf(text string) string { return text[strings.Index(text, "@")+1:] }
