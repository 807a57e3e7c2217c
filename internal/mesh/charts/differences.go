package charts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/resource"
)

// shownValues is how many values that differ are worth a line each.
const shownValues = 5

// Differences says, a line each, what of a release is not as it should be: what
// Apply would put right. It changes nothing. A field of an object that somebody else
// has changed is not among them: Apply leaves that as it is.
func (c *Client) Differences(ctx context.Context, r Release) ([]string, error) {
	installed, err := c.Get(ctx, r.Namespace, r.Name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return []string{fmt.Sprintf("release %s is not installed", r)}, nil
	}
	if err != nil {
		return nil, err
	}
	var lines []string
	if status := installed.Info.Status; status != release.StatusDeployed {
		lines = append(lines, fmt.Sprintf("revision %d of release %s is %s", installed.Version, r, status))
	}
	same, err := sameContent(installed, r)
	if err != nil {
		return nil, fmt.Errorf("compare release %s with what is installed: %w", r, err)
	}
	if !same {
		changed, err := contentDifferences(installed, r)
		if err != nil {
			return nil, fmt.Errorf("compare the values of release %s: %w", r, err)
		}
		lines = append(lines, changed...)
	}
	missing, err := c.missing(ctx, installed, r)
	return append(lines, missing...), err
}

// contentDifferences names the values that differ, and the chart where they do not.
func contentDifferences(installed *release.Release, r Release) ([]string, error) {
	have, want := flatten("", Values(installed.Config)), flatten("", r.Values)
	var lines []string
	keys := maps.Clone(have)
	maps.Copy(keys, want)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		h, err := canonical(have[key])
		if err != nil {
			return nil, err
		}
		w, err := canonical(want[key])
		if err != nil {
			return nil, err
		}
		if bytes.Equal(h, w) {
			continue
		}
		is, wanted := orNone(have[key]), orNone(want[key])
		if is == wanted { // a number and the same digits in quotes
			is, wanted = string(h), string(w)
		}
		lines = append(lines, fmt.Sprintf("value %s of release %s is %s, want %s", key, r, is, wanted))
	}
	if len(lines) == 0 {
		return []string{fmt.Sprintf("release %s has another chart: %s-%s", r, installed.Chart.Name(), installed.Chart.Metadata.Version)}, nil
	}
	if more := len(lines) - shownValues; more > 0 {
		lines = append(lines[:shownValues], fmt.Sprintf("%d more values of release %s differ", more, r))
	}
	return lines, nil
}

// orNone prints a value on one line; "none" stands for nil.
func orNone(value any) string {
	if value == nil {
		return "none"
	}
	return strings.Join(strings.Fields(fmt.Sprint(value)), " ")
}

// flatten lists what is not a map by its path, such as global.hub.
func flatten(prefix string, values map[string]any) map[string]any {
	flat := map[string]any{}
	for key, value := range values {
		switch value := value.(type) {
		case map[string]any:
			maps.Copy(flat, flatten(prefix+key+".", value))
		default:
			flat[prefix+key] = value
		}
	}
	return flat
}

// missing names the objects of a release's manifest that the cluster lacks.
func (c *Client) missing(ctx context.Context, installed *release.Release, r Release) ([]string, error) {
	cfg, err := c.configuration(ctx, r.Namespace)
	if err != nil {
		return nil, fmt.Errorf("look at the objects of release %s: %w", r, err)
	}
	resources, err := cfg.KubeClient.Build(strings.NewReader(installed.Manifest), false)
	if err != nil {
		return nil, fmt.Errorf("read the manifest of release %s: %w", r, err)
	}
	var lines []string
	err = resources.Visit(func(info *resource.Info, err error) error {
		if err != nil {
			return err
		}
		if err := info.Get(); apierrors.IsNotFound(err) {
			lines = append(lines, fmt.Sprintf("%s of release %s is missing", objectName(info), r))
		} else if err != nil {
			return fmt.Errorf("get %s: %w", objectName(info), err)
		}
		return nil
	})
	return lines, err
}
