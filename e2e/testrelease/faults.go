package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"istio-conformance/internal/process/exitcode"
)

// fault is a row of the table: what is wrong, and what images build makes of it.
type fault struct {
	what string
	// set breaks the trial.
	set func(*trial) error
	// status is the exit status; says is in its one line, shown in what comes before.
	status      int
	says, shown string
	// within bounds the time; 0 does not.
	within time.Duration
	// engineProxy makes the engine use the proxy too; where it was not started here that
	// cannot be, and the row is not run.
	engineProxy bool
	// stays says that the image is whole and refused for another reason: it stays in the
	// engine as any that was pulled, and each run refuses it again.
	stays bool
}

// errNotOurEngine says that the engine cannot be started again with other variables.
var errNotOurEngine = errors.New("the engine was not started here, or another run uses it")

// trial is one run of images build, against images of its own in the mirror.
type trial struct {
	*site
	// below is where the trial's images are in the mirror, and dir where its files are.
	below, dir string
	// pilot is the architecture of that image.
	pilot string
	// digests are those of the images, by name; signed are the names of those that are
	// signed with key.
	digests map[string]v1.Hash
	signed  []string
	key     *ecdsa.PrivateKey
	env     []string
}

// with sets variables, and breaks nothing else.
func with(env ...string) func(*trial) error {
	return func(t *trial) error {
		t.env = append(t.env, env...)
		return nil
	}
}

// faults prints the table. Images are a few kilobytes here: nothing runs them.
func (s *site) faults(ctx context.Context) (err error) {
	dir := filepath.Join(s.dir, "proxy")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if s.proxy, err = startProxy(ctx, s.mirror, dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.proxy.close()) }()
	rows, bad := slices.Concat(registryFaults(), chartFaults(), trustFaults(), proxyFaults(), askedWrongly()), 0
	for i, row := range rows {
		started := time.Now()
		line, err := s.row(ctx, i, row)
		if errors.Is(err, errNotOurEngine) {
			say(" - %s: not run, %v", row.what, err)
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		mark := "✓"
		if err != nil {
			mark = "✗"
			bad++
		}
		say(" %s %s (%s)", mark, row.what, since(started))
		say("     %s", line)
		if err != nil {
			say("     %s", strings.ReplaceAll(err.Error(), "\n", "\n     "))
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d rows are red", bad, len(rows))
	}
	return nil
}

// row tries one row and returns the line that the user sees last.
func (s *site) row(ctx context.Context, i int, row fault) (line string, err error) {
	t := &trial{site: s, below: fmt.Sprintf("fault-%d", i), dir: filepath.Join(s.dir, fmt.Sprintf("fault-%d", i)), pilot: runtime.GOARCH, digests: map[string]v1.Hash{}}
	hub := s.mirror.Host + "/" + t.below
	cache := filepath.Join(t.dir, "cache")
	t.env = []string{"ISTIO=" + s.cell.Istio, "HUB=" + hub, "NODE_IMAGE=" + hub + "/node:" + s.cell.Kubernetes, "ISTIO_CONFORMANCE_CACHE=" + cache, "DOCKER_CONFIG=" + t.dir}
	if err := errors.Join(os.MkdirAll(t.dir, 0o755), t.push(ctx), row.set(t), t.sign(ctx)); err != nil {
		return "", err
	}
	if t.pilot != runtime.GOARCH {
		if err := t.push(ctx); err != nil {
			return "", err
		}
	}
	defer func() {
		s.mirror.Fail(nil)
		err = errors.Join(err, s.dropImages(context.WithoutCancel(ctx), t.below), os.RemoveAll(t.dir))
	}()
	if row.engineProxy {
		if !s.engine.Started {
			return "", errNotOurEngine
		}
		if err := s.restartEngine(ctx, s.proxy.env()...); err != nil {
			return "", err
		}
		if !s.engine.Started {
			return "", errNotOurEngine
		}
		defer func() { err = errors.Join(err, s.restartEngine(context.WithoutCancel(ctx))) }()
	}
	started := time.Now()
	status, stdout, stderr, err := output(s.program(ctx, t.env, "istio-conformance", "images", "build"))
	if err != nil {
		return "", err
	}
	broken := status != exitcode.Pass && !row.stays
	return judge(row, status, stdout, stderr, time.Since(started), t.left(ctx, broken, cache))
}

// judge compares what was seen with the row.
func judge(row fault, status int, stdout, stderr string, took time.Duration, left []string) (line string, err error) {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	errorLines := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.HasPrefix(l, "error: ") })
	line = lines[len(lines)-1]
	if status == exitcode.Pass {
		line = fmt.Sprintf("%d images", strings.Count(stdout, "\n"))
	}
	if row.shown != "" {
		if at := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, row.shown) }); at >= 0 {
			line += "; shown: " + lines[at]
		} else {
			err = errors.Join(err, fmt.Errorf("want a line with %q", row.shown))
		}
	}
	if status != row.status {
		err = errors.Join(err, fmt.Errorf("status %d, want %d", status, row.status))
	}
	if row.status != exitcode.Pass && (len(errorLines) != 1 || !strings.HasPrefix(line, "error: ") || !strings.Contains(line, row.says)) {
		err = errors.Join(err, fmt.Errorf("want one line, the last, with %q", row.says))
	}
	if row.within > 0 && took > row.within {
		err = errors.Join(err, fmt.Errorf("it took %s, want %s at most", took.Round(time.Second), row.within))
	}
	if len(left) > 0 {
		err = errors.Join(err, fmt.Errorf("left behind: %s", strings.Join(left, ", ")))
	}
	if err != nil {
		err = fmt.Errorf("%w\nprinted:\n%s", err, strings.TrimSpace(stderr))
	}
	return line, err
}

// output runs a program and returns its status and what it printed.
func output(p *exec.Cmd) (status int, stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	p.Stdout, p.Stderr = &out, &errs
	err = p.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), out.String(), errs.String(), nil
	}
	return 0, out.String(), errs.String(), err
}

// push puts small images of the trial into the mirror.
func (t *trial) push(ctx context.Context) error {
	for _, i := range []struct{ name, tag, architecture string }{
		{"pilot", t.cell.Istio, t.pilot}, {"proxyv2", t.cell.Istio, runtime.GOARCH}, {"install-cni", t.cell.Istio, runtime.GOARCH}, {"node", t.cell.Kubernetes, runtime.GOARCH},
	} {
		image, err := random.Image(4096, 1)
		if err != nil {
			return err
		}
		config, err := image.ConfigFile()
		if err != nil {
			return err
		}
		config = config.DeepCopy()
		config.OS, config.Architecture = "linux", i.architecture
		if image, err = mutate.ConfigFile(image, config); err != nil {
			return err
		}
		if t.digests[i.name], err = image.Digest(); err != nil {
			return err
		}
		if err := t.mirror.Push(ctx, t.below+"/"+i.name+":"+i.tag, image); err != nil {
			return err
		}
	}
	return nil
}

// left names what a run has left that nobody can use: the image that is broken, and
// files that are not whole.
func (t *trial) left(ctx context.Context, broken bool, cache string) []string {
	var left []string
	for _, pattern := range []string{"artifacts/.building-*", "backend-*", "archive-*"} {
		found, err := filepath.Glob(filepath.Join(cache, pattern))
		if err != nil {
			return []string{err.Error()}
		}
		left = append(left, found...)
	}
	if !broken {
		return left
	}
	held, err := t.held(ctx, t.below+"/pilot:")
	if err != nil {
		return append(left, err.Error())
	}
	return append(left, held...)
}
