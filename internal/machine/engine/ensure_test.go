package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"istio-conformance/internal/process/exitcode"
)

// fakeDocker puts a docker command first in PATH that runs a shell script.
func fakeDocker(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("DOCKER_HOST", "")
}

const deadEngine = `echo "Cannot connect to the Docker daemon" >&2; exit 1`

func TestEnsureUsesTheRunningEngine(t *testing.T) {
	fakeDocker(t, `echo '{"ServerVersion":"28.2.2"}'`)
	e, err := Ensure(t.Context(), Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if e.Host != "" || e.Owned || e.Started || e.Info.ServerVersion != "28.2.2" || e.Env() != nil {
		t.Errorf("got %+v", e)
	}
	// Any command would fail: nothing of the user's engine is stopped.
	fakeDocker(t, deadEngine)
	if err := e.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestEnsureLeavesTheUsersChoice(t *testing.T) {
	fakeDocker(t, deadEngine)
	_, err := Ensure(t.Context(), Options{CacheDir: t.TempDir(), Choice: Choice{DockerHost: "tcp://127.0.0.1:1"}})
	if err == nil || exitcode.Of(err) != exitcode.Environment {
		t.Fatalf("error is %v", err)
	}
	for _, want := range []string{"DOCKER_HOST=tcp://127.0.0.1:1", "Cannot connect to the Docker daemon", "unset DOCKER_HOST"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("not one line: %q", err)
	}
}

func TestNoPrivateEngine(t *testing.T) {
	fakeDocker(t, deadEngine)
	o := Options{CacheDir: t.TempDir()}
	var none *NotFoundError
	if _, err := Detect(t.Context(), o); !errors.As(err, &none) {
		t.Errorf("detect: %v", err)
	}
	o.DockerHost = layoutOf(o.CacheDir).host()
	if _, err := Detect(t.Context(), o); !errors.As(err, &none) || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("detect with DOCKER_HOST of an ended private engine: %v", err)
	}
	if _, err := Find(o); !errors.Is(err, ErrNoPrivate) {
		t.Errorf("find: %v", err)
	}
}

func TestHasImage(t *testing.T) {
	e := &Engine{Host: "unix:///x.sock"}
	fakeDocker(t, `test "$DOCKER_HOST" = unix:///x.sock || exit 9
case "$*" in
*present*) echo sha256:a ;;
*absent*) echo "Error response from daemon: No such image: absent:1" >&2; exit 1 ;;
*) echo "Cannot connect to the Docker daemon" >&2; exit 1 ;;
esac`)
	for ref, want := range map[string]bool{"present:1": true, "absent:1": false} {
		if got, err := e.HasImage(t.Context(), ref); err != nil || got != want {
			t.Errorf("%s: got %t, %v", ref, got, err)
		}
	}
	if _, err := e.HasImage(t.Context(), "x:1"); err == nil || !strings.Contains(err.Error(), "x:1") || !strings.Contains(err.Error(), "Cannot connect") {
		t.Errorf("without an engine: %v", err)
	}
}
