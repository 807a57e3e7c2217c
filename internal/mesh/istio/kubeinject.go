package istio

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"istio-conformance/internal/process/command"
)

// Injection is what istiod injects by, as its ConfigMaps hold it.
type Injection struct {
	// Config and Values are the keys of ConfigMap istio-sidecar-injector, Mesh that
	// of ConfigMap istio.
	Config, Values, Mesh string
	// Native says that the sidecar shall be a native one: istioctl does not ask the
	// cluster's nodes.
	Native bool
}

// KubeInject has istioctl inject a manifest by itself, by what it is given and not
// by what the cluster holds, and returns the result: what istiod's webhook should
// do too. It asks the cluster of the kubeconfig only which webhooks there are: it
// watches them before it begins, and without a cluster it never does.
func KubeInject(ctx context.Context, istioctl, kubeconfig string, by Injection, manifest []byte) (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "kube-inject-")
	if err != nil {
		return nil, fmt.Errorf("run istioctl kube-inject: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for name, text := range map[string]string{"config": by.Config, "values": by.Values, "mesh": by.Mesh, "manifest": string(manifest)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("run istioctl kube-inject: %w", err)
		}
	}
	inject := command.Command{
		Args: []string{istioctl, "kube-inject", "--filename", "manifest", "--injectConfigFile", "config", "--valuesFile", "values", "--meshConfigFile", "mesh"},
		Dir:  dir,
		Env:  []string{"ENABLE_NATIVE_SIDECARS=" + strconv.FormatBool(by.Native), "KUBECONFIG=" + kubeconfig, "HOME=" + dir},
	}
	output, err := inject.Output(ctx)
	return []byte(output), err
}

// NativeSidecars reports whether istiod makes the proxy a native sidecar unless
// it is told otherwise: since 1.27, where every node has Kubernetes 1.33 or newer
// (DetectNativeSidecar in Istio's pkg/kube/inject). nodes are kubelets' versions.
func NativeSidecars(istio string, nodes []string) (bool, error) {
	version, err := ParseVersion(istio)
	if err != nil {
		return false, err
	}
	if compareMinor(version, Version{Major: 1, Minor: 27}) < 0 {
		return false, nil
	}
	for _, node := range nodes {
		// Distributions add to it, as in v1.33.4-gke.1.
		release, _, _ := strings.Cut(strings.ReplaceAll(node, "+", "-"), "-")
		kubelet, err := ParseVersion(release)
		if err != nil {
			return false, err
		}
		if compareMinor(kubelet, Version{Major: 1, Minor: 33}) < 0 {
			return false, nil
		}
	}
	return true, nil
}
