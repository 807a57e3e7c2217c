package charts

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/kube"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	restfake "k8s.io/client-go/rest/fake"

	"istio-conformance/internal/process/progress"
)

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "istio-system", Name: name, Labels: map[string]string{"app": "istiod"}}
}

// istiod is a Deployment whose one pod cannot be scheduled.
func istiod() (deployment *appsv1.Deployment, others []runtime.Object) {
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "istiod"}}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: selector.MatchLabels}}
	replicas := int32(1)
	deployment = &appsv1.Deployment{
		ObjectMeta: named("istiod"),
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas, Selector: selector, Template: template},
	}
	deployment.UID = "deployment"
	set := &appsv1.ReplicaSet{ObjectMeta: named("istiod-1"), Spec: appsv1.ReplicaSetSpec{Replicas: &replicas, Selector: selector, Template: template}}
	set.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(deployment, appsv1.SchemeGroupVersion.WithKind("Deployment"))}
	pod := &corev1.Pod{ObjectMeta: named("istiod-1-a"), Status: corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/2 nodes are available: 2 Insufficient memory."},
	}}}
	warning := &corev1.Event{ObjectMeta: named("e1"), Type: corev1.EventTypeWarning, Reason: "FailedScheduling", Message: "no node fits",
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "istiod-1-a"}}
	other := &corev1.Event{ObjectMeta: named("e2"), Type: corev1.EventTypeWarning, Reason: "BackOff", Message: "somebody else's",
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "ztunnel-x"}}
	return deployment, []runtime.Object{set, pod, warning, other}
}

func resources(deployment *appsv1.Deployment) kube.ResourceList {
	return kube.ResourceList{{Namespace: deployment.Namespace, Name: deployment.Name, Object: deployment,
		Mapping: &meta.RESTMapping{GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("Deployment")}}}
}

func waiting(ctx context.Context, objects ...runtime.Object) *waitingClient {
	return &waitingClient{ctx: ctx, clientset: fake.NewClientset(objects...), logf: progress.Discard}
}

func TestWaitSaysWhatIsNotReady(t *testing.T) {
	deployment, others := istiod()
	c := waiting(t.Context(), append(others, deployment)...)
	err := c.Wait(resources(deployment), 300*time.Millisecond)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want %v", err, context.DeadlineExceeded)
	}
	const line = "not ready after 300ms: Deployment istio-system/istiod: Deployment is not ready: istio-system/istiod. 0 out of 1 expected pods are ready; " +
		"pod istio-system/istiod-1-a: PodScheduled: Unschedulable: 0/2 nodes are available: 2 Insufficient memory."
	if err.Error() != line {
		t.Errorf("got\n%v\nwant\n%s", err, line)
	}
	var late *lateError
	if !errors.As(err, &late) {
		t.Fatalf("got a %T", err)
	}
	details := strings.Join(late.Details(), "\n")
	for _, want := range []string{
		"Deployment istio-system/istiod: ", "0 out of 1 expected pods are ready",
		"Unschedulable: 0/2 nodes are available: 2 Insufficient memory.", "FailedScheduling: no node fits",
	} {
		if !strings.Contains(details, want) {
			t.Errorf("the details do not say %q:\n%s", want, details)
		}
	}
	if strings.Contains(details, "somebody else's") {
		t.Errorf("the details tell of another pod:\n%s", details)
	}
}

func TestLateErrorIsOneLine(t *testing.T) {
	err := &lateError{
		wanted: "ready", waited: time.Minute,
		states:  []state{{"Deployment a/b", "0 of 1 pods"}, {"Service a/c", "no address"}, {"DaemonSet a/d", "0 of 2 pods"}},
		details: []string{"pod a/b-1: container x waits: ErrImagePull\nfailed to resolve", "event of Pod a/b-1: Failed: Error"},
	}
	if got, want := err.Error(), "not ready after 1m0s: Deployment a/b: 0 of 1 pods (and 2 more); pod a/b-1: container x waits: ErrImagePull failed to resolve"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := len(err.Details()); got != 5 {
		t.Errorf("%d lines of details, want all 5: %q", got, err.Details())
	}
	if got, want := (&lateError{wanted: "gone", waited: time.Second}).Error(), "not gone after 1s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWaitSaysWhyThereAreNoPods(t *testing.T) {
	deployment, others := istiod()
	deployment.Status.Conditions = []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "admission webhook denied the request"},
	}
	c := waiting(t.Context(), others[0], deployment)
	err := c.Wait(resources(deployment), 300*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "FailedCreate: admission webhook denied the request") {
		t.Errorf("got %v", err)
	}
}

