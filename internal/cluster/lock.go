package cluster

import (
	"os"
	"path/filepath"

	"istio-conformance/internal/process/filelock"
)

// Lock takes a cluster's name for this process until the file is closed: two runs
// of one name would delete each other's cluster. It returns filelock.ErrLocked
// when another run has it.
func Lock(cache, name string) (*os.File, error) {
	return filelock.Exclusive(filepath.Join(cache, "locks", "cluster-"+name))
}
