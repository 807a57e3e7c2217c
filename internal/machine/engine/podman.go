package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// podmanConfVariable replaces podman's configuration files by one.
// Source: containers.conf(5).
const podmanConfVariable = "CONTAINERS_CONF"

// detectPodman returns podman, which needs no daemon. It changes nothing.
func detectPodman(ctx context.Context, o Options) (*Engine, error) {
	conf := layoutOf(o.CacheDir).podmanConf()
	if _, err := os.Stat(conf); err != nil || o.PodmanConf != "" {
		conf = ""
	}
	e := &Engine{Kind: Podman, private: layoutOf(o.CacheDir), conf: conf, logf: o.logf()}
	var err error
	if e.Info, err = e.askPodman(ctx); err != nil {
		return nil, &NotFoundError{Podman, err}
	}
	return e, nil
}

// ensurePodman returns podman with a configuration that works on this machine. It
// is never installed: who asks for it has it.
func ensurePodman(ctx context.Context, o Options) (*Engine, error) {
	l := layoutOf(o.CacheDir)
	if err := writePodmanConf(l, host.Gather(host.Options{}), o.PodmanConf, o.logf()); err != nil {
		return nil, exitcode.Environmentf("%w", err)
	}
	e, err := detectPodman(ctx, o)
	if err != nil {
		return nil, exitcode.Environmentf("%s=%s: %w: install podman, or leave the variable out to use Docker", Variable, Podman, err)
	}
	if err := checkForward(ctx); err != nil {
		return nil, err
	}
	if err := l.makeModulesDir(modulesDir, o.logf()); err != nil {
		return nil, exitcode.Environmentf("%w", err)
	}
	return e, nil
}

// writePodmanConf writes the configuration that podman needs where its defaults
// fail, and removes it where they do not. A configuration that the user names
// stays the only one.
//
// Podman raises the limit of open files of a container, for which root needs
// CAP_SYS_RESOURCE; and its usual runtime, crun, refuses hybrid control groups
// ("cgroups in hybrid mode not supported").
func writePodmanConf(l layout, facts host.Facts, named string, logf progress.Logf) error {
	var conf strings.Builder
	if facts.Lacks("CAP_SYS_RESOURCE") {
		logf("root lacks CAP_SYS_RESOURCE: podman gives containers this process's limits")
		conf.WriteString("[containers]\ndefault_ulimits = []\n")
	}
	if _, err := exec.LookPath("runc"); err == nil && facts.Cgroup.Value == host.CgroupHybrid {
		logf("control groups are hybrid: podman runs containers by runc")
		conf.WriteString("[engine]\nruntime = \"runc\"\n")
	}
	if conf.Len() == 0 || named != "" {
		if err := os.Remove(l.podmanConf()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(l.podmanConf()), 0o755); err != nil {
		return err
	}
	return os.WriteFile(l.podmanConf(), []byte(conf.String()), 0o644)
}

// nameAsDocker gives images that podman has loaded the names that Docker would have
// given them, which kind looks for: podman puts names without a registry below
// localhost/.
func (e *Engine) nameAsDocker(ctx context.Context, loaded string) error {
	for ref, named := range localNames(loaded) {
		if _, err := e.CLI(ctx, "tag", ref, named); err != nil {
			return err
		}
		if _, err := e.CLI(ctx, "untag", ref, ref); err != nil {
			return err
		}
	}
	return nil
}

// localNames reads the output of podman load, and returns the names below localhost/
// with those of the default registry.
func localNames(loaded string) map[string]string {
	names := map[string]string{}
	for line := range strings.Lines(loaded) {
		ref, found := strings.CutPrefix(strings.TrimSpace(line), "Loaded image: ")
		short, local := strings.CutPrefix(ref, "localhost/")
		if !found || !local {
			continue
		}
		if !strings.Contains(short, "/") {
			short = "library/" + short
		}
		names[ref] = "docker.io/" + short
	}
	return names
}

// Leave takes back what Ensure changed for an engine that it did not start. It is
// for when no cluster of this project is left.
func (e *Engine) Leave() error {
	if e.Kind != Podman {
		return nil
	}
	return e.private.removeModulesDir()
}

// askPodman returns what podman says of itself.
func (e *Engine) askPodman(ctx context.Context) (Info, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, infoTimeout, fmt.Errorf("no answer within %s", infoTimeout))
	defer cancel()
	// Not by package command: warnings come on standard error.
	cli := exec.CommandContext(ctx, e.Kind.String(), "info", "--format", "json")
	cli.Env = append(os.Environ(), e.Env()...)
	cli.WaitDelay = infoTimeout
	out, err := cli.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return Info{}, context.Cause(ctx)
	case errors.As(err, &exit):
		return Info{}, errors.New(oneLine(string(exit.Stderr)))
	case err != nil:
		return Info{}, fmt.Errorf("podman info: %w", err)
	}
	return parsePodman(out)
}

// parsePodman reads the output of podman info.
func parsePodman(out []byte) (Info, error) {
	var answer struct {
		Host struct {
			CgroupVersion string
			CPUs          int
			MemTotal      int64
			Distribution  struct{ Distribution, Version string }
			OCIRuntime    struct{ Name string }
		}
		Store   struct{ GraphDriverName, GraphRoot string }
		Version struct{ Version string }
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return Info{}, fmt.Errorf("podman info is not JSON: %w", err)
	}
	if answer.Version.Version == "" {
		return Info{}, errors.New("podman info names no version")
	}
	h := answer.Host
	return Info{
		ServerVersion: answer.Version.Version, OperatingSystem: strings.TrimSpace(h.Distribution.Distribution + " " + h.Distribution.Version),
		CgroupVersion: strings.TrimPrefix(h.CgroupVersion, "v"), Driver: answer.Store.GraphDriverName, DefaultRuntime: h.OCIRuntime.Name,
		DockerRootDir: answer.Store.GraphRoot, NCPU: h.CPUs, MemTotal: h.MemTotal,
	}, nil
}
