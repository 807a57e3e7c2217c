package stack

import (
	"context"
	"os"
	"strings"

	"istio-conformance/internal/check"
	"istio-conformance/internal/diagnose"
	"istio-conformance/internal/evidence"
	"istio-conformance/internal/report"
)

// Evidence collects what explains a failed check.
func (s *Stack) Evidence(ctx context.Context, dir string, failed check.Failure) []string {
	return s.collector(failed).Collect(ctx, dir, failed.Since)
}

// collector returns who looks at the cluster under test.
func (s *Stack) collector(failed check.Failure) *evidence.Collector {
	c := &evidence.Collector{
		Clients: s.Cluster.Clients, Helm: s.Helm, Exec: s.Cluster.Exec,
		Namespaces: []string{SystemNamespace, gatewayNamespace, s.Namespace, "kube-system"},
		Said:       strings.Join(failed.Said, "\n"), Requests: failed.Requests,
	}
	if s.InstallError != nil {
		c.Said += "\n" + s.InstallError.Error()
	}
	for _, node := range s.Cluster.Nodes() {
		c.Nodes = append(c.Nodes, node.Name)
	}
	return c
}

// Symptoms says what the evidence in dir shows of a failed check.
func (s *Stack) Symptoms(dir string, failed check.Failure) report.Diagnosis {
	diagnosis, err := diagnose.Explain(os.DirFS(dir), failed.Names)
	if err != nil {
		return report.Diagnosis{Looked: []string{"nothing: " + err.Error()}}
	}
	return diagnosis
}
