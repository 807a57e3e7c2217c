package stack

import (
	"errors"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/filelock"
)

// lockName keeps the cluster's name for this run until its process ends: two
// runs of one name would delete each other's cluster.
func (s *Stack) lockName() error {
	var err error
	s.nameLock, err = cluster.Lock(s.Config.CacheDir, s.Config.Name)
	if errors.Is(err, filelock.ErrLocked) {
		s.othersName = true
		return exitcode.Environmentf("another run is using the cluster %s: wait for its end, or choose another name with NAME=", s.Config.Name)
	}
	return err
}
