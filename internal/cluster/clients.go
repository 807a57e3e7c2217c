package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Requests a second, and at once. The defaults of client-go, 5 and 10, would
// make the harness wait for itself.
const (
	clientQPS   = 200
	clientBurst = 400
)

// Clients talk to one cluster's API server.
type Clients struct {
	Config        *rest.Config
	Kube          kubernetes.Interface
	Dynamic       dynamic.Interface
	APIExtensions apiextensions.Interface
}

// NewClients returns clients for a copy of config with a raised rate limit.
func NewClients(config *rest.Config) (*Clients, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = clientQPS, clientBurst
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for core resources: %w", err)
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for dynamic resources: %w", err)
	}
	ext, err := apiextensions.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for CustomResourceDefinitions: %w", err)
	}
	return &Clients{Config: config, Kube: kube, Dynamic: dyn, APIExtensions: ext}, nil
}

// clientsFor returns clients for a context of a kubeconfig file, and of no other
// file, whatever the environment says.
func clientsFor(kubeconfig, contextName string) (*Clients, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig},
		&clientcmd.ConfigOverrides{CurrentContext: contextName},
	).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s, context %s: %s", kubeconfig, contextName, oneLine(err.Error()))
	}
	return NewClients(config)
}

// ServerVersion returns the API server's version, such as "v1.36.3". The error
// of a server that does not answer within 10 s names its address.
func (c *Clients) ServerVersion(ctx context.Context) (string, error) {
	ask, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	raw, err := c.Kube.Discovery().RESTClient().Get().AbsPath("/version").MaxRetries(0).DoRaw(ask)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case apierrors.IsUnauthorized(err), apierrors.IsForbidden(err):
		return "", fmt.Errorf("the API server at %s refuses the credentials: %w", c.Config.Host, err)
	case errors.Is(err, context.DeadlineExceeded):
		return "", fmt.Errorf("the API server at %s does not answer within %s", c.Config.Host, answerTime)
	case err != nil:
		return "", fmt.Errorf("the API server at %s does not answer: %w", c.Config.Host, rootCause(err))
	}
	var info version.Info
	if err := json.Unmarshal(raw, &info); err != nil || info.GitVersion == "" {
		return "", fmt.Errorf("%s answers, but not as a Kubernetes API server", c.Config.Host)
	}
	return info.GitVersion, nil
}

func keys[V any](m map[string]V) string {
	if len(m) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}
