package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/evidence"
	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// lookFlags say which cluster is looked at, and how closely.
type lookFlags struct {
	kubeconfig, context string
	namespaces          []string
	only, noExec        bool
	since, timeout      time.Duration
	said                string
	told                bool // which cluster is looked at
}

func (f *lookFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig of the cluster (default $KUBECONFIG, else ~/.kube/config)")
	flags.StringVar(&f.context, "context", "", "context in the kubeconfig (default its current one)")
	flags.StringSliceVarP(&f.namespaces, "namespace", "n", nil, "look at these namespaces too, besides those that have to do with Istio")
	flags.BoolVar(&f.only, "only", false, "look at no other namespaces than those of --namespace")
	flags.BoolVar(&f.noExec, "no-exec", false, "run nothing in pods and nodes: without what proxies, istiod and nodes say of themselves")
	flags.DurationVar(&f.since, "since", 10*time.Minute, "how far back logs are read")
	flags.DurationVar(&f.timeout, "timeout", 2*time.Minute, "how long to look at most")
	flags.StringVar(&f.said, "said", "", "file with a tool's output, such as helm's; - reads standard input; without a kubeconfig it is judged alone")
}

// check refuses flags that make no sense together.
func (f *lookFlags) check() error {
	if f.only && len(f.namespaces) == 0 {
		return exitcode.Usagef("--only: name at least one --namespace")
	}
	if f.since <= 0 || f.timeout <= 0 {
		return exitcode.Usagef("--since and --timeout must be more than 0")
	}
	return nil
}

// connect reaches the cluster and returns who looks at it.
func (f *lookFlags) connect(ctx context.Context, said string) (*evidence.Collector, error) {
	kubeconfig, err := f.file()
	if err != nil {
		return nil, err
	}
	choice, err := engine.ReadChoice(os.Getenv)
	if err != nil {
		return nil, err
	}
	found, err := cluster.Existing(ctx, kubeconfig, f.context)
	if err != nil {
		return nil, err
	}
	helm, err := charts.NewClient(kubeconfig, f.context, progress.Discard)
	if err != nil {
		return nil, exitcode.Environmentf("%w", err)
	}
	collector := &evidence.Collector{Clients: found.Clients, Namespaces: f.namespaces, Only: f.only, Helm: helm, NoExec: f.noExec, Said: said}
	if !f.noExec {
		// No nodes to look into is what most clusters have: the index says so.
		if nodes, err := found.KindNodes(ctx, choice.Unasked()); err == nil {
			collector.Nodes, collector.Exec = nodes, cluster.LookIn(choice.Unasked())
		}
	}
	return collector, nil
}

// file is the kubeconfig that the user means.
func (f *lookFlags) file() (string, error) {
	if f.kubeconfig != "" {
		return f.kubeconfig, nil
	}
	if variable := os.Getenv("KUBECONFIG"); variable != "" {
		if files := filepath.SplitList(variable); len(files) > 1 {
			return "", exitcode.Usagef("KUBECONFIG names %d files: name one with --kubeconfig", len(files))
		}
		return variable, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", exitcode.Usagef("no kubeconfig: %w; name one with --kubeconfig", err)
	}
	return filepath.Join(home, ".kube", "config"), nil
}

// read returns what a tool said.
func (f *lookFlags) read(in io.Reader) (string, error) {
	var content []byte
	var err error
	switch f.said {
	case "":
		return "", nil
	case "-":
		content, err = io.ReadAll(in)
	default:
		content, err = os.ReadFile(f.said)
	}
	if err != nil {
		return "", exitcode.Usagef("--said: %w", err)
	}
	if strings.TrimSpace(string(content)) == "" {
		return "", exitcode.Usagef("--said %s: the tool's output is empty; redirect standard error too (2>&1)", f.said)
	}
	return string(content), nil
}

// noCluster says why there is no cluster to look at, or returns nil: nobody named
// one, and there is no kubeconfig in the usual place.
func (f *lookFlags) noCluster() error {
	if f.kubeconfig != "" || f.context != "" || os.Getenv("KUBECONFIG") != "" {
		return nil
	}
	file, err := f.file()
	if err == nil {
		_, err = os.Stat(file)
	}
	return err
}

// collect looks at the cluster and writes what it sees into a new directory, which
// the returned function removes.
func (f *lookFlags) collect(c *cobra.Command) (dir string, paths []string, remove func() error, err error) {
	ctx, cancel := context.WithTimeout(c.Context(), f.timeout)
	defer cancel()
	if err := f.check(); err != nil {
		return "", nil, nil, err
	}
	said, err := f.read(c.InOrStdin())
	if err != nil {
		return "", nil, nil, err
	}
	var collector *evidence.Collector
	// Without a kubeconfig the tool's words are judged alone: a pipeline that builds
	// charts has no cluster at hand.
	missing := f.noCluster()
	if said == "" || missing == nil {
		if collector, err = f.connect(ctx, said); err != nil {
			return "", nil, nil, err
		}
	}
	dir, err = os.MkdirTemp("", "istio-conformance-")
	if err != nil {
		return "", nil, nil, exitcode.Environmentf("directory for the evidence: %w", err)
	}
	remove = func() error { return os.RemoveAll(dir) }
	if collector == nil {
		paths, err = evidence.OnlySaid(dir, said, missing)
		if err != nil {
			return "", nil, nil, errors.Join(exitcode.Environmentf("%w", err), remove())
		}
		return dir, paths, remove, nil
	}
	if !f.told {
		fmt.Fprintf(c.ErrOrStderr(), "looking at %s (only reading)\n", collector.Clients.Config.Host)
		f.told = true
	}
	paths = collector.Collect(ctx, dir, time.Now().Add(-f.since))
	return dir, paths, remove, nil
}
