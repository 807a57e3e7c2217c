package kernelprobe

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"

	"istio-conformance/internal/process/exitcode"
)

// Command is what `istio-conformance kernel` and the small program kernel-probe do.
type Command struct {
	// For lists the parts that the machine shall carry; see ParseUses.
	For string
	// Kubernetes is the version that runs on it; empty if unknown.
	Kubernetes string
	// JSON writes the Report instead of text.
	JSON bool
	// Fix says how to make loadable modules loaded; with Yes it does so.
	Fix, Yes bool
	// Out is where the report is written, Err where a repair says what it does.
	Out, Err io.Writer
}

// Register defines the command's flags.
func (c *Command) Register(flags *flag.FlagSet) {
	flags.StringVar(&c.For, "for", "", "what the machine shall carry: all, ipv6 or some of "+join(AllParts())+", separated by commas (default "+DefaultUses().String()+")")
	flags.StringVar(&c.Kubernetes, "kubernetes", "", "Kubernetes' version on the machine, such as 1.36, to compare the control groups with")
	flags.BoolVar(&c.JSON, "json", false, "write the report as JSON")
	flags.BoolVar(&c.Fix, "fix", false, "say how to load the modules, now and at every boot; changes nothing without --yes")
	flags.BoolVar(&c.Yes, "yes", false, "with --fix: load them")
}

// Run inspects this machine and writes the report. Its error has the exit status of
// the verdict: Fail, or Invalid when something in use could not be judged.
func (c *Command) Run(ctx context.Context) error {
	uses, err := ParseUses(c.For)
	if err != nil {
		return err
	}
	if err := checkVersion(c.Kubernetes); err != nil {
		return err
	}
	if c.Yes && !c.Fix {
		return exitcode.Usagef("--yes: there is nothing to agree to without --fix")
	}
	options := Options{Uses: uses, Kubernetes: c.Kubernetes}
	report, err := Inspect(ctx, options)
	if err != nil {
		return err
	}
	if c.Fix {
		changed, err := c.fix(ctx, report)
		if err != nil {
			return err
		}
		if changed {
			if report, err = Inspect(ctx, options); err != nil {
				return err
			}
		}
	}
	if err := c.write(report); err != nil {
		return err
	}
	return report.Err()
}

func (c *Command) write(report *Report) error {
	if !c.JSON {
		return report.WriteText(c.Out)
	}
	encoder := json.NewEncoder(c.Out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

// fix shows what would be done, or does it, and says whether it did anything.
func (c *Command) fix(ctx context.Context, report *Report) (bool, error) {
	table, err := Requirements()
	if err != nil {
		return false, err
	}
	facts, err := Gather("/")
	if err != nil {
		return false, err
	}
	todo := plan(table, &facts, report)
	say := func(line string) { _, err = fmt.Fprintln(c.Err, line) }
	switch {
	case len(todo.commands()) == 0:
		say("--fix: there is nothing to load: every module of the list is loaded, built in or not there to be loaded")
		return false, err
	case !c.Yes:
		say("--fix would run the following; --fix --yes does:")
		for _, line := range todo.commands() {
			say("  " + line)
		}
		return false, err
	}
	if denied := mayLoad(); denied != nil {
		for _, line := range todo.commands() {
			say("  " + line)
		}
		return false, denied
	}
	if err := todo.apply(ctx, "/", func(line string) { say("+ " + line) }); err != nil {
		return false, exitcode.Environmentf("--fix: %w", err)
	}
	return true, err
}

// Err returns the verdict as an error with its exit status, nil for Pass.
func (r *Report) Err() error {
	switch r.Verdict {
	case Fail:
		return exitcode.Failf("kernel %s does not carry %s: broken by %s", r.Release, r.broken(Fail), strings.Join(r.because(Fail, Failed), ", "))
	case Inconclusive:
		why := "not tried: " + strings.Join(r.because(Inconclusive, CannotTell), ", ")
		if r.Obstacle != "" {
			why = r.Obstacle + "; run as root"
		}
		return exitcode.Invalidf("cannot tell whether kernel %s carries %s: %s", r.Release, r.broken(Inconclusive), why)
	}
	return nil
}

// broken names the parts in use that have a verdict.
func (r *Report) broken(verdict Verdict) string {
	var parts []Part
	for _, v := range r.Parts {
		if v.Used && v.Verdict == verdict {
			parts = append(parts, v.Part)
		}
	}
	return titles(parts)
}

// because names the findings of a status that gave parts in use their verdict, each
// once.
func (r *Report) because(verdict Verdict, status Status) []string {
	var names []string
	seen := map[string]bool{}
	for _, v := range r.Parts {
		if !v.Used || v.Verdict != verdict {
			continue
		}
		for _, name := range v.Because {
			if f, ok := r.Finding(name); ok && f.Status == status && !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}