func TestWaitEndsWhenReady(t *testing.T) {
	deployment, others := istiod()
	set, ok := others[0].(*appsv1.ReplicaSet)
	if !ok {
		t.Fatal("the first object is not the ReplicaSet")
	}
	set.Status.ReadyReplicas = 1
	if err := waiting(t.Context(), deployment, set).Wait(resources(deployment), time.Minute); err != nil {
		t.Error(err)
	}
}

func TestWaitStops(t *testing.T) {
	deployment, others := istiod()
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	c := waiting(ctx, append(others, deployment)...)
	// Once it waits, and not before.
	c.logf = func(string, ...any) { cancel(interrupted) }
	err := c.Wait(resources(deployment), 30*time.Second)
	if !errors.Is(err, interrupted) || !strings.Contains(err.Error(), "not ready when stopped") {
		t.Errorf("got %v, want it to be %v", err, interrupted)
	}
}

func TestWaitDoesNotWaitForWhatIsGone(t *testing.T) {
	deployment, _ := istiod()
	err := waiting(t.Context()).Wait(resources(deployment), 30*time.Second)
	if !apierrors.IsNotFound(err) || !strings.Contains(err.Error(), "Deployment istio-system/istiod") {
		t.Errorf("got %v, want not found, with the object's name", err)
	}
}

// info is an object of the API server that answers with status.
func info(status int, body string) *resource.Info {
	client := &restfake.RESTClient{
		NegotiatedSerializer: scheme.Codecs.WithoutConversion(),
		Client: restfake.CreateHTTPClient(func(*http.Request) (*http.Response, error) {
			header := http.Header{"Content-Type": {runtime.ContentTypeJSON}}
			return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
		}),
	}
	return &resource.Info{Client: client, Namespace: "istio-system", Name: "istiod", Mapping: &meta.RESTMapping{
		Resource:         corev1.SchemeGroupVersion.WithResource("services"),
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Service"),
		Scope:            meta.RESTScopeNamespace,
	}}
}

func TestWaitForDelete(t *testing.T) {
	const there = `{"apiVersion":"v1","kind":"Service","metadata":{"name":"istiod"}}`
	cases := []struct {
		name   string
		status int
		body   string
		says   string
	}{
		{"gone", http.StatusNotFound, "", ""},
		{"still there", http.StatusOK, there, "not gone after 300ms: Service istio-system/istiod: still there"},
		{"refused", http.StatusForbidden, "", "Service istio-system/istiod"},
		{"not answered", http.StatusServiceUnavailable, "", "not gone after 300ms: Service istio-system/istiod: "},
	}
	for _, c := range cases {
		err := waiting(t.Context()).WaitForDelete(kube.ResourceList{info(c.status, c.body)}, 300*time.Millisecond)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.says)
		}
		if c.status == http.StatusForbidden && !apierrors.IsForbidden(err) {
			t.Errorf("%s: waited for what cannot change: %v", c.name, err)
		}
	}
}

func TestDescribePod(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: named("gateway"), Status: corev1.PodStatus{
		Phase: corev1.PodPending,
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady", Message: "containers with unready status: [istio-proxy]"},
		},
		InitContainerStatuses: []corev1.ContainerStatus{{Name: "istio-init",
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error"}}}},
		ContainerStatuses: []corev1.ContainerStatus{
			{Name: "istio-proxy", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "auto: not found"}}},
			{Name: "fine", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
		},
	}}
	particular, general := describePod(pod)
	got := strings.Join(append(particular, general...), "\n")
	want := "pod istio-system/gateway: container istio-init ended with status 2: Error\npod istio-system/gateway: container istio-proxy waits: ErrImagePull auto: not found\n" +
		"pod istio-system/gateway: Ready: ContainersNotReady: containers with unready status: [istio-proxy]"
	if got != want || len(general) != 1 {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if particular, general = describePod(&corev1.Pod{ObjectMeta: named("new"), Status: corev1.PodStatus{Phase: corev1.PodPending}}); len(particular) != 0 || general[0] != "pod istio-system/new: Pending" {
		t.Errorf("a pod that complains of nothing: %q, %q", particular, general)
	}
}

func TestObjectName(t *testing.T) {
	mapping := &meta.RESTMapping{GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Namespace")}
	if got := objectName(&resource.Info{Name: "istio-system", Mapping: mapping}); got != "Namespace istio-system" {
		t.Errorf("got %q", got)
	}
}
