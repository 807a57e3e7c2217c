package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/evidence"
	"istio-conformance/internal/evidence/explain"
	"istio-conformance/internal/process/exitcode"
)

// explainCommand holds what explains one thing.
func explainCommand() *cobra.Command {
	c := &cobra.Command{Use: "explain", Short: "Explain what becomes of one request in a cluster; only reads", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(explainRequest())
	return c
}

// explainRequest follows a request through the configuration of a proxy.
func explainRequest() *cobra.Command {
	var look lookFlags
	var r explain.Request
	var from string
	var asJSON bool
	c := &cobra.Command{
		Use:   "request",
		Short: "Follow a request through listener, filter chain, policies, route, cluster and endpoints, each with its object",
		Long: `Follow one request through the configuration that an Envoy has now: listener, filter
chain, policies, route, cluster and endpoints, each with the object of Istio's behind it,
and where it ends. Nothing is sent, and nothing changed; a command is run in the proxy's
pod to read its configuration. Conditions on anything but host and path count as not met.
Exit status: 0 it is sent to an endpoint or answered as a route wants, 1 it ends before,
2 bad flags, 3 the cluster or the proxy does not answer.`,
		Example: `  istio-conformance explain request --host app.example.com --path /api
  istio-conformance explain request --host app.example.com --tls
  istio-conformance explain request --host cart.shop --from shop/web-6d5f`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if r.Host == "" {
				return exitcode.Usagef("--host: name the host that is asked for")
			}
			dump, pod, err := readDump(c.Context(), &look, from)
			if err != nil {
				return err
			}
			r.Outbound = !evidence.Gateway(pod)
			if r.Port == 0 && !r.Outbound {
				r.Port = map[bool]int{true: 443, false: 80}[r.TLS]
			}
			answer, err := explain.Follow([]byte(dump), r)
			if err != nil {
				return exitcode.Environmentf("%w", err)
			}
			if asJSON {
				encoder := json.NewEncoder(c.OutOrStdout())
				encoder.SetIndent("", "  ")
				err = encoder.Encode(answer)
			} else {
				_, err = fmt.Fprintf(c.OutOrStdout(), "proxy           Pod %s/%s\n%s", pod.Namespace, pod.Name, answer)
			}
			if err == nil && !answer.Served {
				return exitcode.Failf("the request ends before an endpoint")
			}
			return err
		},
	}
	flags := c.Flags()
	flags.StringVar(&r.Host, "host", "", "host that is asked for, with a port where it is not 80")
	flags.StringVar(&r.Path, "path", "/", "path that is asked for")
	flags.BoolVar(&r.TLS, "tls", false, "the client speaks TLS and names the host in it")
	flags.IntVar(&r.Port, "port", 0, "port that the gateway's pods listen on (default 80, or 443 with --tls)")
	flags.StringVar(&from, "from", "ingress", "ingress for the ingress gateway, or namespace/pod: a gateway, or the pod that asks through its sidecar")
	flags.BoolVar(&asJSON, "json", false, "write JSON")
	flags.StringVar(&look.kubeconfig, "kubeconfig", "", "kubeconfig of the cluster (default $KUBECONFIG, else ~/.kube/config)")
	flags.StringVar(&look.context, "context", "", "context in the kubeconfig (default its current one)")
	return c
}

// readDump reads the configuration of the proxy that the request meets first.
func readDump(ctx context.Context, look *lookFlags, from string) (dump string, pod *corev1.Pod, err error) {
	namespace, name, isPod := strings.Cut(from, "/")
	if from != "ingress" && (!isPod || namespace == "" || name == "") {
		return "", nil, exitcode.Usagef("--from=%s: want ingress, or namespace/pod", from)
	}
	kubeconfig, err := look.file()
	if err != nil {
		return "", nil, err
	}
	found, err := cluster.Existing(ctx, kubeconfig, look.context)
	if err != nil {
		return "", nil, err
	}
	if isPod {
		pod, err = found.Kube.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	} else {
		pod, err = findGateway(ctx, found.Clients)
	}
	if err != nil {
		return "", nil, exitcode.Environmentf("--from=%s: %w", from, err)
	}
	dump, err = found.PodExec(ctx, pod.Namespace, pod.Name, "istio-proxy", "pilot-agent", "request", "GET", "config_dump?include_eds")
	if err != nil {
		return "", nil, exitcode.Environmentf("%w", err)
	}
	return dump, pod, nil
}

// findGateway returns the ready ingress gateway pod that is first by name.
func findGateway(ctx context.Context, clients *cluster.Clients) (*corev1.Pod, error) {
	pods, err := clients.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the pods: %w", err)
	}
	var first *corev1.Pod
	for i := range pods.Items {
		p := &pods.Items[i]
		if !evidence.Gateway(p) || !evidence.Ready(p) || strings.Contains(p.Labels["istio"], "egress") {
			continue
		}
		if first == nil || p.Namespace+p.Name < first.Namespace+first.Name {
			first = p
		}
	}
	if first == nil {
		return nil, errors.New("no ready pod is an ingress gateway; name one with --from namespace/pod")
	}
	return first, nil
}
