package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/check"
	"istio-conformance/internal/evidence"
	"istio-conformance/internal/evidence/diagnose"
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
		Namespaces: []string{SystemNamespace, cmp.Or(s.Gateway.Namespace, gatewayNamespace), s.Namespace, "kube-system"},
		Said:       strings.Join(failed.Said, "\n"), Requests: failed.Requests,
	}
	if s.scratch.name != "" && s.scratch.name != s.Namespace {
		c.Namespaces = append(c.Namespaces, s.scratch.name)
	}
	if s.InstallError != nil {
		c.Said += "\n" + s.InstallError.Error()
	}
	for _, node := range s.Cluster.Nodes() {
		c.Nodes = append(c.Nodes, node.Name)
	}
	return c
}

// Diagnose asks the catalogue what is wrong with Istio in the cluster, and in the
// namespaces.
func (s *Stack) Diagnose(ctx context.Context, namespaces ...string) (_ *diagnose.Diagnosis, err error) {
	dir, err := os.MkdirTemp("", "istio-conformance-evidence-")
	if err != nil {
		return nil, fmt.Errorf("directory for the evidence: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return s.DiagnoseIn(ctx, dir, namespaces...)
}

// DiagnoseIn is Diagnose that leaves the evidence in dir, in place of what is there.
func (s *Stack) DiagnoseIn(ctx context.Context, dir string, namespaces ...string) (*diagnose.Diagnosis, error) {
	catalogue, err := diagnose.Load()
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	c := s.collector(check.Failure{})
	// What other namespaces hold may be on its way out. Nodes say nothing of what is
	// asked here, and take the longest.
	c.Only, c.Nodes = true, nil
	c.Namespaces = append(c.Namespaces, namespaces...)
	c.Collect(ctx, dir, time.Now())
	return catalogue.Diagnose(os.DirFS(dir))
}

// Symptoms says what the evidence in dir shows of a failed check.
func (s *Stack) Symptoms(dir string, failed check.Failure) report.Diagnosis {
	diagnosis, err := diagnose.Explain(os.DirFS(dir), failed.Names, s.ruledOut)
	if err != nil {
		return report.Diagnosis{Looked: []string{"nothing: " + err.Error()}}
	}
	return diagnosis
}

// ruledOut reports whether a symptom is of a way to the gateway by which no request of the
// checks came: its load balancer has no address, and they enter elsewhere.
func (s *Stack) ruledOut(symptom report.Symptom) bool {
	return symptom.Name == "load-balancer-pending" && s.Gateway.Entrance.HTTP != "" &&
		slices.Equal(symptom.Objects, []string{s.Gateway.Namespace + "/" + s.Gateway.Release})
}
