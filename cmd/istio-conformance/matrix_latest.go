package main

import (
	"context"
	"encoding/json"
	"os"

	"istio-conformance/internal/images/release"
	"istio-conformance/internal/matrix"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/mesh/published"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/fetch"
	"istio-conformance/internal/process/progress"
)

// latest reads what is published. Without Istio's charts there is nothing to plan; for
// the others the table of versions stands in, which is said.
func latest(ctx context.Context, table *istio.Table, charts string, logf progress.Logf) (*matrix.Latest, error) {
	from, err := release.OpenCharts(charts, logf)
	if err != nil {
		return nil, err
	}
	texts, err := release.Versions(ctx, from)
	if err != nil {
		return nil, err
	}
	l := &matrix.Latest{Origin: from.String()}
	for _, text := range texts {
		if v, err := istio.ParseVersion(text); err == nil {
			l.Istio = append(l.Istio, v)
		}
	}
	client := fetch.New(logf)
	if l.Nodes, err = published.Nodes(ctx, client, published.NodesURL(table.Kind)); err != nil {
		logf("%v: those of the table of versions are taken", err)
	}
	supports, err := published.Supports(ctx, client, published.SupportURL)
	if err != nil {
		logf("%v: the table of versions is taken", err)
		for i := range table.Istio {
			if m := &table.Istio[i]; !m.Ended && m.Kubernetes.Known() {
				l.Supported = append(l.Supported, m.Version)
			}
		}
		return l, nil
	}
	published.Apply(table, supports)
	for _, s := range supports {
		if s.Supported {
			l.Supported = append(l.Supported, s.Minor)
		}
	}
	return l, nil
}

// readPlan reads what matrix plan --json wrote.
func readPlan(path string) ([]matrix.Cell, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, exitcode.Usagef("--plan: %w", err)
	}
	var cells []matrix.Cell
	if err := json.Unmarshal(content, &cells); err != nil {
		return nil, exitcode.Usagef("--plan %s: %w; want what matrix plan --json writes", path, err)
	}
	if len(cells) == 0 {
		return nil, exitcode.Usagef("--plan %s: it has no cell", path)
	}
	return cells, nil
}
