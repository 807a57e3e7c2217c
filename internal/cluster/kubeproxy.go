package cluster

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// kubeProxy is the DaemonSet in which kubeadm runs it.
	kubeProxy = "kube-proxy"
	// kubeProxyTime bounds the wait for it to run on every node with its request.
	kubeProxyTime = 2 * time.Minute
)

// kubeProxyPatch is a strategic merge, which finds the container by its name.
var kubeProxyPatch = fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":%q,"resources":{"requests":{"cpu":"100m"}}}]}}}}`, kubeProxy)

// requestKubeProxyCPU gives kube-proxy a CPU request and waits until it runs with
// it on every node. kubeadm gives it none, so that on a busy machine it gets what
// all others leave (cpu.shares 2) and learns many seconds late that an endpoint is
// gone: requests would be lost that this cluster lost, and not Istio. Managed
// clusters give it 100m too. A cluster without kube-proxy has nothing to change.
func (c *Cluster) requestKubeProxyCPU(ctx context.Context) error {
	sets := c.Kube.AppsV1().DaemonSets(metav1.NamespaceSystem)
	_, err := sets.Patch(ctx, kubeProxy, types.StrategicMergePatchType, []byte(kubeProxyPatch), metav1.PatchOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		wait, cancel := context.WithTimeout(ctx, kubeProxyTime)
		defer cancel()
		named := metav1.SingleObject(metav1.ObjectMeta{Name: kubeProxy})
		err = await(wait, listerWatcher(c.Kube, sets, named), &appsv1.DaemonSet{}, kubeProxyPending)
	}
	if err != nil {
		return fmt.Errorf("CPU request of kube-proxy: %w", err)
	}
	return nil
}

// kubeProxyPending names the state of kube-proxy until its newest pods are
// available on every node.
func kubeProxyPending(sets []*appsv1.DaemonSet) string {
	for _, d := range sets {
		s := d.Status
		if s.ObservedGeneration < d.Generation || s.UpdatedNumberScheduled < s.DesiredNumberScheduled || s.NumberAvailable < s.DesiredNumberScheduled {
			return fmt.Sprintf("DaemonSet %s/%s: of %d pods %d are of its newest template and %d available",
				d.Namespace, d.Name, s.DesiredNumberScheduled, s.UpdatedNumberScheduled, s.NumberAvailable)
		}
	}
	return ""
}
