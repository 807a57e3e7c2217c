package istio

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// noPatch is the Patch of a Version that names only a minor.
const noPatch = -1

// Version is a version of Istio or Kubernetes: a minor such as 1.31, or a full
// one such as 1.31.0.
type Version struct {
	Major, Minor, Patch int
}

var versionPattern = regexp.MustCompile(`^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?$`)

// ParseVersion reads a version with or without a leading "v". Pre-releases are
// no versions here: no chart repository and no node image has them.
func ParseVersion(text string) (Version, error) {
	parts := versionPattern.FindStringSubmatch(text)
	if parts == nil {
		return Version{}, fmt.Errorf("%q is not a version; want a minor such as 1.31 or a full version such as 1.31.0", text)
	}
	numbers := [3]int{2: noPatch}
	for i, digits := range parts[1:] {
		if digits == "" {
			continue
		}
		number, err := strconv.Atoi(digits)
		if err != nil {
			return Version{}, fmt.Errorf("version %q: %w", text, err)
		}
		numbers[i] = number
	}
	return Version{numbers[0], numbers[1], numbers[2]}, nil
}

// UnmarshalText reads a version from the tables.
func (v *Version) UnmarshalText(text []byte) error {
	parsed, err := ParseVersion(string(text))
	*v = parsed
	return err
}

// String is the version without a leading "v".
func (v Version) String() string {
	if v.Full() {
		return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
	}
	return fmt.Sprintf("%d.%d", v.Major, v.Minor)
}

// Full says whether the version names a patch.
func (v Version) Full() bool { return v.Patch != noPatch }

// SameMinor says whether both belong to one minor version.
func (v Version) SameMinor(other Version) bool { return compareMinor(v, other) == 0 }

// matches says whether the full version is the one that was asked for, or
// belongs to the minor that was.
func (v Version) matches(asked Version) bool {
	return v.SameMinor(asked) && (!asked.Full() || v.Patch == asked.Patch)
}

func compareMinor(a, b Version) int {
	return cmp.Or(cmp.Compare(a.Major, b.Major), cmp.Compare(a.Minor, b.Minor))
}

func compare(a, b Version) int {
	return cmp.Or(compareMinor(a, b), cmp.Compare(a.Patch, b.Patch))
}

// list joins versions for an error's line.
func list(prefix string, versions []Version) string {
	names := make([]string, 0, len(versions))
	for _, v := range versions {
		names = append(names, prefix+v.String())
	}
	return strings.Join(names, ", ")
}
