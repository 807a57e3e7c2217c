package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"

	"istio-conformance/internal/images/mirror"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/command"
)

// endTimeout is how long a program may take to remove what it made.
const endTimeout = 4 * time.Minute

// program returns one of the harness's, which takes everything from the mirror and
// nothing from what this program was given.
func (r *rehearsal) program(ctx context.Context, env []string, args ...string) *exec.Cmd {
	p := command.Interruptible(ctx, endTimeout, append([]string{filepath.Join(r.root, "bin", args[0])}, args[1:]...)...)
	p.Env = append(os.Environ(), r.engine.Env()...)
	for _, variable := range []string{"ISTIO", "KUBERNETES", "ARCHIVE", "PROFILE", "CLUSTER", "INSTALL", "KEEP", "FROM", "TO", "RUN", "BASELINE", "UPGRADE", "MUTATE", "CONFIG"} {
		p.Env = append(p.Env, variable+"=")
	}
	p.Env = append(p.Env, "ISTIO_CONFORMANCE_CACHE="+filepath.Join(r.dir, "cache"), "NAME="+cmp.Or(os.Getenv("NAME"), "rehearsal"),
		"IMAGES="+istio.SourceRelease, "HUB="+r.hub(), "NODE_IMAGE="+r.node(), "KIND_CONFIG="+r.kindConfig(), "CHARTS="+r.mirror.ChartsURL())
	p.Env = append(p.Env, env...)
	return p
}

// e2e runs the test binary on the terminal; its reports are in out/rehearsal/<step>.
func (r *rehearsal) e2e(ctx context.Context, step string, env ...string) error {
	p := r.program(ctx, append([]string{"OUT=" + filepath.Join(r.root, "out", "rehearsal", step)}, env...), "e2e.test")
	p.Stdout, p.Stderr = os.Stdout, os.Stderr
	return p.Run()
}

func (r *rehearsal) nodePort(ctx context.Context) error {
	return r.e2e(ctx, "node-port", "ISTIO="+minor(r.cell.Istio), "CHARTS="+r.mirror.ChartsOCI(), "RUN=ingress/node-port")
}

func (r *rehearsal) whole(ctx context.Context) error {
	return r.e2e(ctx, "e2e", "ISTIO="+minor(r.cell.Istio), "RUN="+os.Getenv("RUN"))
}

func (r *rehearsal) upgrade(ctx context.Context) error {
	return r.e2e(ctx, "upgrade", "UPGRADE=1", "FROM="+minor(r.from.Istio), "TO="+minor(r.cell.Istio), "RUN="+os.Getenv("RUN"))
}

// archive saves a cell, takes away what it was saved from, and runs from the file.
func (r *rehearsal) archive(ctx context.Context) error {
	file := filepath.Join(r.dir, "cell.tar")
	save := r.program(ctx, []string{"ISTIO=" + minor(r.cell.Istio)}, "istio-conformance", "images", "save", "--output", file)
	save.Stdout, save.Stderr = os.Stdout, os.Stderr
	if err := save.Run(); err != nil {
		return fmt.Errorf("images save: %w", err)
	}
	if err := r.dropImages(ctx, ""); err != nil {
		return err
	}
	r.mirror.Fail(mirror.Only("/", mirror.Always, mirror.Answer(http.StatusServiceUnavailable)))
	defer r.mirror.Fail(nil)
	return r.e2e(ctx, "archive", "IMAGES="+istio.SourceArchive, "ARCHIVE="+file, "HUB=", "NODE_IMAGE=", "CHARTS=", "RUN=ingress/node-port")
}

// plan puts two pre-releases beside the release, an older one and one of the next minor.
func (r *rehearsal) plan(ctx context.Context) error {
	release, err := istio.ParseVersion(r.cell.Istio)
	if err != nil {
		return err
	}
	older := r.cell.Istio + "-rc.1"
	next := fmt.Sprintf("%d.%d.0-alpha.1", release.Major, release.Minor+1)
	for _, version := range []string{older, next} {
		if err := r.publishBase(version); err != nil {
			return err
		}
	}
	p := r.program(ctx, nil, "istio-conformance", "matrix", "plan", "--latest", "--json")
	var stdout bytes.Buffer
	p.Stdout, p.Stderr = &stdout, os.Stderr
	if err := p.Run(); err != nil {
		return err
	}
	var cells []struct {
		ID, Istio string
		Optional  bool
	}
	if err := json.Unmarshal(stdout.Bytes(), &cells); err != nil {
		return err
	}
	planned := map[string]bool{}
	for _, c := range cells {
		say("   %s%s", c.ID, map[bool]string{true: ", cannot fail the matrix"}[c.Optional])
		planned[c.Istio] = c.Optional
	}
	newest, there := planned[r.cell.Istio]
	optional := planned[next]
	_, outdated := planned[older]
	if !there || newest || !optional || outdated {
		return fmt.Errorf("want %s, %s as a cell that cannot fail the matrix, and not %s", r.cell.Istio, next, older)
	}
	return nil
}

// publishBase publishes chart base of the cell under another version.
func (r *rehearsal) publishBase(version string) error {
	base, err := loader.LoadFile(r.charts["base"])
	if err != nil {
		return err
	}
	base.Metadata.Version, base.Metadata.AppVersion = version, version
	path, err := chartutil.Save(base, r.dir)
	if err != nil {
		return err
	}
	return r.mirror.PublishCharts(mirror.Chart{Name: "base", Version: version, Path: path})
}

// minor is 1.31 for 1.31.0: who asks for it gets the newest patch.
func minor(version string) string { return version[:strings.LastIndex(version, ".")] }
