package stack

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"istio-conformance/internal/check/waits"
	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/desired"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// readInstallation reads the releases that the user wants installed instead of the
// harness's own, and takes from them what was left out: the version and the profile.
func (b *Builder) readInstallation() error {
	if b.config.Installation == "" {
		return nil
	}
	var err error
	if b.wanted, err = desired.Read(b.config.Installation); err != nil {
		return err
	}
	if b.config.From != "" && !b.config.Captured {
		return exitcode.Usagef("INSTALLATION=%s with FROM=%s: an upgrade installs the harness's own releases; leave one out", b.config.Installation, b.config.From)
	}
	for _, chart := range []string{"base", "istiod", "gateway"} {
		if !slices.ContainsFunc(b.wanted, func(r desired.Release) bool { return r.Chart == chart }) {
			return exitcode.Usagef("INSTALLATION=%s: no release of chart %s in it, which every check needs", b.config.Installation, chart)
		}
	}
	profile := ProfileDefault
	for _, r := range b.wanted {
		if of := profileOf[r.Chart]; of != "" && profile != ProfileAmbient {
			profile = of
		}
	}
	if given := cmp.Or(b.config.Profile, ProfileDefault); given != ProfileDefault && given != profile {
		return exitcode.Usagef("PROFILE=%s: the charts of INSTALLATION=%s are those of profile %s; leave PROFILE out", given, b.config.Installation, profile)
	}
	b.config.Profile = profile
	return b.readWantedVersion()
}

// Want replaces the user's releases by those of another file or folder: what PlanReleases
// returns from now on.
func (s *Stack) Want(installation string) error {
	wanted, err := desired.Read(installation)
	if err == nil {
		s.wanted = wanted
	}
	return err
}

// readWantedVersion takes the version from the releases, unless the user chose one.
func (b *Builder) readWantedVersion() error {
	said := map[string]string{}
	for _, r := range b.wanted {
		// A range, or a minor alone, says less than ISTIO's default.
		if v, err := istio.ParseVersion(r.Version); err == nil && v.Full() {
			said[v.String()] = r.Where
		}
	}
	versions := slices.Sorted(maps.Keys(said))
	switch {
	case len(said) == 0:
		return nil
	case b.config.Istio == "" && len(said) > 1:
		return exitcode.Usagef("INSTALLATION: charts of versions %s (%s) and %s (%s): choose the one to test with ISTIO=", versions[0], said[versions[0]], versions[1], said[versions[1]])
	case b.config.Istio == "":
		b.config.Istio = versions[0]
	}
	for _, v := range versions {
		if v != b.config.Istio {
			b.resolved = append(b.resolved, fmt.Sprintf("ISTIO=%s is installed, and not the %s of %s", b.config.Istio, v, said[v]))
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
		ours, err := s.layerOf(c, own, set, layer)
		if err != nil {
			return err
		}
		path, ok := set.Charts[c.chart]
		if !ok {
			return fmt.Errorf("source %s has no chart %s, only %s", set.Source, c.chart, strings.Join(slices.Sorted(maps.Keys(set.Charts)), ", "))
		}
		releases = append(releases, charts.Release{Name: c.release, Namespace: c.namespace, Chart: path, Values: overlay(own, ours), Timeout: s.config.Waits.Or(waits.Chart, releaseTimeout)})
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

// layerOf is what the harness lays over a release. The node ports are those of the
// gateway under test: another one gets some of its own.
func (s *Stack) layerOf(c component, user map[string]any, set *images.Set, layer string) (map[string]any, error) {
	ours, err := c.read(set, layer)
	if err != nil || c.chart != "gateway" {
		if c.chart == "base" {
			// Nothing that the checks need: the user's own go before them.
			maps.DeleteFunc(ours, func(key string, _ any) bool { return user[key] != nil })
		}
		return ours, err
	}
	if under := s.wantedGateway(); c.release != under.Name || c.namespace != under.Namespace {
		delete(ours["service"].(map[string]any), "ports")
	}
	return ours, nil
}

// noteWanted says, for each release of the user's, which of its values the harness
// replaces, and so does not prove, and which it adds.
func (b *Builder) noteWanted(set *images.Set) ([]string, error) {
	var notes []string
	for _, w := range b.wanted {
		for _, c := range components(b.missingFilters, b.config.Profile) {
			if c.chart != w.Chart {
				continue
			}
			c.release, c.namespace = w.Name, w.Namespace
			ours, err := b.layerOf(c, w.Values, set, b.config.ValuesLayer)
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
func (b *Builder) tellWanted(logf progress.Logf) error {
	if len(b.wanted) == 0 {
		return nil
	}
	var err error
	if b.wantedNotes, err = b.noteWanted(b.firstImages()); err != nil {
		return err
	}
	for _, note := range b.wantedNotes {
		logf("%s", note)
	}
	return nil
}

// findWantedGateway takes the first gateway of the user's as the one under test, by its
// Service.
func (s *Stack) findWantedGateway(ctx context.Context, logf progress.Logf) error {
	if err := s.findIstiod(ctx, logf); err != nil {
		return err
	}
	if err := s.readMesh(ctx); err != nil {
		return err
	}
	if _, err := s.describeGateway(ctx, s.wantedGateway().String()); err != nil {
		return err
	}
	s.Gateway.Witnesses = harnessWitnesses()
	return nil
}

// wantedGateway is the user's gateway under test: the first.
func (s *Stack) wantedGateway() desired.Release {
	return s.wanted[slices.IndexFunc(s.wanted, func(r desired.Release) bool { return r.Chart == "gateway" })]
}

// enrolment are the labels by which a namespace asks for sidecars, and by which istiod
// sees it where the user's values have it look at some namespaces alone.
func (s *Stack) enrolment() map[string]string {
	labels := map[string]string{NamespaceLabel: "enabled"}
	if len(s.injection) > 0 {
		labels = maps.Clone(s.injection)
	}
	maps.Copy(labels, s.discovered())
	return labels
}

// discovered are labels by which istiod sees a namespace, by the first of the user's
// discoverySelectors; empty where it sees every namespace.
func (s *Stack) discovered() map[string]string {
	for _, w := range s.wanted {
		mesh, _ := w.Values["meshConfig"].(map[string]any) // nil where it is no table
		selectors, _ := mesh["discoverySelectors"].([]any) // nil where it is no list
		if w.Chart == "istiod" && len(selectors) > 0 {
			return satisfying(selectorOf(selectors[0]))
		}
	}
	return s.selected
}
