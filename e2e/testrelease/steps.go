package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart"
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
func (s *site) program(ctx context.Context, env []string, args ...string) *exec.Cmd {
	p := command.Interruptible(ctx, endTimeout, append([]string{filepath.Join(s.root, "bin", args[0])}, args[1:]...)...)
	p.Env = append(os.Environ(), s.engine.Env()...)
	for _, variable := range []string{"ISTIO", "KUBERNETES", "ARCHIVE", "PROFILE", "CLUSTER", "INSTALL", "KEEP", "FROM", "TO", "RUN", "BASELINE", "UPGRADE", "MUTATE", "CONFIG"} {
		p.Env = append(p.Env, variable+"=")
	}
	p.Env = append(p.Env, "ISTIO_CONFORMANCE_CACHE="+filepath.Join(s.dir, "cache"), "NAME="+cmp.Or(os.Getenv("NAME"), "test-release"),
		"IMAGES="+istio.SourceRelease, "HUB="+s.hub(), "NODE_IMAGE="+s.node(), "KIND_CONFIG="+s.kindConfig(), "CHARTS="+s.mirror.ChartsURL())
	p.Env = append(p.Env, env...)
	return p
}

// command runs the command with its errors on the terminal, and returns what it prints.
func (s *site) command(ctx context.Context, args ...string) ([]byte, error) {
	p := s.program(ctx, nil, append([]string{"istio-conformance"}, args...)...)
	p.Stderr = os.Stderr
	return p.Output()
}

// out is where the reports of a step are.
func (s *site) out(step string) string { return filepath.Join(s.root, "out", "test-release", step) }

// e2e runs the test binary on the terminal.
func (s *site) e2e(ctx context.Context, step string, env ...string) error {
	return s.mustSay(ctx, step, env)
}

// mustSay runs the test binary on the terminal, and wants each text in what it prints.
func (s *site) mustSay(ctx context.Context, step string, env []string, wanted ...string) error {
	var said bytes.Buffer
	p := s.program(ctx, append([]string{"OUT=" + s.out(step)}, env...), "e2e.test")
	p.Stdout, p.Stderr = io.MultiWriter(os.Stdout, &said), os.Stderr
	if err := p.Run(); err != nil {
		return err
	}
	return contains(said.String(), wanted...)
}

// contains wants each text in what a program said.
func contains(said string, wanted ...string) error {
	for _, text := range wanted {
		if !strings.Contains(said, text) {
			return fmt.Errorf("it does not say %q", text)
		}
	}
	return nil
}

func (s *site) nodePort(ctx context.Context) error {
	return s.e2e(ctx, "node-port", "ISTIO="+minor(s.cell.Istio), "CHARTS="+s.mirror.ChartsOCI(), "RUN=ingress/node-port")
}

func (s *site) whole(ctx context.Context) error {
	return s.e2e(ctx, "e2e", "ISTIO="+minor(s.cell.Istio), "RUN="+os.Getenv("RUN"))
}

func (s *site) upgrade(ctx context.Context) error {
	return s.e2e(ctx, "upgrade", "UPGRADE=1", "FROM="+minor(s.from.Istio), "TO="+minor(s.cell.Istio), "RUN="+os.Getenv("RUN"))
}

// archive saves a cell, takes away what it was saved from, and runs from the file.
func (s *site) archive(ctx context.Context) error {
	file := filepath.Join(s.dir, "cell.tar")
	save := s.program(ctx, []string{"ISTIO=" + minor(s.cell.Istio)}, "istio-conformance", "images", "save", "--output", file)
	save.Stdout, save.Stderr = os.Stdout, os.Stderr
	if err := save.Run(); err != nil {
		return fmt.Errorf("images save: %w", err)
	}
	if err := s.dropImages(ctx, ""); err != nil {
		return err
	}
	s.mirror.Fail(mirror.Only("/", mirror.Always, mirror.Answer(http.StatusServiceUnavailable)))
	defer s.mirror.Fail(nil)
	return s.e2e(ctx, "archive", "IMAGES="+istio.SourceArchive, "ARCHIVE="+file, "HUB=", "NODE_IMAGE=", "CHARTS=", "RUN=ingress/node-port")
}

// plan puts two pre-releases beside the release, an older one and one of the next minor.
func (s *site) plan(ctx context.Context) error {
	older := s.cell.Istio + "-rc.1"
	next, err := nextMinor(s.cell.Istio)
	if err != nil {
		return err
	}
	for _, version := range []string{older, next} {
		if err := s.publishBase(version); err != nil {
			return err
		}
	}
	said, err := s.command(ctx, "matrix", "plan", "--latest", "--json")
	if err != nil {
		return err
	}
	var cells []struct {
		ID, Istio string
		Optional  bool
	}
	if err := json.Unmarshal(said, &cells); err != nil {
		return err
	}
	planned := map[string]bool{}
	for _, c := range cells {
		say("   %s%s", c.ID, map[bool]string{true: ", cannot fail the matrix"}[c.Optional])
		planned[c.Istio] = c.Optional
	}
	newest, there := planned[s.cell.Istio]
	optional := planned[next]
	_, outdated := planned[older]
	if !there || newest || !optional || outdated {
		return fmt.Errorf("want %s, %s as a cell that cannot fail the matrix, and not %s", s.cell.Istio, next, older)
	}
	return nil
}

// publishBase publishes chart base of the cell under another version.
func (s *site) publishBase(version string) error {
	path, err := s.rebuilt("base", version)
	if err != nil {
		return err
	}
	return s.mirror.PublishCharts(mirror.Chart{Name: "base", Version: version, Path: path})
}

// rebuilt packages a chart of the cell as another version of it.
func (s *site) rebuilt(name, version string) (path string, err error) {
	of, err := s.as(name, version)
	if err != nil {
		return "", err
	}
	return chartutil.Save(of, s.dir)
}

// as is a chart of the cell as another version of it.
func (s *site) as(name, version string) (*chart.Chart, error) {
	of, err := loader.LoadFile(s.charts[name])
	if err != nil {
		return nil, err
	}
	of.Metadata.Version, of.Metadata.AppVersion = version, version
	return of, nil
}

// minor is 1.31 for 1.31.0: who asks for it gets the newest patch.
func minor(version string) string { return version[:strings.LastIndex(version, ".")] }
