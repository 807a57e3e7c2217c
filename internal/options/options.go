// Package options is how the user says what to test: by flags, each with an
// environment variable as its default. The test binary and the command share it.
package options

import (
	"flag"
	"path/filepath"

	"istio-conformance/internal/exitcode"
	"istio-conformance/internal/project"
	"istio-conformance/internal/stack"
)

// Options are the flags of a run.
type Options struct {
	stack.Config
	// Run selects checks: suite or suite/check, separated by commas.
	Run string
	// Mutate proves that the checks can fail, instead of running them.
	Mutate bool

	// Load is how much latency is measured: short or full.
	Load string

	cluster, keep, kubeconfig string
}

// Register defines the flags on flags; getenv gives their defaults.
func Register(flags *flag.FlagSet, getenv func(string) string) *Options {
	o := &Options{kubeconfig: getenv("KUBECONFIG")}
	text := func(target *string, name, variable, fallback, usage string) {
		if value := getenv(variable); value != "" {
			fallback = value
		}
		flags.StringVar(target, name, fallback, usage+" ($"+variable+")")
	}
	text(&o.Istio, "istio", "ISTIO", "", "Istio's version, such as 1.31; default: the newest that the source has")
	text(&o.Kubernetes, "kubernetes", "KUBERNETES", "", "Kubernetes' version, such as 1.36")
	text(&o.Images, "images", "IMAGES", "", "source of images and charts: release, modules or archive; default: release if a registry answers, else modules")
	text(&o.Archive, "archive", "ARCHIVE", "", "file that source archive reads")
	text(&o.Hub, "hub", "HUB", "", "registry of Istio's images for source release")
	text(&o.Charts, "charts", "CHARTS", "", "URL of the chart repository for source release")
	text(&o.NodeImage, "node-image", "NODE_IMAGE", "", "node image for source release")
	text(&o.KindConfig, "kind-config", "KIND_CONFIG", "", "configuration of the cluster; default: kind-config.yaml of the checkout")
	text(&o.Name, "name", "NAME", stack.DefaultName, "name of the cluster")
	text(&o.cluster, "cluster", "CLUSTER", "kind", "kind makes a cluster; existing takes the one of KUBECONFIG")
	text(&o.Context, "context", "CONTEXT", "", "context in KUBECONFIG for an existing cluster")
	text(&o.keep, "keep", "KEEP", "0", "1 keeps the cluster for the next run")
	text(&o.Load, "load", "LOAD", "short", "how much latency is measured: short, about a minute, or full, with the curve over the rates")
	text(&o.Run, "run", "RUN", "", "suite or suite/check, separated by commas")
	text(&o.OutDir, "out", "OUT", "", "directory of the reports; default: out in the checkout")
	flags.BoolVar(&o.Force, "force", getenv("FORCE") == "1", "allow a pair of versions outside Istio's support table ($FORCE=1)")
	flags.BoolVar(&o.Mutate, "mutate", getenv("MUTATE") == "1", "break the system on purpose and assert that exactly the right checks fail ($MUTATE=1)")
	return o
}

// Complete fills in what was left out, and refuses what makes no sense with
// status exitcode.Usage.
func (o *Options) Complete() error {
	var err error
	if o.Root, err = project.Root(); err != nil {
		return exitcode.Usagef("%w", err)
	}
	if o.CacheDir, err = project.CacheDir(); err != nil {
		return exitcode.Environmentf("%w", err)
	}
	if o.KindConfig == "" {
		o.KindConfig = filepath.Join(o.Root, "kind-config.yaml")
	}
	if o.OutDir == "" {
		o.OutDir = filepath.Join(o.Root, "out")
	}
	switch o.keep {
	case "0", "1":
		o.Keep = o.keep == "1"
	default:
		return exitcode.Usagef("KEEP=%s: want 1 to keep the cluster, or 0", o.keep)
	}
	if o.Load != "short" && o.Load != "full" {
		return exitcode.Usagef("LOAD=%s: want short or full", o.Load)
	}
	switch o.cluster {
	case "kind":
	case "existing":
		if o.Kubeconfig = o.kubeconfig; o.Kubeconfig == "" {
			return exitcode.Usagef("CLUSTER=existing: name the cluster's kubeconfig: KUBECONFIG=<path>")
		}
	default:
		return exitcode.Usagef("CLUSTER=%s: want kind or existing", o.cluster)
	}
	return o.Validate()
}
