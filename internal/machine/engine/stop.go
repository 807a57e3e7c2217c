package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"istio-conformance/internal/process/filelock"
)

// ErrNoPrivate says that there is no private engine and nothing left of one.
var ErrNoPrivate = errors.New("no private Docker engine")

// Find returns the private engine of the cache directory, whichever run started
// it, so that Stop can end it; also what is left of one that ended by itself.
// When there is neither, the error is ErrNoPrivate.
func Find(o Options) (*Engine, error) {
	private := layoutOf(o.CacheDir)
	all, err := processes(procDir)
	if err != nil {
		return nil, err
	}
	_, running := private.dockerd(all)
	_, err = os.Stat(private.runtime)
	if !running && errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoPrivate
	}
	return &Engine{Host: private.host(), Owned: true, private: private, logf: o.logf()}, nil
}

// Stop ends the private engine with all of its containers and takes away what
// it left outside of the cache directory: mounts, chains, bridges, settings and
// runtime files. The images stay in the cache. An engine that is not ours
// goes on, see Leave, and so does one that another run still uses.
func (e *Engine) Stop(ctx context.Context) (err error) {
	if !e.Owned {
		return e.Leave()
	}
	lock, err := lockFile(ctx, e.private.lock())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if e.using != nil {
		if err := e.using.Close(); err != nil {
			return fmt.Errorf("give up the private Docker engine: %w", err)
		}
		e.using = nil
	}
	users, err := filelock.Exclusive(e.private.users())
	if errors.Is(err, filelock.ErrLocked) {
		e.logf("the private Docker engine stays: another run uses it")
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, users.Close()) }()
	e.logf("stopping the private Docker engine of %s", e.private.data)
	if err := e.private.stop(ctx); err != nil {
		return fmt.Errorf("stop the private Docker engine of %s: %w", e.private.data, err)
	}
	return nil
}

// stop does the work of Stop; the caller holds the lock. The order matters: what
// runs uses the mounts, removing files would reach into what is mounted, and the
// files hold the record of the network.
func (l layout) stop(ctx context.Context) error {
	if err := l.endProcesses(ctx); err != nil {
		return err
	}
	if err := l.unmount(); err != nil {
		return err
	}
	if err := l.restoreNetwork(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(l.runtime); err != nil {
		return fmt.Errorf("remove the engine's runtime files: %w", err)
	}
	if err := l.removeModulesDir(); err != nil {
		return err
	}
	// The directory of all private engines goes with the last one.
	if err := os.Remove(filepath.Dir(l.runtime)); err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the engine's runtime files: %w", err)
	}
	return nil
}

// restoreNetwork takes away what the engine left in the network. While another
// dockerd runs there, what looks left over may be in use, and stays.
func (l layout) restoreNetwork(ctx context.Context) error {
	before, ok, err := loadNetwork(l.before())
	if err != nil || !ok {
		return err
	}
	all, err := processes(procDir)
	if err != nil {
		return err
	}
	if _, ok := l.otherDockerd(procDir, all); ok {
		return nil
	}
	return restoreNetwork(ctx, before)
}
