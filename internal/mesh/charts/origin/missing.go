package origin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"istio-conformance/internal/process/exitcode"
)

// shownVersions is how many versions an error lists.
const shownVersions = 8

// MissingError says that an origin does not have a chart, or not that version.
type MissingError struct {
	// Where is the origin. Version is empty where it does not have the chart at all.
	Where, Chart, Version string
	// Has are the versions near the wanted one, or the charts that are there.
	Has []string
}

func (e *MissingError) Error() string {
	has := strings.Join(e.Has, ", ")
	switch {
	case e.Version == "":
		return fmt.Sprintf("%s has no chart %s; it has %s", e.Where, e.Chart, cmp.Or(has, "none"))
	case has == "":
		return fmt.Sprintf("%s has no version of chart %s", e.Where, e.Chart)
	}
	return fmt.Sprintf("%s has no version %s of chart %s; near it are %s", e.Where, e.Version, e.Chart, has)
}

// missing is a MissingError that ends a run with status exitcode.Usage.
func missing(where, chart, version string, has []string) error {
	if version != "" {
		has = Near(has, version)
	}
	return exitcode.Usagef("%w", &MissingError{where, chart, version, has})
}

// Near returns versions of the same minor as the wanted one, the newest first; where
// there is none, the newest of all. They are eight at most.
func Near(all []string, wanted string) []string {
	asked, err := semver.NewVersion(wanted)
	if err != nil {
		asked = &semver.Version{} // no version is near it
	}
	same := slices.DeleteFunc(slices.Clone(all), func(text string) bool {
		v, err := semver.NewVersion(text)
		return err != nil || v.Major() != asked.Major() || v.Minor() != asked.Minor()
	})
	if len(same) == 0 {
		same = all
	}
	return same[:min(len(same), shownVersions)]
}

// sorted returns the versions, the newest first, without those that are none: Helm
// could not install them either.
func sorted(all []string) []string {
	var versions []*semver.Version
	for _, text := range all {
		if v, err := semver.NewVersion(text); err == nil {
			versions = append(versions, v)
		}
	}
	slices.SortFunc(versions, func(a, b *semver.Version) int { return b.Compare(a) })
	names := make([]string, 0, len(versions))
	for _, v := range versions {
		names = append(names, v.Original())
	}
	return names
}
