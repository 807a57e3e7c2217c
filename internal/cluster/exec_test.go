package cluster

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/process/exitcode"
)

func TestTaskPID(t *testing.T) {
	const tasks = "TASK      PID     STATUS    \nabcdef    4711    RUNNING\nabc       12      RUNNING\n"
	if pid, err := taskPID(tasks, "abc"); err != nil || pid != "12" {
		t.Errorf("pid %q, %v; want 12", pid, err)
	}
	_, err := taskPID(tasks, "ab")
	checkError(t, err, exitcode.Environment, "no task for container ab")
}

func TestRunningContainer(t *testing.T) {
	status := func(id string, running bool) corev1.ContainerStatus {
		s := corev1.ContainerStatus{ContainerID: id}
		if running {
			s.State.Running = &corev1.ContainerStateRunning{}
		}
		return s
	}
	pod := &corev1.Pod{Status: corev1.PodStatus{
		Phase:                 corev1.PodRunning,
		ContainerStatuses:     []corev1.ContainerStatus{status("containerd://1", false), status("", true)},
		InitContainerStatuses: []corev1.ContainerStatus{status("containerd://2", true)},
	}}
	if id, err := runningContainer(pod); err != nil || id != "2" {
		t.Errorf("id %q, %v; want 2", id, err)
	}
	_, err := runningContainer(&corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending}})
	checkError(t, err, exitcode.Environment, "no running container", "Pending")
}
