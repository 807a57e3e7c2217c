package stack

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"istio-conformance/fixtures"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/desired"
)

// overlay lays the harness's values over the user's. Of two lists of named things,
// such as a Service's ports, none of the user's is lost.
func overlay(user, ours map[string]any) map[string]any {
	merged := charts.Values(user)
	for key, value := range ours {
		switch value := value.(type) {
		case map[string]any:
			below, _ := merged[key].(map[string]any) // nil where it is no table
			merged[key] = overlay(below, value)
		case []any:
			below, _ := merged[key].([]any) // nil where it is no list
			merged[key] = overlayList(below, value)
		default:
			merged[key] = value
		}
	}
	return merged
}

// overlayList puts each of our entries over the user's entry of the same name or port,
// and adds those that the user has not.
func overlayList(user, ours []any) []any {
	merged := slices.Clone(user)
	for _, entry := range ours {
		i := slices.IndexFunc(merged, func(have any) bool { return sameEntry(have, entry) })
		if i < 0 {
			merged = append(merged, entry)
			continue
		}
		mine, isTable := entry.(map[string]any)
		theirs, alsoTable := merged[i].(map[string]any)
		if isTable && alsoTable {
			// A port keeps its name and where it leads; only the node port is ours.
			merged[i] = charts.Values(mine, theirs, only(mine, "nodePort"))
		}
	}
	return merged
}

// sameEntry says whether two entries of a list are about the same: equal texts, the
// same port, or the same name.
func sameEntry(a, b any) bool {
	tableA, ok := a.(map[string]any)
	tableB, also := b.(map[string]any)
	if !ok || !also {
		return text(a) == text(b)
	}
	for _, key := range []string{"port", "name"} {
		if tableB[key] != nil {
			return text(tableA[key]) == text(tableB[key])
		}
	}
	return false
}

// only is a table with one key of another, if that has it.
func only(of map[string]any, key string) map[string]any {
	if value, found := of[key]; found {
		return map[string]any{key: value}
	}
	return nil
}

// difference is a value that the harness lays over the user's.
type difference struct {
	// path leads to the value, with dots.
	path string
	// user is nil where the user says nothing.
	user, ours any
}

// differences are what overlay changes, by path.
func differences(user, ours map[string]any) []difference {
	var all []difference
	merged := overlay(user, ours)
	for _, key := range slices.Sorted(maps.Keys(ours)) {
		if table, ok := ours[key].(map[string]any); ok {
			below, _ := user[key].(map[string]any) // nil where it is no table
			for _, d := range differences(below, table) {
				d.path = key + "." + d.path
				all = append(all, d)
			}
			continue
		}
		if text(user[key]) != text(merged[key]) {
			all = append(all, difference{key, user[key], merged[key]})
		}
	}
	return all
}

// because is the reason of the value, or of the nearest one that it stands below.
func (d difference) because(reasons map[string]string) string {
	for path := d.path; ; {
		if reason := reasons[path]; reason != "" {
			return reason
		}
		at := strings.LastIndex(path, ".")
		if at < 0 {
			return ""
		}
		path = path[:at]
	}
}

// line is a difference with its reason.
func (d difference) line(w desired.Release, reasons map[string]string) string {
	reason := ""
	if because := d.because(reasons); because != "" {
		reason = ": " + because
	}
	if d.user == nil {
		return fmt.Sprintf("values of release %s: %s is added%s", w, d.path, reason)
	}
	return fmt.Sprintf("values of release %s: %s of %s is replaced, so that your value is not proved%s", w, d.path, w.Where, reason)
}

// imageReasons are the reasons of what no file holds.
var imageReasons = map[string]string{
	"global.hub": "the images are those of IMAGES", "global.tag": "the images are those of IMAGES",
	"hub": "the images are those of IMAGES", "tag": "the images are those of IMAGES", "image": "ZTUNNEL names it",
}

// reasons are the comments in the component's files of values, by the path of the
// value below them.
func (c component) reasons() (map[string]string, error) {
	all := maps.Clone(imageReasons)
	for _, file := range c.values {
		content, err := fixtures.Files.ReadFile("values/" + file + ".yaml")
		if err != nil {
			return nil, err
		}
		var document yaml.Node
		if err := yaml.Unmarshal(content, &document); err != nil {
			return nil, fmt.Errorf("values/%s.yaml: %w", file, err)
		}
		if len(document.Content) > 0 {
			comments(all, "", document.Content[0])
		}
	}
	return all, nil
}

// comments collects the first sentence of the comment above each key.
func comments(into map[string]string, path string, node *yaml.Node) {
	if node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		at := path + key.Value
		// A comment that stands apart, with an empty line below it, is the file's.
		paragraphs := strings.Split(key.HeadComment, "\n\n")
		if comment := strings.Join(strings.Fields(strings.ReplaceAll(paragraphs[len(paragraphs)-1], "#", " ")), " "); comment != "" {
			sentence, _, _ := strings.Cut(comment, ". ")
			into[at] = strings.TrimSuffix(sentence, ".")
		}
		comments(into, at+".", node.Content[i+1])
	}
}

// text is a value as JSON, which numbers of any type are equal in.
func text(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(encoded)
}
