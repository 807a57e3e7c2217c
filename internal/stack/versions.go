package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"istio-conformance/internal/images/release"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/mesh/published"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/fetch"
	"istio-conformance/internal/report"
)

// readCharts opens the place of the charts and reads which versions it has.
func (b *Builder) readCharts(ctx context.Context, table *istio.Table) error {
	var err error
	if b.charts, err = release.OpenCharts(b.config.Charts, b.say); err != nil {
		return err
	}
	for _, place := range []string{b.charts.String(), b.config.Hub} {
		if ends := table.Ends(place); ends != nil {
			b.warnings = append(b.warnings, ends.String())
		}
	}
	texts, err := release.Versions(ctx, b.charts)
	if err != nil && exitcode.Of(err) == exitcode.Usage || ctx.Err() != nil {
		return err
	}
	if err != nil || texts == nil {
		return b.takeAsked(table, err)
	}
	b.published = []istio.Version{}
	for _, text := range texts {
		if v, err := istio.ParseVersion(text); err == nil {
			b.published = append(b.published, v)
		}
	}
	return nil
}

// takeAsked takes the versions that the user asks for where the place of the charts
// does not say which it has: none, because they are sources, or it does not answer,
// and then they may have been fetched before. Only a full version can be taken so.
func (b *Builder) takeAsked(table *istio.Table, problem error) error {
	asked := []string{b.config.Istio}
	if b.config.From != "" {
		asked = append(asked, b.config.From)
	}
	b.published = []istio.Version{}
	for _, text := range asked {
		v, err := istio.ParseVersion(text)
		switch {
		case text != "" && err != nil:
			return exitcode.Usagef("Istio's version: %w", err)
		case err == nil && v.Full():
			b.published = append(b.published, v)
		case problem != nil:
			return fmt.Errorf("%w; charts that were fetched before are found by their full version, such as ISTIO=%s", problem, example(table, text))
		default:
			return exitcode.Usagef("CHARTS=%s: the charts there bear no version of Istio; say which it is, such as ISTIO=%s", b.charts, example(table, text))
		}
	}
	if problem != nil {
		b.resolved = append(b.resolved, fmt.Sprintf("%v; charts that were fetched before are used", problem))
	}
	return nil
}

// example is a full version of the minor that the user asks for, or of the default's.
func example(table *istio.Table, asked string) istio.Version {
	v, err := istio.ParseVersion(asked)
	if err != nil {
		v = table.Default.Istio
	}
	known := table.IstioIn(istio.SourceRelease)
	return known[max(0, slices.IndexFunc(known, v.SameMinor))]
}

// resolveRequest finds the full versions, with what is published.
func (b *Builder) resolveRequest(ctx context.Context, table *istio.Table, r istio.Request) (istio.Resolved, error) {
	if r.Source != istio.SourceRelease {
		return table.Resolve(r)
	}
	r.Published, r.Origin, r.NodeImage = b.published, b.charts.String(), b.config.NodeImage
	cell, err := table.Resolve(r)
	if errors.Is(err, istio.ErrUnknownKubernetes) {
		from := published.NodesURL(table.Kind)
		nodes, listErr := published.Nodes(ctx, fetch.New(b.say), from)
		if listErr != nil {
			return cell, exitcode.Usagef("%w; %w; or name a node image: NODE_IMAGE=kindest/node:v1.36.4@sha256:...", err, listErr)
		}
		r.Nodes = nodes
		cell, err = table.Resolve(r)
	}
	if err != nil {
		return cell, b.orElsewhere(ctx, r, err)
	}
	if v, parseErr := istio.ParseVersion(r.Istio); r.Istio == "" || parseErr == nil && !v.Full() {
		b.resolved = append(b.resolved, fmt.Sprintf("the newest Istio %s of %s is %s", minorOf(cell.Istio), b.charts, cell.Istio))
	}
	return cell, nil
}

// orElsewhere adds to the error of a version that the place of the charts does not
// have which other place has it.
func (b *Builder) orElsewhere(ctx context.Context, r istio.Request, err error) error {
	asked, parseErr := istio.ParseVersion(r.Istio)
	if parseErr != nil || asked.In(b.published) {
		return err
	}
	if other := release.Elsewhere(ctx, b.charts, func(text string) bool {
		v, err := istio.ParseVersion(text)
		return err == nil && asked.In([]istio.Version{v})
	}); other != "" {
		return exitcode.Usagef("%w; %s has it", err, other)
	}
	return err
}

func minorOf(version string) string {
	if v, err := istio.ParseVersion(version); err == nil {
		return v.MinorOf().String()
	}
	return version
}

// judgeSupport notes what Istio's project says of the versions under test. What it
// says nothing of, or does not support, is never taken for supported.
func (b *Builder) judgeSupport(table *istio.Table) error {
	cells := []istio.Pair{b.Cell.Pair}
	if b.FromCell.Istio != "" {
		cells = append(cells, b.FromCell.Pair)
	}
	b.Support = istio.Reason{}
	for _, cell := range cells {
		reason, err := table.StandingOf(cell)
		if err != nil {
			return err
		}
		if b.Support.Standing == "" || b.Support.Standing.Worse(reason.Standing) != b.Support.Standing {
			b.Support = reason
		}
	}
	if note := b.describeSupport().Note(); note != "" {
		b.warnings = append(b.warnings, note+": "+b.Support.Text)
	}
	return nil
}

// describeSupport is the support for the report.
func (b *Builder) describeSupport() *report.Support {
	if b.Support.Standing == "" {
		return nil
	}
	return &report.Support{Standing: string(b.Support.Standing), Why: b.Support.Text}
}

// say tells who waits for Resolve what is tried again.
func (b *Builder) say(format string, args ...any) {
	if b.Say != nil {
		b.Say(format, args...)
	}
}

// keyOf is the URL of the public key by which the images of a version are signed.
func keyOf(version string) string {
	table, err := istio.Load()
	if err != nil {
		return "" // it is compiled in, and was read before
	}
	v, err := istio.ParseVersion(version)
	if err != nil {
		return ""
	}
	return table.KeyOf(v)
}
