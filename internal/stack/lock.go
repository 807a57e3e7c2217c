package stack

import (
	"errors"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/filelock"
)

// lockName keeps the cluster's name for this run until its process ends: two
// runs of one name would delete each other's cluster.
func (b *Builder) lockName() error {
	var err error
	b.nameLock, err = cluster.Lock(b.config.CacheDir, b.config.Name)
	if errors.Is(err, filelock.ErrLocked) {
		b.othersName = true
		return exitcode.Environmentf("another run is using the cluster %s: wait for its end, or choose another name with NAME=", b.config.Name)
	}
	return err
}
