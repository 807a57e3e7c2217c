package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// OS is the operating system's distribution.
type OS struct {
	// ID is the distribution, such as "debian".
	ID string
	// Version is its VERSION_ID, such as "12"; empty for a rolling one.
	Version string
	// LikeIDs are the distributions that it was made from.
	LikeIDs []string
}

// Like says whether the system is the distribution or made from it.
func (o OS) Like(id string) bool { return o.ID == id || slices.Contains(o.LikeIDs, id) }

// String returns the system's name and version, such as "debian 12".
func (o OS) String() string { return strings.TrimSpace(o.ID + " " + o.Version) }

// ReadOS returns the distribution of the system whose root directory is root.
// Source: os-release(5).
func ReadOS(root string) (OS, error) {
	content, err := os.ReadFile(filepath.Join(root, "etc", "os-release"))
	if errors.Is(err, fs.ErrNotExist) {
		content, err = os.ReadFile(filepath.Join(root, "usr", "lib", "os-release"))
	}
	if err != nil {
		return OS{}, fmt.Errorf("read the system's distribution: %w", err)
	}
	// What a file without the field means.
	system := OS{ID: "linux"}
	for line := range strings.Lines(string(content)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch name {
		case "ID":
			system.ID = value
		case "VERSION_ID":
			system.Version = value
		case "ID_LIKE":
			system.LikeIDs = strings.Fields(value)
		}
	}
	return system, nil
}
