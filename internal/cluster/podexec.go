package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// PodExec runs a command in a container of a pod and returns its standard
// output. The error of a failed command holds what it wrote to standard error; one
// that could not be run is an UnaskedError.
func (c *Clients) PodExec(ctx context.Context, namespace, pod, container string, cmd ...string) (string, error) {
	url := c.Kube.CoreV1().RESTClient().Post().
		Resource("pods").Namespace(namespace).Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: cmd, Stdout: true, Stderr: true}, scheme.ParameterCodec).
		URL()
	spdy, err := remotecommand.NewSPDYExecutor(c.Config, "POST", url)
	if err != nil {
		return "", fmt.Errorf("exec in pod %s/%s: %w", namespace, pod, err)
	}
	// WebSocket since Kubernetes 1.30, SPDY before: as kubectl does.
	websocket, err := remotecommand.NewWebSocketExecutor(c.Config, "GET", url.String())
	if err != nil {
		return "", fmt.Errorf("exec in pod %s/%s: %w", namespace, pod, err)
	}
	executor, err := remotecommand.NewFallbackExecutor(websocket, spdy, needsSPDY)
	if err != nil {
		return "", fmt.Errorf("exec in pod %s/%s: %w", namespace, pod, err)
	}
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
	if err != nil {
		var ended exec.CodeExitError
		if !errors.As(err, &ended) {
			err = Unasked(err)
		}
		if words := oneLine(stderr.String()); words != "" {
			err = fmt.Errorf("%w: %s", err, words)
		}
		return stdout.String(), fmt.Errorf("exec %q in pod %s/%s, container %s: %w", cmd, namespace, pod, container, err)
	}
	return stdout.String(), nil
}

// needsSPDY says that the API server, or a proxy before it, knows no WebSocket.
func needsSPDY(err error) bool {
	return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
}
