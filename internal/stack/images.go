package stack

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// renderedImages returns the references of the images that a set's charts run with
// the values of this run, and notes in the set which of them is the proxy. In the
// default profile a check installs chart cni for a while.
func (b *Builder) renderedImages(ctx context.Context, set *images.Set) ([]string, error) {
	set.Ztunnel = cmp.Or(b.ztunnel.reference, set.Ztunnel)
	profile := cmp.Or(b.config.Profile, ProfileDefault)
	releases, err := b.PlanReleases(set, profile, b.config.ValuesLayer)
	if err != nil {
		return nil, err
	}
	if profile == ProfileDefault {
		others, err := b.PlanReleases(set, ProfileCNI, b.config.ValuesLayer)
		if err != nil {
			return nil, err
		}
		releases = append(releases, others[slices.IndexFunc(others, func(r charts.Release) bool { return r.Chart == set.Charts["cni"] })])
	}
	all, proxy, err := charts.Images(ctx, releases, b.Cell.Kubernetes)
	set.Proxy = proxy
	return all, err
}

// offer sees to it that a set has every image that its charts render, by the name
// that they give it, and refuses one that lacks an image: pods would wait for it
// until the installation's time is up.
func (b *Builder) offer(ctx context.Context, set *images.Set, logf progress.Logf) error {
	wanted, err := b.renderedImages(ctx, set)
	if err != nil {
		return err
	}
	if set.Digests == nil {
		set.Digests = map[string]string{}
	}
	if ref := b.ztunnel.reference; ref != "" && set.Digests[ref] == "" {
		set.Load, set.Digests[ref] = append(slices.Clone(set.Load), ref), b.ztunnel.id
	}
	names, missing := names(set, wanted)
	if len(missing) > 0 {
		return exitcode.Usagef("PROFILE=%s: source %s lacks %s: the charts of Istio %s name them. %s",
			cmp.Or(b.config.Profile, ProfileDefault), set.Source, strings.Join(missing, ", "), set.Tag, b.remedy(missing))
	}
	if b.imageNames == nil {
		b.imageNames = map[string]string{}
	}
	maps.Copy(b.imageNames, names)
	if len(names) > 0 {
		logf("%s", b.namesNote())
	}
	return nil
}

// namesNote says which images have a second name, and that it is no second image.
func (b *Builder) namesNote() string {
	return fmt.Sprintf("the profile's charts name a variant of the images, and there is one build of each: %s is the one without the variant in its tag",
		strings.Join(slices.Sorted(maps.Keys(b.imageNames)), ", "))
}

// names returns what else images of a set must be called, by the new name, so that
// it has all that are wanted; and which it lacks.
func names(set *images.Set, wanted []string) (names map[string]string, missing []string) {
	names = map[string]string{}
	for _, ref := range wanted {
		if set.Digests[ref] != "" {
			continue
		}
		if plain, _, ok := strings.Cut(ref, ":"+set.Tag+"-"); ok && set.OneVariant && set.Digests[plain+":"+set.Tag] != "" {
			names[ref] = plain + ":" + set.Tag
			continue
		}
		missing = append(missing, ref)
	}
	return names, missing
}

// remedy says where missing images can come from.
func (b *Builder) remedy(missing []string) string {
	switch {
	case !slices.ContainsFunc(missing, func(ref string) bool { return !strings.Contains(ref, "/ztunnel:") }):
		return noZtunnel
	case b.config.Images == istio.SourceArchive:
		return fmt.Sprintf("Save an archive with PROFILE=%s, or use IMAGES=release", b.config.Profile)
	default:
		return "Use IMAGES=release"
	}
}
