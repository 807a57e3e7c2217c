package cluster

import (
	"path/filepath"

	"istio-conformance/internal/process/filelock"
)

// Lock takes a cluster's name for this process until the lock is closed: two runs
// of one name would delete each other's cluster. It returns filelock.ErrLocked
// when another run has it.
func Lock(cache, name string) (*filelock.Lock, error) {
	return filelock.Exclusive(filepath.Join(cache, "locks", "cluster-"+name))
}
