package e2e

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"istio-conformance/internal/check"
	"istio-conformance/internal/check/catalogue"
	"istio-conformance/internal/report/wording"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/stack/options"
	"istio-conformance/suites"
)

// list shows the selected checks; it needs no cluster. Of make mutate, make upgrade
// and make gateway-api they are those of all, of make e2e the whole catalogue, with what breaks each.
func list(out io.Writer, o *options.Options, all []check.Suite, selection check.Selection) error {
	known := suites.Catalogue()
	if o.Mutate || o.Exam || o.GatewayAPI || o.Upgrade != nil {
		known = catalogue.Of(all, nil)
	}
	var entries []catalogue.Entry
	for _, e := range known {
		if selection.Includes(e.Suite, check.Check{Name: e.Name, Feature: e.Feature, Promise: e.Promise, Gate: e.Gate, Parallel: e.Parallel}) {
			entries = append(entries, e)
		}
	}
	text, err := catalogue.Text(entries), error(nil)
	if o.Format == "json" {
		text, err = catalogue.JSON(entries)
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}

// dryRun says what would be run, on what. Nothing is touched: of an existing
// cluster only the configuration is read.
func dryRun(ctx context.Context, out io.Writer, o *options.Options, s *stack.Builder, plan []check.Suite) error {
	if err := s.Resolve(ctx); err != nil {
		return err
	}
	if s.Existing() {
		scope := map[bool]string{false: "it is only read", true: "the checks make what they need in one namespace"}[s.InNamespace()]
		fmt.Fprintf(out, "cluster:  the one of %s, context %s; %s\n", o.Kubeconfig, cmp.Or(o.Context, "current"), scope)
	} else {
		fmt.Fprintf(out, "cluster:  kind cluster %s by %s; %s\n", o.Name, o.KindConfig, map[bool]string{true: "kept", false: "removed at the end"}[o.Keep])
		fmt.Fprintf(out, "versions: %s\n", s)
		fmt.Fprintf(out, "images:   %s\n", s.Source())
		for _, note := range s.Notes() {
			fmt.Fprintf(out, "note:     %s\n", note)
		}
		for _, warning := range s.Warnings() {
			fmt.Fprintf(out, "warning:  %s\n", warning)
		}
	}
	if o.Policy.Repeat > 1 {
		fmt.Fprintf(out, "repeat:   each check %d times\n", o.Policy.Repeat)
	}
	if o.Policy.Retries > 0 {
		fmt.Fprintf(out, "retry:    %s, flake budget %d\n", wording.Plural(o.Policy.Retries, "time"), o.FlakeBudget)
	}
	if o.Require != options.RequireNone {
		fmt.Fprintf(out, "require:  %s\n", o.Require)
	}
	if waits := o.Waits.String(); waits != "" {
		fmt.Fprintf(out, "timeout:  %s\n", waits)
	}
	fmt.Fprintf(out, "reports:  %s\n\n", o.OutDir)
	for _, suite := range plan {
		for _, c := range suite.Checks {
			note := ""
			if s.Existing() && c.SkipIf != nil {
				if reason := c.SkipIf(); reason != "" {
					note = "  (skipped: " + reason + ")"
				}
			}
			fmt.Fprintf(out, " %s/%s%s\n", suite.Name, c.Name, note)
		}
	}
	_, err := fmt.Fprintf(out, "\n%s would be run; nothing was touched\n", strings.TrimSpace(wording.Plural(check.Count(plan), "check")))
	return err
}
