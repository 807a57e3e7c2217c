package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"istio-conformance/internal/machine/host/capability"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/filelock"
	"istio-conformance/internal/process/progress"
)

// Options says which engine to look for.
type Options struct {
	Choice
	// CacheDir is the project's cache directory, absolute. A private engine
	// belongs to it and keeps its images there.
	CacheDir string
	// Logf is told what is done; nil means nobody.
	Logf progress.Logf
}

// logf returns where progress goes.
func (o Options) logf() progress.Logf {
	if o.Logf == nil {
		return progress.Discard
	}
	return o.Logf
}

// NotFoundError says that no engine answers.
type NotFoundError struct {
	// Kind is the engine that was looked for.
	Kind Kind
	// Reason is what its program said, in one line.
	Reason error
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("no %s engine answers (%v)", e.Kind.Title(), e.Reason)
}
func (e *NotFoundError) Unwrap() error { return e.Reason }

// Detect returns the engine that runs already: the one that the docker CLI
// reaches, or else the private engine of the cache directory. It changes
// nothing. Without an engine the error is a *NotFoundError.
func Detect(ctx context.Context, o Options) (*Engine, error) {
	if o.Kind == Podman {
		return detectPodman(ctx, o)
	}
	private := layoutOf(o.CacheDir)
	var reason error
	if o.DockerHost != private.host() {
		info, err := askInfo(ctx, "")
		if err == nil {
			return &Engine{Kind: Docker, Info: info, logf: o.logf()}, nil
		}
		if o.DockerHost != "" {
			// The user's choice is never replaced by another engine.
			return nil, &NotFoundError{Docker, err}
		}
		reason = err
	}
	all, err := processes(procDir)
	if err != nil {
		return nil, err
	}
	daemon, running := private.dockerd(all)
	if !running {
		if reason == nil {
			reason = fmt.Errorf("the private engine of %s has ended", private.data)
		}
		return nil, &NotFoundError{Docker, reason}
	}
	info, err := askInfo(ctx, private.host())
	if err != nil {
		return nil, exitcode.Environmentf("the private engine (dockerd, pid %d, log %s) does not answer: %w; make clean ends it", daemon.pid, private.log(), err)
	}
	return &Engine{Kind: Docker, Host: private.host(), Info: info, Owned: true, private: private, logf: o.logf()}, nil
}

// Ensure returns an engine that answers. One that runs is used as it is. If none
// does and this is root, a private dockerd is started, after Docker has been
// installed where it is missing and the system is a Debian or an Ubuntu.
// Everything else is an error of one line with status exitcode.Environment.
func Ensure(ctx context.Context, o Options) (*Engine, error) {
	if o.Kind == Podman {
		return ensurePodman(ctx, o)
	}
	engine, err := Detect(ctx, o)
	var none *NotFoundError
	if err != nil && !errors.As(err, &none) || err == nil && !engine.Owned {
		return engine, err
	}
	private := layoutOf(o.CacheDir)
	if none != nil {
		if err := mayStart(o, private, none); err != nil {
			return nil, err
		}
		if err := installMissing(ctx, o); err != nil {
			return nil, err
		}
	}
	return usePrivate(ctx, o, private)
}

// mayStart says why no engine can be started here, if so.
func mayStart(o Options, private layout, none *NotFoundError) error {
	if o.DockerHost != "" && o.DockerHost != private.host() {
		return exitcode.Environmentf("DOCKER_HOST=%s: %w: start that engine, or unset DOCKER_HOST", o.DockerHost, none)
	}
	if os.Geteuid() != 0 {
		return exitcode.Environmentf("%w, and only root can start one: start Docker, set DOCKER_HOST, or run as root", none)
	}
	return nil
}

// installMissing installs Docker unless all that a private engine needs is there.
func installMissing(ctx context.Context, o Options) error {
	missing := missingPrograms()
	if len(missing) == 0 {
		return nil
	}
	o.logf()("not in PATH: %s", strings.Join(missing, ", "))
	if err := install(ctx, o.logf()); err != nil {
		return err
	}
	if missing = missingPrograms(); len(missing) > 0 {
		return exitcode.Environmentf("Docker is installed, but %s not in PATH: add /usr/sbin to PATH", strings.Join(missing, ", "))
	}
	return nil
}

// missingPrograms returns what a private engine needs and is not in PATH.
func missingPrograms() []string {
	var missing []string
	for _, program := range []string{"docker", "dockerd", "iptables"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	return missing
}

// usePrivate returns the private engine, which is started unless it runs, and
// marks it as used by this process. Only one run at a time does this.
func usePrivate(ctx context.Context, o Options, private layout) (engine *Engine, err error) {
	lock, err := lockFile(ctx, private.lock())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	// Again, since it may have changed meanwhile: another run has started or
	// stopped the private engine, or a package's service runs since it was installed.
	engine, err = Detect(ctx, o)
	var none *NotFoundError
	if errors.As(err, &none) {
		engine, err = startPrivate(ctx, o, private, none)
	}
	if err != nil || !engine.Owned {
		return engine, err
	}
	engine.using, err = filelock.Shared(private.users())
	return engine, err
}

// startPrivate starts the private engine; the caller holds the lock.
func startPrivate(ctx context.Context, o Options, private layout, none *NotFoundError) (*Engine, error) {
	all, err := processes(procDir)
	if err != nil {
		return nil, err
	}
	if other, ok := private.otherDockerd(procDir, all); ok {
		return nil, exitcode.Environmentf("%w, but dockerd runs (pid %d: %s), and a second one would break its networks: set DOCKER_HOST to its socket, or stop it",
			none, other.pid, strings.Join(other.args, " "))
	}
	missing, err := capability.Missing(procDir)
	if err != nil {
		return nil, err
	}
	o.logf()("starting a private Docker engine, data and log in %s", private.data)
	if len(missing) > 0 {
		o.logf()("root lacks %s: privileged containers run without, by the OCI runtime %s", strings.Join(missing, ", "), capboundName)
	}
	info, err := private.start(ctx, len(missing) > 0)
	if err != nil {
		return nil, exitcode.Environmentf("start a private Docker engine: %w", err)
	}
	return &Engine{Kind: Docker, Host: private.host(), Info: info, Owned: true, Started: true, private: private, logf: o.logf()}, nil
}
