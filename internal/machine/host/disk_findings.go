package host

import (
	"errors"
	"fmt"
	"strings"
)

// diskFindings compares the free space with the needs, file system by file
// system.
func diskFindings(f Facts, needs []DiskNeed) []Finding {
	var findings []Finding
	byDevice := map[uint64][]DiskNeed{}
	var disks []Disk // the first of each file system, in the order of the needs
	for _, need := range needs {
		disk, err := f.disk(need.Dir)
		if err != nil {
			findings = append(findings, Finding{Warning, fmt.Sprintf("the free space of %s is unknown: %v", need.Dir, err), ""})
			continue
		}
		if len(byDevice[disk.Device]) == 0 {
			disks = append(disks, disk)
		}
		byDevice[disk.Device] = append(byDevice[disk.Device], need)
	}
	for _, disk := range disks {
		findings = append(findings, diskFinding(disk, byDevice[disk.Device])...)
	}
	return findings
}

// disk returns the file system of a directory that the facts were gathered for.
func (f Facts) disk(dir string) (Disk, error) {
	for _, disk := range f.Disks {
		if disk.Dir == dir {
			return disk, disk.Free.Err
		}
	}
	return Disk{}, errors.New("it was not looked at")
}

// diskFinding compares the free space of one file system with all that is
// needed on it.
func diskFinding(disk Disk, needs []DiskNeed) []Finding {
	var total Bytes
	var parts, changes []string
	for _, need := range needs {
		total += need.Size
		parts = append(parts, fmt.Sprintf("%s for %s in %s", need.Size, need.Purpose, need.Dir))
		if need.Change != "" {
			changes = append(changes, need.Change)
		}
	}
	if disk.Free.Value >= total {
		return nil
	}
	message := fmt.Sprintf("%s free on the file system of %s, %s needed (%s)", disk.Free, disk.Dir, total, strings.Join(parts, ", "))
	return []Finding{{Error, message, strings.Join(append([]string{"free some space"}, changes...), ", or ")}}
}
