package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/report/wording"
)

// captureCommand takes a mesh out of a cluster, or out of a folder.
func captureCommand() *cobra.Command {
	var look lookFlags
	var output, from string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "capture",
		Short: "Take a mesh out of a cluster or a folder of YAML, without secrets; only reads",
		Long: `Write what decides about a mesh's traffic into one archive of plain YAML: the releases of
Istio's charts with versions and values, all objects of Istio and the Gateway API, Services,
the shapes of the pods behind them, webhooks, versions of CRDs, and of Secrets with
certificates only for whom they are. The same mesh gives the same archive, so that it can be
kept in Git: an --output that does not end in .tar.gz is a folder. Nothing in the cluster is
changed; the least rights are those that istio-conformance rbac prints.
What may not be read is listed as missing in the archive's index.yaml.`,
		Example: `  istio-conformance capture --context prod --output mesh.tar.gz
  istio-conformance capture --from ./gitops --output mesh.tar.gz
  istio-conformance capture --context prod --output mesh/ && git diff mesh/`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			mesh, err := takeMesh(c, &look, from, output, timeout)
			if err != nil {
				return err
			}
			if err := mesh.Write(output); err != nil {
				return err
			}
			sayCaptured(c.OutOrStdout(), output, mesh)
			return nil
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "mesh.tar.gz", "file to write, or a folder")
	c.Flags().StringVar(&from, "from", "", "folder of YAML and values files to read instead of a cluster")
	c.Flags().StringVar(&look.kubeconfig, "kubeconfig", "", "kubeconfig of the cluster (default $KUBECONFIG, else ~/.kube/config)")
	c.Flags().StringVar(&look.context, "context", "", "context in the kubeconfig (default its current one)")
	c.Flags().DurationVar(&timeout, "timeout", 2*time.Minute, "how long to read at most")
	return c
}

func takeMesh(c *cobra.Command, look *lookFlags, from, output string, timeout time.Duration) (*capture.Mesh, error) {
	if info, err := os.Stat(filepath.Dir(filepath.Clean(output))); err != nil || !info.IsDir() {
		return nil, exitcode.Usagef("--output %s: there is no directory %s", output, filepath.Dir(filepath.Clean(output)))
	}
	if from != "" {
		if look.kubeconfig != "" || look.context != "" {
			return nil, exitcode.Usagef("--from %s: a folder is read without a cluster; leave out --kubeconfig and --context", from)
		}
		return capture.FromFolder(from)
	}
	ctx, cancel := context.WithTimeout(c.Context(), timeout)
	defer cancel()
	kubeconfig, err := look.file()
	if err != nil {
		return nil, err
	}
	found, err := cluster.Existing(ctx, kubeconfig, look.context)
	if err != nil {
		return nil, err
	}
	helm, err := charts.NewClient(kubeconfig, look.context, progress.Discard)
	if err != nil {
		return nil, exitcode.Environmentf("%w", err)
	}
	fmt.Fprintf(c.ErrOrStderr(), "reading %s (only reading)\n", found.Config.Host)
	return capture.FromCluster(ctx, found.Clients, helm)
}

func sayCaptured(w io.Writer, output string, m *capture.Mesh) {
	fmt.Fprintf(w, "%s: %s\n", output, m.Summary())
	for _, version := range m.Index.Istio {
		fmt.Fprintf(w, "   Istio %s\n", version)
	}
	if len(m.Index.Istio) == 0 {
		fmt.Fprintln(w, " ‼ no version of Istio is in it: a rehearsal needs it: --from 1.30")
	}
	for _, note := range m.Index.Notes {
		fmt.Fprintf(w, " ‼ %s\n", note)
	}
	for _, missing := range m.Index.Missing {
		fmt.Fprintf(w, " ‼ missing: %s\n", wording.OneLine(missing))
	}
}
