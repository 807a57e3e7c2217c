package charts

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"istio-conformance/internal/exitcode"
)

// shownVersions is how many versions an error lists.
const shownVersions = 8

// index is what is needed of a chart repository's index.yaml; see
// https://helm.sh/docs/topics/chart_repository/.
type index struct {
	Entries map[string][]indexEntry `json:"entries"`
}

type indexEntry struct {
	Version string `json:"version"`
	// URLs are absolute or relative to the repository's.
	URLs []string `json:"urls"`
	// Digest is the SHA-256 of the package in hexadecimal; it may be missing.
	Digest string `json:"digest"`
}

// find returns the entry of exactly this version. A chart or version that the
// repository does not have is an error with status exitcode.Usage that names
// those it has.
func (x *index) find(repoURL, name, version string) (*indexEntry, error) {
	entries := x.Entries[name]
	if len(entries) == 0 {
		return nil, exitcode.Usagef("chart repository %s has no chart %s; it has %s",
			repoURL, name, strings.Join(slices.Sorted(maps.Keys(x.Entries)), ", "))
	}
	i := slices.IndexFunc(entries, func(e indexEntry) bool { return e.Version == version })
	if i < 0 {
		return nil, exitcode.Usagef("chart repository %s has no version %s of chart %s; near it are %s",
			repoURL, version, name, strings.Join(near(entries, version), ", "))
	}
	if len(entries[i].URLs) == 0 {
		return nil, exitcode.Environmentf("chart repository %s: chart %s %s has no URL", repoURL, name, version)
	}
	return &entries[i], nil
}

// near returns versions of the same minor, the newest first; if there is none,
// the newest of all.
func near(entries []indexEntry, version string) []string {
	asked, err := semver.NewVersion(version)
	if err != nil {
		asked = &semver.Version{} // no version is near it
	}
	var all, same []*semver.Version
	for _, e := range entries {
		v, err := semver.NewVersion(e.Version)
		if err != nil {
			continue // Helm could not install it either
		}
		all = append(all, v)
		if cmp.Or(cmp.Compare(v.Major(), asked.Major()), cmp.Compare(v.Minor(), asked.Minor())) == 0 {
			same = append(same, v)
		}
	}
	if len(same) == 0 {
		same = all
	}
	slices.SortFunc(same, func(a, b *semver.Version) int { return b.Compare(a) })
	var names []string
	for _, v := range same[:min(len(same), shownVersions)] {
		names = append(names, v.Original())
	}
	return names
}
