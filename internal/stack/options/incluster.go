package options

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// accountDir is where a pod finds its ServiceAccount (kubernetes.io, "Accessing the
// Kubernetes API from a Pod").
const accountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// inCluster writes a kubeconfig for the cluster that this process runs in and
// returns its path; "" when it runs in none. It refers to the token by its file, so
// that a renewed token is used, and holds no secret itself.
func (o *Options) inCluster() string {
	host, port := o.getenv("KUBERNETES_SERVICE_HOST"), o.getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return ""
	}
	content := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: in-cluster
clusters:
- name: in-cluster
  cluster: {server: "https://%s", certificate-authority: %s/ca.crt}
users:
- name: in-cluster
  user: {tokenFile: %s/token}
contexts:
- name: in-cluster
  context: {cluster: in-cluster, user: in-cluster}
`, net.JoinHostPort(host, port), accountDir, accountDir)
	path := filepath.Join(o.OutDir, "in-cluster.kubeconfig")
	if os.MkdirAll(o.OutDir, 0o755) != nil || os.WriteFile(path, []byte(content), 0o600) != nil {
		return "" // The refusal that follows says that there is no kubeconfig.
	}
	return path
}
