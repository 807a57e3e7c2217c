package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Exec runs a bash script as root on a node and returns its standard output.
// The error of a failed script names the node and repeats the last lines. When
// ctx ends the call returns, but the engine does not stop what it started in
// the container: a script that may hang should bound itself.
func (c *Cluster) Exec(ctx context.Context, node, script string) (string, error) {
	return c.execArgs(ctx, node, "bash", "-c", script)
}

func (c *Cluster) execArgs(ctx context.Context, node string, args ...string) (string, error) {
	if _, err := c.node(node); err != nil {
		return "", err
	}
	out, err := c.engine.CLI(ctx, append([]string{"exec", node}, args...)...)
	if err != nil {
		return out, fmt.Errorf("node %s: %w", node, err)
	}
	return out, nil
}

// PodNetns runs a bash script as root on a pod's node, inside the pod's network
// namespace but with the node's files and programs, and returns its standard
// output. Works for clusters of ours only.
func (c *Cluster) PodNetns(ctx context.Context, namespace, pod, script string) (string, error) {
	p, err := c.Kube.CoreV1().Pods(namespace).Get(ctx, pod, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("pod %s/%s: %w", namespace, pod, err)
	}
	id, err := runningContainer(p)
	if err != nil {
		return "", fmt.Errorf("pod %s/%s: %w", namespace, pod, err)
	}
	tasks, err := c.execArgs(ctx, p.Spec.NodeName, "ctr", "--namespace", "k8s.io", "tasks", "list")
	if err != nil {
		return "", fmt.Errorf("pod %s/%s: %w", namespace, pod, err)
	}
	pid, err := taskPID(tasks, id)
	if err != nil {
		return "", fmt.Errorf("pod %s/%s: node %s: %w", namespace, pod, p.Spec.NodeName, err)
	}
	out, err := c.execArgs(ctx, p.Spec.NodeName, "nsenter", "--target", pid, "--net", "bash", "-c", script)
	if err != nil {
		return out, fmt.Errorf("network namespace of pod %s/%s: %w", namespace, pod, err)
	}
	return out, nil
}

// runningContainer returns the id of any running container of a pod: they all
// share its network namespace.
func runningContainer(pod *corev1.Pod) (string, error) {
	for _, status := range slices.Concat(pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses) {
		if id, ok := strings.CutPrefix(status.ContainerID, "containerd://"); ok && status.State.Running != nil {
			return id, nil
		}
	}
	return "", errors.New("no running container; the pod is " + string(pod.Status.Phase))
}

// taskPID finds a container's process in the output of `ctr tasks list`: a
// header, then one line a task with id, process id and status.
func taskPID(tasks, id string) (string, error) {
	for line := range strings.Lines(tasks) {
		if fields := strings.Fields(line); len(fields) >= 3 && fields[0] == id {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("containerd has no task for container %s", id)
}
