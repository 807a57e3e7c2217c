package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/spf13/cobra"

	"istio-conformance/internal/images/oci"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/gobuild"
	"istio-conformance/internal/process/project"
)

// selfReference is the image's name unless the user chooses another.
const selfReference = "localhost/istio-conformance/conformance:latest"

// imagesSelf builds the image that runs the checks in a cluster.
func imagesSelf() *cobra.Command {
	output, architecture, reference := "", "", ""
	c := &cobra.Command{
		Use:   "self",
		Short: "Build the image that runs the checks in a cluster; see deploy/chart",
		Example: `  istio-conformance images self --output conformance.tar && kind load image-archive conformance.tar
  istio-conformance images self --arch arm64 --output conformance-arm64.tar`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"amd64", "arm64"}, architecture) {
				return exitcode.Usagef("images self: architecture %q: want amd64 or arm64", architecture)
			}
			root, err := project.Root()
			if err != nil {
				return exitcode.Usagef("%w", err)
			}
			dir, err := os.MkdirTemp("", "istio-conformance-self-")
			if err != nil {
				return exitcode.Environmentf("%w", err)
			}
			defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
			fmt.Fprintf(c.ErrOrStderr(), "compiling for %s (several minutes the first time)\n", architecture)
			compile := gobuild.Go(root, "test", "-c", "-vet=off", "-tags=helm4", "-o", filepath.Join(dir, "e2e.test"), "./e2e")
			compile.Env = append(compile.Env, "GOARCH="+architecture)
			if _, err := compile.Output(c.Context()); err != nil {
				return exitcode.Environmentf("compile the checks: %w", err)
			}
			image, err := selfImage(dir, architecture)
			if err != nil {
				return exitcode.Environmentf("%w", err)
			}
			return writeImage(output, reference, image, c)
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "istio-conformance.tar", "archive to write, as docker load and kind load image-archive take it")
	c.Flags().StringVar(&architecture, "arch", runtime.GOARCH, "amd64 or arm64")
	c.Flags().StringVar(&reference, "reference", selfReference, "name of the image")
	return c
}

// selfImage holds the checks and nothing else: no shell, no user but the plain one.
func selfImage(dir, architecture string) (v1.Image, error) {
	var tree oci.Tree
	tree.Dir("tmp", fs.ModeSticky|0o777)
	tree.Dir("out", 0o777)
	if err := tree.File("e2e.test", 0o755, filepath.Join(dir, "e2e.test")); err != nil {
		return nil, err
	}
	layer, err := tree.Layer(filepath.Join(dir, "layer.tar"))
	if err != nil {
		return nil, err
	}
	image, err := oci.Image(v1.Config{
		Entrypoint: []string{"/e2e.test"}, WorkingDir: "/tmp", User: "65532:65532",
		Env: []string{"CLUSTER=existing", "OUT=/out", "ISTIO_CONFORMANCE_CACHE=/tmp/cache"},
	}, layer)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Architecture = architecture
	return mutate.ConfigFile(image, config)
}

func writeImage(path, reference string, image v1.Image, c *cobra.Command) error {
	f, err := os.Create(path)
	if err != nil {
		return exitcode.Environmentf("%w", err)
	}
	if err := (oci.Archive{reference: image}).Write(f); err != nil {
		f.Close() //nolint:errcheck // the first error counts
		return exitcode.Environmentf("%w", err)
	}
	if err := f.Close(); err != nil {
		return exitcode.Environmentf("%w", err)
	}
	fmt.Fprintf(c.OutOrStdout(), "%s holds %s\n", path, reference)
	return nil
}
