package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/machine/kernelprobe"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/stack"
)

// nodes inspects every node once, all at the same time, and all checks look at the
// reports.
type nodes struct {
	stack   *stack.Stack
	once    sync.Once
	uses    kernelprobe.Uses
	reports map[string]*kernelprobe.Report
	err     error
}

func (n *nodes) get(ctx context.Context) (map[string]*kernelprobe.Report, error) {
	n.once.Do(func() { n.err = n.inspect(ctx) })
	return n.reports, n.err
}

func (n *nodes) inspect(ctx context.Context) error {
	program, err := kernelprobe.Program(ctx, n.stack.Root(), n.stack.CacheDir())
	if err != nil {
		return err
	}
	if n.uses, err = n.inUse(ctx); err != nil {
		return err
	}
	var mu sync.Mutex
	n.reports = map[string]*kernelprobe.Report{}
	return n.stack.OnEachNode(func(node string) error {
		args := []string{"--json", "--for", n.uses.String(), "--kubernetes", n.stack.Cell.Kubernetes}
		output, err := n.stack.RunFile(ctx, node, program, args...)
		report, err := read(output, err)
		if err != nil {
			return fmt.Errorf("inspect the kernel on node %s: %w", node, err)
		}
		mu.Lock()
		defer mu.Unlock()
		n.reports[node] = report
		return nil
	})
}

// read returns the report that kernel-probe wrote; its status says only what is in
// the report too.
func read(output string, err error) (*kernelprobe.Report, error) {
	var exit *exec.ExitError
	said := errors.As(err, &exit) && (exit.ExitCode() == exitcode.Fail || exit.ExitCode() == exitcode.Invalid)
	if err != nil && !said {
		return nil, err
	}
	report := &kernelprobe.Report{}
	if parseErr := json.Unmarshal([]byte(output), report); parseErr != nil {
		return nil, errors.Join(err, fmt.Errorf("read the report: %w", parseErr))
	}
	if report.Schema != kernelprobe.Schema {
		return nil, fmt.Errorf("the report has schema %q, want %s", report.Schema, kernelprobe.Schema)
	}
	return report, nil
}

// inUse says what the cluster carries: sidecars, whose rules iptables writes or nft, and
// gateways, with IPv6 when its pods have such addresses.
func (n *nodes) inUse(ctx context.Context) (kernelprobe.Uses, error) {
	uses := kernelprobe.DefaultUses()
	if n.stack.NativeNftables() {
		// What iptables needs in a pod is not needed then.
		uses.Parts = []kernelprobe.Part{kernelprobe.Node, kernelprobe.NFTables, kernelprobe.Gateway}
	}
	list, err := n.stack.Cluster.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return uses, fmt.Errorf("list the nodes: %w", err)
	}
	for i := range list.Items {
		for _, cidr := range list.Items[i].Spec.PodCIDRs {
			uses.IPv6 = uses.IPv6 || strings.Contains(cidr, ":")
		}
	}
	return uses, nil
}
