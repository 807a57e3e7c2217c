package stack

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"istio-conformance/internal/check/waits"
	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/desired"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// exact is a version without a range.
var exact = regexp.MustCompile(`^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// readInstallation reads the releases that the user wants installed instead of the
// harness's own, and takes from them what was left out: the version and the profile.
func (s *Stack) readInstallation() error {
	if s.Config.Installation == "" {
		return nil
	}
	var err error
	if s.wanted, err = desired.Read(s.Config.Installation); err != nil {
		return err
	}
	if s.Config.From != "" {
		return exitcode.Usagef("INSTALLATION=%s with FROM=%s: an upgrade installs the harness's own releases; leave one out", s.Config.Installation, s.Config.From)
	}
	for _, chart := range []string{"base", "istiod", "gateway"} {
		if !slices.ContainsFunc(s.wanted, func(r desired.Release) bool { return r.Chart == chart }) {
			return exitcode.Usagef("INSTALLATION=%s: no release of chart %s in it, which every check needs", s.Config.Installation, chart)
		}
	}
	profile := ProfileDefault
	for _, r := range s.wanted {
		if of := profileOf[r.Chart]; of != "" && profile != ProfileAmbient {
			profile = of
		}
	}
	if given := cmp.Or(s.Config.Profile, ProfileDefault); given != ProfileDefault && given != profile {
		return exitcode.Usagef("PROFILE=%s: the charts of INSTALLATION=%s are those of profile %s; leave PROFILE out", given, s.Config.Installation, profile)
	}
	s.Config.Profile = profile
	return s.readWantedVersion()
}

// readWantedVersion takes the version from the releases, unless the user chose one.
func (s *Stack) readWantedVersion() error {
	said := map[string]string{}
	for _, r := range s.wanted {
		if exact.MatchString(r.Version) {
			said[strings.TrimPrefix(r.Version, "v")] = r.Where
		}
	}
	versions := slices.Sorted(maps.Keys(said))
	switch {
	case len(said) == 0:
		return nil
	case s.Config.Istio == "" && len(said) > 1:
		return exitcode.Usagef("INSTALLATION: charts of versions %s (%s) and %s (%s): choose the one to test with ISTIO=", versions[0], said[versions[0]], versions[1], said[versions[1]])
	case s.Config.Istio == "":
		s.Config.Istio = versions[0]
	}
	for _, v := range versions {
		if v != s.Config.Istio {
			s.notes = append(s.notes, fmt.Sprintf("ISTIO=%s is installed, and not the %s of %s", s.Config.Istio, v, said[v]))
		}
	}
	return nil
}

// planWanted returns the user's releases with the harness's layer on top, and the
// charts of a profile that the user has no release of.
func (s *Stack) planWanted(set *images.Set, profile, layer string) ([]charts.Release, error) {
	all := components(s.missingFilters, profile)
	var releases []charts.Release
	plan := func(c component, own map[string]any) error {
		ours, err := c.read(set, layer)
		if err != nil {
			return err
		}
		path, ok := set.Charts[c.chart]
		if !ok {
			return fmt.Errorf("source %s has no chart %s, only %s", set.Source, c.chart, strings.Join(slices.Sorted(maps.Keys(set.Charts)), ", "))
		}
		releases = append(releases, charts.Release{Name: c.release, Namespace: c.namespace, Chart: path, Values: overlay(own, ours), Timeout: s.Config.Waits.Or(waits.Chart, releaseTimeout)})
		return nil
	}
	for _, w := range s.wanted {
		i := slices.IndexFunc(all, func(c component) bool { return c.chart == w.Chart })
		if i < 0 {
			continue // Another profile's, which a check installs for a while.
		}
		c := all[i]
		c.release, c.namespace = w.Name, w.Namespace
		if err := plan(c, w.Values); err != nil {
			return nil, err
		}
		if w.Chart != "base" {
			continue
		}
		for _, c := range all {
			if !slices.ContainsFunc(s.wanted, func(w desired.Release) bool { return w.Chart == c.chart }) {
				if err := plan(c, nil); err != nil {
					return nil, err
				}
			}
		}
	}
	return releases, nil
}

// noteWanted says, for each release of the user's, which of its values the harness
// replaces, and so does not prove, and which it adds.
func (s *Stack) noteWanted(set *images.Set) ([]string, error) {
	var notes []string
	for _, w := range s.wanted {
		for _, c := range components(s.missingFilters, s.Config.Profile) {
			if c.chart != w.Chart {
				continue
			}
			ours, err := c.read(set, s.Config.ValuesLayer)
			if err != nil {
				return nil, err
			}
			reasons, err := c.reasons()
			if err != nil {
				return nil, err
			}
			for _, d := range differences(w.Values, ours) {
				notes = append(notes, d.line(w, reasons))
			}
		}
	}
	return notes, nil
}

// tellWanted says what of the user's values is not as the user has it.
func (s *Stack) tellWanted(logf progress.Logf) error {
	if len(s.wanted) == 0 {
		return nil
	}
	var err error
	if s.wantedNotes, err = s.noteWanted(s.firstImages()); err != nil {
		return err
	}
	for _, note := range s.wantedNotes {
		logf("%s", note)
	}
	return nil
}

// wantedGateway is the first gateway of the user's, as its chart renders it.
func (s *Stack) wantedGateway(ctx context.Context) (Gateway, error) {
	i := slices.IndexFunc(s.wanted, func(r desired.Release) bool { return r.Chart == "gateway" })
	w := s.wanted[i]
	at := slices.IndexFunc(s.Releases, func(r charts.Release) bool { return r.Namespace == w.Namespace && r.Name == w.Name })
	manifest, err := charts.Render(ctx, s.Releases[at], s.Cell.Kubernetes)
	if err != nil {
		return Gateway{}, err
	}
	objects, err := kube.Decode(strings.NewReader(manifest))
	if err != nil {
		return Gateway{}, fmt.Errorf("render release %s: %w", w, err)
	}
	g := Gateway{Namespace: w.Namespace, Release: w.Name}
	for _, o := range objects {
		switch o.GetKind() {
		case "Service":
			selector, _, err := unstructured.NestedStringMap(o.Object, "spec", "selector")
			if err != nil {
				return g, fmt.Errorf("release %s: Service %s: %w", w, o.GetName(), err)
			}
			g.Selector = labels.FormatLabels(selector)
			if own := selector["istio"]; own != "" {
				g.Selector = "istio=" + own // the one that Gateways select by in Istio's instructions
			}
		case "ServiceAccount":
			g.ServiceAccount = o.GetName()
		}
	}
	if g.Selector == "" {
		return g, fmt.Errorf("release %s renders no Service that selects pods", w)
	}
	return g, nil
}
