package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"istio-conformance/internal/evidence"
	"istio-conformance/internal/process/exitcode"
)

// bundleCommand collects evidence of any cluster into one file.
func bundleCommand() *cobra.Command {
	var look lookFlags
	var output string
	c := &cobra.Command{
		Use:   "bundle",
		Short: "Collect evidence of any cluster into a tar.gz, without secrets; only reads",
		Long: `Collect what explains a failure: objects, events, logs, what proxies and istiod say
of themselves, Helm's history and, where they can be entered, what the nodes say.
The index.md in it says what each file is and what could not be had. Secrets, keys
and tokens are removed before anything is written. Nothing in the cluster is changed.
istio-conformance diagnose --from reads the file.`,
		Example: `  istio-conformance bundle --output today.tar.gz
  istio-conformance bundle --context staging --namespace shop --since 1h`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if output == "" {
				output = "istio-conformance-" + time.Now().UTC().Format("20060102-150405") + ".tar.gz"
			}
			if !strings.HasSuffix(output, ".tar.gz") {
				return exitcode.Usagef("--output %s: want a name that ends in .tar.gz", output)
			}
			if info, err := os.Stat(filepath.Dir(output)); err != nil || !info.IsDir() {
				return exitcode.Usagef("--output %s: there is no directory %s", output, filepath.Dir(output))
			}
			dir, paths, remove, err := look.collect(c)
			if err != nil {
				return err
			}
			err = evidence.Pack(dir, output, time.Now())
			if err := errors.Join(err, remove()); err != nil {
				return exitcode.Environmentf("%w", err)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s holds %d files; index.md in it says what they are\n", output, len(paths))
			return err
		},
	}
	look.register(c)
	c.Flags().StringVarP(&output, "output", "o", "", "file to write (default istio-conformance-<time>.tar.gz)")
	return c
}
