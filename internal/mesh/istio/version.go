package istio

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// noPatch is the Patch of a Version that names only a minor.
const noPatch = -1

// Version is a version of Istio or Kubernetes: a minor such as 1.31, or a full one
// such as 1.31.0, 1.32.0-rc.1 or the daily build 1.32-alpha.<commit>.
type Version struct {
	Major, Minor, Patch int
	// Pre is what a pre-release has behind the hyphen; empty for a release.
	Pre string
}

var versionPattern = regexp.MustCompile(`^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:-([0-9A-Za-z][0-9A-Za-z.-]{0,63}))?$`)

// ParseVersion reads a version with or without a leading "v".
func ParseVersion(text string) (Version, error) {
	parts := versionPattern.FindStringSubmatch(text)
	if parts == nil {
		return Version{}, fmt.Errorf("%q is not a version; want a minor such as 1.31, a full version such as 1.31.0, or a pre-release such as 1.32.0-rc.1", text)
	}
	numbers := [3]int{2: noPatch}
	for i, digits := range parts[1:4] {
		if digits == "" {
			continue
		}
		number, err := strconv.Atoi(digits)
		if err != nil {
			return Version{}, fmt.Errorf("version %q: %w", text, err)
		}
		numbers[i] = number
	}
	return Version{numbers[0], numbers[1], numbers[2], parts[4]}, nil
}

// UnmarshalText reads a version from the tables.
func (v *Version) UnmarshalText(text []byte) error {
	parsed, err := ParseVersion(string(text))
	*v = parsed
	return err
}

// String is the version without a leading "v".
func (v Version) String() string {
	text := fmt.Sprintf("%d.%d", v.Major, v.Minor)
	if v.Patch != noPatch {
		text = fmt.Sprintf("%s.%d", text, v.Patch)
	}
	if v.Pre != "" {
		text += "-" + v.Pre
	}
	return text
}

// Full says whether the version names one release or build, and not a whole minor.
func (v Version) Full() bool { return v.Patch != noPatch || v.Pre != "" }

// SameMinor says whether both belong to one minor version.
func (v Version) SameMinor(other Version) bool { return compareMinor(v, other) == 0 }

// matches says whether the full version is the one that was asked for, or
// belongs to the minor that was. A minor means a release of it.
func (v Version) matches(asked Version) bool {
	if asked.Full() {
		return v == asked
	}
	return v.SameMinor(asked) && v.Pre == ""
}

// In says whether one of the versions is the one that was asked for, or a release of
// the minor that was.
func (v Version) In(all []Version) bool {
	return slices.ContainsFunc(all, func(one Version) bool { return one.matches(v) })
}

// MinorOf returns the minor that the version belongs to.
func (v Version) MinorOf() Version { return Version{v.Major, v.Minor, noPatch, ""} }

func compareMinor(a, b Version) int {
	return cmp.Or(cmp.Compare(a.Major, b.Major), cmp.Compare(a.Minor, b.Minor))
}

// Compare is the order of Semantic Versioning: a pre-release comes before its
// release. A daily build, which names no patch, comes before all of its minor.
func Compare(a, b Version) int {
	return cmp.Or(compareMinor(a, b), cmp.Compare(a.Patch, b.Patch), comparePre(a.Pre, b.Pre))
}

func comparePre(a, b string) int {
	return semver.New(0, 0, 0, a, "").Compare(semver.New(0, 0, 0, b, ""))
}

// list joins versions for an error's line.
func list(prefix string, versions []Version) string {
	names := make([]string, 0, len(versions))
	for _, v := range versions {
		names = append(names, prefix+v.String())
	}
	return strings.Join(names, ", ")
}
