package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/term"

	"istio-conformance/internal/exitcode"
	"istio-conformance/internal/project"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
)

// options are the flags, each with the environment variable of the Makefile as
// its default.
type options struct {
	stack.Config
	cluster, run, out string
	keep              string
}

func registerFlags() *options {
	o := &options{}
	text := func(target *string, name, variable, fallback, usage string) {
		if value := os.Getenv(variable); value != "" {
			fallback = value
		}
		flag.StringVar(target, name, fallback, usage+" ($"+variable+")")
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
	text(&o.run, "run", "RUN", "", "suite or suite/check, separated by commas")
	text(&o.out, "out", "OUT", "", "directory of the reports; default: out in the checkout")
	flag.BoolVar(&o.Force, "force", false, "allow a pair of versions outside Istio's support table")
	return o
}

// config completes and checks the options.
func (o *options) config() (stack.Config, error) {
	var err error
	if o.Root, err = project.Root(); err != nil {
		return o.Config, exitcode.Usagef("%w", err)
	}
	if o.CacheDir, err = project.CacheDir(); err != nil {
		return o.Config, exitcode.Environmentf("%w", err)
	}
	if o.KindConfig == "" {
		o.KindConfig = filepath.Join(o.Root, "kind-config.yaml")
	}
	if o.out == "" {
		o.out = filepath.Join(o.Root, "out")
	}
	o.OutDir = o.out
	switch o.keep {
	case "", "0", "1":
		o.Keep = o.keep == "1"
	default:
		return o.Config, exitcode.Usagef("KEEP=%s: want 1 to keep the cluster, or 0", o.keep)
	}
	switch o.cluster {
	case "kind":
	case "existing":
		if o.Kubeconfig = os.Getenv("KUBECONFIG"); o.Kubeconfig == "" {
			return o.Config, exitcode.Usagef("CLUSTER=existing: name the cluster's kubeconfig: KUBECONFIG=<path>")
		}
	default:
		return o.Config, exitcode.Usagef("CLUSTER=%s: want kind or existing", o.cluster)
	}
	return o.Config, o.Config.Validate()
}

// report says where and how the report is written.
func (o *options) report(console *os.File) report.Options {
	terminal := term.IsTerminal(int(console.Fd()))
	width, _, err := term.GetSize(int(console.Fd()))
	if err != nil {
		width = 0 // not a terminal
	}
	return report.Options{
		Dir: o.out, RunID: time.Now().UTC().Format("20060102-150405"), Out: console,
		Terminal: terminal, Color: terminal && os.Getenv("NO_COLOR") == "", Width: width,
	}
}
