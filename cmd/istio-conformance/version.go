package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"istio-conformance/internal/exitcode"
	"istio-conformance/internal/report"
)

// commit and built are set by the linker; see the Makefile.
var commit, built string

// buildInfo is what this binary is made of.
type buildInfo struct {
	Commit   string `json:"commit"`
	Built    string `json:"built,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// Report is the schema of the reports that it writes and reads.
	Report string `json:"report"`
	// Modules are the libraries that decide what it does: path -> version.
	Modules map[string]string `json:"modules"`
}

// deciding are the modules whose versions matter to a reader of a verdict.
var deciding = []string{"sigs.k8s.io/kind", "helm.sh/helm/v3", "sigs.k8s.io/e2e-framework", "k8s.io/client-go", "github.com/onsi/gomega"}

func info() buildInfo {
	i := buildInfo{
		Commit: cmp.Or(commit, "unknown"), Built: built, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Report: report.Schema, Modules: map[string]string{},
	}
	read, ok := debug.ReadBuildInfo()
	if !ok {
		return i
	}
	for _, m := range read.Deps {
		for _, path := range deciding {
			if m.Path == path {
				i.Modules[path] = m.Version
			}
		}
	}
	return i
}

// version says what this binary is.
func version() *cobra.Command {
	format := ""
	c := &cobra.Command{
		Use: "version", Short: "Say what this binary was built from", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			i := info()
			switch format {
			case "json":
				content, err := json.MarshalIndent(i, "", "  ")
				fmt.Fprintln(c.OutOrStdout(), string(content))
				return err
			case "text":
			default:
				return exitcode.Usagef("version: format %q: want text or json", format)
			}
			fmt.Fprintf(c.OutOrStdout(), "istio-conformance %s", i.Commit)
			if i.Built != "" {
				fmt.Fprintf(c.OutOrStdout(), ", built %s", i.Built)
			}
			fmt.Fprintf(c.OutOrStdout(), "\n%s %s, reports of schema %s\n", i.Go, i.Platform, i.Report)
			for _, path := range deciding {
				fmt.Fprintf(c.OutOrStdout(), "%s %s\n", path, cmp.Or(i.Modules[path], "unknown"))
			}
			return nil
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text or json")
	return c
}
