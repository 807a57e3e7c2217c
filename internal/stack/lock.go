package stack

import (
	"errors"
	"path/filepath"

	"istio-conformance/internal/exitcode"
	"istio-conformance/internal/filelock"
)

// lockName keeps the cluster's name for this run until its process ends: two
// runs of one name would delete each other's cluster.
func (s *Stack) lockName() error {
	var err error
	s.nameLock, err = filelock.Exclusive(filepath.Join(s.Config.CacheDir, "locks", "cluster-"+s.Config.Name))
	if errors.Is(err, filelock.ErrLocked) {
		s.othersName = true
		return exitcode.Environmentf("another run is using the cluster %s: wait for its end, or choose another name with NAME=", s.Config.Name)
	}
	return err
}
