package cluster

import (
	"context"

	"k8s.io/client-go/tools/clientcmd"

	"istio-conformance/internal/process/exitcode"
)

// Existing returns a cluster that is already there, named by a kubeconfig file
// and a context in it; an empty context means the file's current one. A file or
// context that cannot be used has exit status exitcode.Usage. An API server that
// does not answer within 10 s has exitcode.Environment and an error that names
// its address.
func Existing(ctx context.Context, kubeconfig, contextName string) (*Cluster, error) {
	if kubeconfig == "" {
		return nil, exitcode.Usagef("existing cluster: no kubeconfig file given")
	}
	file, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil {
		return nil, exitcode.Usagef("kubeconfig %s: %s", kubeconfig, oneLine(err.Error()))
	}
	if contextName == "" {
		contextName = file.CurrentContext
	}
	if contextName == "" {
		return nil, exitcode.Usagef("kubeconfig %s: no current context; name one", kubeconfig)
	}
	if _, ok := file.Contexts[contextName]; !ok {
		return nil, exitcode.Usagef("kubeconfig %s: no context %q; it has %s", kubeconfig, contextName, keys(file.Contexts))
	}
	clients, err := clientsFor(kubeconfig, contextName)
	if err != nil {
		return nil, exitcode.Usagef("%w", err)
	}
	if _, err := clients.ServerVersion(ctx); err != nil {
		return nil, exitcode.Environmentf("kubeconfig %s, context %s: %w; start that cluster, or name another kubeconfig", kubeconfig, contextName, err)
	}
	return &Cluster{Clients: clients, Name: contextName, Kubeconfig: kubeconfig}, nil
}
