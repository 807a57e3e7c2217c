package upstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/fixtures"
	"istio-conformance/internal/images/gatewaycrds"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
	"istio-conformance/suites/kit"
)

const (
	// gatewayClass is the one that istiod makes.
	gatewayClass = "istio"
	// startTimeout bounds the time until the suite's program runs, and goneTimeout that
	// until what an earlier run left is gone.
	startTimeout = time.Minute
	goneTimeout  = 2 * time.Minute
	// The suite's addresses for Gateways that ask for one. Istio takes names of Services.
	usableAddress   = "infra-backend-v1.gateway-conformance-infra.svc.cluster.local"
	unusableAddress = "foo"
	// reportPath is where the suite writes its report, in its pod.
	reportPath = "/tmp/report.yaml"
)

// Start brings what the suite needs into the cluster and starts it with the chosen tests.
// What it writes goes to files in dir. An error is none of the suite's results.
func (u *Upstream) Start(ctx context.Context, dir string, chosen []string, logf progress.Logf) error {
	if u.stack.InstallError != nil {
		return fmt.Errorf("the Gateway API's conformance suite needs Istio: %w", u.stack.InstallError)
	}
	if err := u.loadImages(ctx, logf); err != nil {
		return err
	}
	if err := u.define(ctx, logf); err != nil {
		return err
	}
	if err := kit.AwaitGatewayClass(ctx, u.stack); err != nil {
		// The suite asks for it once, and says so itself where it never comes.
		logf("istiod offers no GatewayClass: %v", err)
	}
	if err := u.sweep(ctx, logf); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, LogName))
	if err != nil {
		return fmt.Errorf("keep the suite's log: %w", err)
	}
	u.dir, u.runner = dir, newRunner(u.stack, file)
	if err := u.startPod(ctx, chosen); err != nil {
		return errors.Join(err, file.Close())
	}
	logf("the suite runs; its log is %s", file.Name())
	go u.runner.follow(ctx)
	return nil
}

// loadImages brings the suite's images into the nodes.
func (u *Upstream) loadImages(ctx context.Context, logf progress.Logf) (err error) {
	dir, err := os.MkdirTemp(u.stack.OutDir(), "gateway-api-")
	if err != nil {
		return fmt.Errorf("make room for images: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	loaded, err := u.suite.Archive(dir)
	if err != nil {
		return err
	}
	if err := u.stack.Cluster.LoadImages(ctx, loaded.Path); err != nil {
		return err
	}
	names := map[string]string{}
	for name, ref := range loaded.Others {
		// CoreDNS, with which the cluster itself runs.
		deployment := &appsv1.Deployment{}
		if err := u.stack.Client.Get(ctx, client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: name}, deployment); err != nil {
			return fmt.Errorf("find the cluster's own image of %s: %w", name, err)
		}
		names[ref] = deployment.Spec.Template.Spec.Containers[0].Image
	}
	logf("the nodes have the suite's images: %s", strings.Join(u.suite.Images, ", "))
	return u.stack.Cluster.NameImages(ctx, names)
}

// define installs the definitions of the suite's version: the experimental ones, of which
// Istio's published reports are.
func (u *Upstream) define(ctx context.Context, logf progress.Logf) error {
	version, err := gatewaycrds.Define(ctx, u.stack.Client, u.stack.Root(), gatewaycrds.Experimental)
	if err != nil {
		return err
	}
	if version != u.suite.Version {
		return exitcode.Environmentf("the Gateway API's definitions are of %s and its conformance suite of %s: give both modules one version in images/gateway-api/go.mod", version, u.suite.Version)
	}
	logf("the Gateway API's definitions %s, experimental channel", version)
	return nil
}

// sweep removes what an earlier run left in a kept cluster: the suite's pod and, of a run
// that was ended from outside, the suite's own namespaces.
func (u *Upstream) sweep(ctx context.Context, logf progress.Logf) error {
	left := func(ctx context.Context) ([]corev1.Namespace, error) {
		all := &corev1.NamespaceList{}
		if err := u.stack.Client.List(ctx, all); err != nil {
			return nil, fmt.Errorf("list Namespaces: %w", err)
		}
		return slices.DeleteFunc(all.Items, func(n corev1.Namespace) bool {
			return n.Name != namespace && n.Labels["gateway-conformance"] == ""
		}), nil
	}
	namespaces, err := left(ctx)
	if err != nil || len(namespaces) == 0 {
		return err
	}
	for i := range namespaces {
		logf("Namespace %s of an earlier run is removed", namespaces[i].Name)
		if err := u.stack.Client.Delete(ctx, &namespaces[i]); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete Namespace %s: %w", namespaces[i].Name, err)
		}
	}
	return kit.Until(ctx, goneTimeout, func(ctx context.Context) error {
		namespaces, err := left(ctx)
		if err == nil && len(namespaces) > 0 {
			err = fmt.Errorf("wait for Namespace %s of an earlier run: it is still there", namespaces[0].Name)
		}
		return err
	})
}

// startPod starts the suite's pod and waits until its program runs.
func (u *Upstream) startPod(ctx context.Context, chosen []string) error {
	manifest, err := fixtures.Files.ReadFile("apps/gateway-api.yaml")
	if err != nil {
		return err
	}
	objects, err := kube.Render(manifest, map[string]any{"Namespace": namespace, "Name": podName, "Image": u.suite.Reference(), "Args": u.args(chosen)})
	if err != nil {
		return err
	}
	if err := kube.Apply(ctx, u.stack.Client, namespace, objects); err != nil {
		return fmt.Errorf("start the Gateway API's conformance suite: %w", err)
	}
	err = kit.Until(ctx, startTimeout, func(ctx context.Context) error {
		pod := &corev1.Pod{}
		if err := u.stack.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: podName}, pod); err != nil {
			return err
		}
		if pod.Status.Phase == corev1.PodPending {
			return fmt.Errorf("wait for Pod %s/%s: %s", namespace, podName, waiting(pod))
		}
		return nil
	})
	if err != nil {
		return exitcode.Environmentf("start the Gateway API's conformance suite: %w", err)
	}
	return nil
}

// waiting is what a pod says of why it does not run yet.
func waiting(pod *corev1.Pod) string {
	for _, s := range pod.Status.ContainerStatuses {
		if w := s.State.Waiting; w != nil {
			return strings.TrimSpace(w.Reason + " " + w.Message)
		}
	}
	return string(pod.Status.Phase)
}

// args are the suite's flags, as Istio's own run of it sets them.
func (u *Upstream) args(chosen []string) []string {
	profiles, features := u.scope(chosen)
	var skipped []string
	for _, t := range u.suite.Tests {
		if !slices.Contains(chosen, t.Name) {
			skipped = append(skipped, t.Name)
		}
	}
	return []string{
		"-gateway-class=" + gatewayClass, "-namespace-labels=istio-injection=enabled",
		"-usable-address=" + usableAddress, "-unusable-address=" + unusableAddress,
		"-conformance-profiles=" + strings.Join(profiles, ","), "-supported-features=" + strings.Join(features, ","), "-skip-tests=" + strings.Join(skipped, ","),
		"-organization=istio", "-project=istio", "-url=https://istio.io/", "-contact=https://istio.io/latest/get-involved/", "-version=" + u.stack.Cell.Istio,
		"-report-output=" + reportPath,
	}
}
