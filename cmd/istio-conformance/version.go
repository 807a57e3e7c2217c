package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
)

// tag and commit are set by the linker: tag by .ci/step release-build,
// commit by that and by the Makefile. Without them the commit is what Go itself
// noted of the checkout.
var tag, commit string

// buildInfo is what this binary is made of.
type buildInfo struct {
	// Release is the version under which it was published; empty for all others.
	Release  string `json:"release,omitempty"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// Report is the schema of the reports that it writes and reads.
	Report string `json:"report"`
	// Modules are the libraries that decide what it does: path -> version.
	Modules map[string]string `json:"modules"`
}

// deciding are the modules whose versions matter to a reader of a verdict.
var deciding = []string{"sigs.k8s.io/kind", "helm.sh/helm/v3", "sigs.k8s.io/e2e-framework", "k8s.io/client-go", "github.com/onsi/gomega"}

// info describes this binary from what Go noted when it was built; nil is nothing.
func info(read *debug.BuildInfo) buildInfo {
	i := buildInfo{
		Release: tag, Commit: cmp.Or(commit, revision(read), "unknown"), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Report: report.Schema, Modules: map[string]string{},
	}
	if read == nil {
		return i
	}
	for _, m := range read.Deps {
		if slices.Contains(deciding, m.Path) {
			i.Modules[m.Path] = m.Version
		}
	}
	return i
}

// revision is the commit that Go noted, with a mark when the checkout differed
// from it; empty when it noted none, as with -buildvcs=false.
func revision(read *debug.BuildInfo) string {
	if read == nil {
		return ""
	}
	noted := map[string]string{}
	for _, s := range read.Settings {
		noted[s.Key] = s.Value
	}
	if noted["vcs.revision"] != "" && noted["vcs.modified"] == "true" {
		return noted["vcs.revision"] + "-dirty"
	}
	return noted["vcs.revision"]
}

// String is the release with its commit, or the commit alone.
func (i buildInfo) String() string {
	if i.Release != "" {
		return i.Release + ", commit " + i.Commit
	}
	return i.Commit
}

// version says what this binary is.
func version() *cobra.Command {
	format := ""
	c := &cobra.Command{
		Use: "version", Short: "Say what this binary was built from", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			// Without a note of Go's the rest is still true.
			read, _ := debug.ReadBuildInfo()
			i := info(read)
			switch format {
			case "json":
				content, err := json.MarshalIndent(i, "", "  ")
				fmt.Fprintln(c.OutOrStdout(), string(content))
				return err
			case "text":
			default:
				return exitcode.Usagef("version: format %q: want text or json", format)
			}
			fmt.Fprintf(c.OutOrStdout(), "istio-conformance %s\n%s %s, reports of schema %s\n", i, i.Go, i.Platform, i.Report)
			for _, path := range deciding {
				fmt.Fprintf(c.OutOrStdout(), "%s %s\n", path, cmp.Or(i.Modules[path], "unknown"))
			}
			return nil
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text or json")
	return c
}
