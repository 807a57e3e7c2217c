package charts

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"istio-conformance/internal/process/progress"
)

// Requests a second to the API server, and how many of them at once: a chart is
// dozens of objects, and client-go's default of 5 would be most of the time.
const (
	requestRate  = 50
	requestBurst = 100
)

// clientGetter connects Helm to one cluster by one kubeconfig file. What the API
// server offers is remembered in memory: Helm's usual getter keeps it in
// ~/.kube/cache under the server's address, which the next cluster may have too.
type clientGetter struct {
	loader    clientcmd.ClientConfig
	config    *rest.Config
	discovery func() (discovery.CachedDiscoveryInterface, error)
}

func newClientGetter(kubeconfig, kubeContext, namespace string, logf progress.Logf) (*clientGetter, error) {
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig},
		&clientcmd.ConfigOverrides{CurrentContext: kubeContext, Context: clientcmdapi.Context{Namespace: namespace}})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w", kubeconfig, err)
	}
	config.QPS, config.Burst = requestRate, requestBurst
	config.WarningHandler = warnings(logf)
	return &clientGetter{
		loader: loader,
		config: config,
		discovery: sync.OnceValues(func() (discovery.CachedDiscoveryInterface, error) {
			client, err := discovery.NewDiscoveryClientForConfig(config)
			if err != nil {
				return nil, fmt.Errorf("kubeconfig %s: %w", kubeconfig, err)
			}
			return memory.NewMemCacheClient(client), nil
		}),
	}, nil
}

// ToRESTConfig is part of Helm's RESTClientGetter, as are the methods below.
func (g *clientGetter) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(g.config), nil }

func (g *clientGetter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return g.discovery()
}

func (g *clientGetter) ToRESTMapper() (meta.RESTMapper, error) {
	client, err := g.discovery()
	if err != nil {
		return nil, err
	}
	return restmapper.NewDeferredDiscoveryRESTMapper(client), nil
}

func (g *clientGetter) ToRawKubeConfigLoader() clientcmd.ClientConfig { return g.loader }

// warnings sends the API server's warnings to the log instead of standard error.
type warnings progress.Logf

func (w warnings) HandleWarningHeader(_ int, _, text string) {
	if text != "" {
		w("API server warns: %s", text)
	}
}
