package planes

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// API is an API server without nodes.
type API struct {
	Config *rest.Config
	// Kubeconfig is the path of a file that leads to it.
	Kubeconfig string

	etcd, server *process
}

// StartAPI starts etcd and an API server in dir. Whoever has the token may do
// everything; both listen on 127.0.0.1 only.
func StartAPI(ctx context.Context, etcd, server, dir string) (_ *API, err error) {
	ports, err := freePorts(ctx, 3)
	if err != nil {
		return nil, fmt.Errorf("ports for the API server: %w", err)
	}
	a := &API{Kubeconfig: filepath.Join(dir, "kubeconfig")}
	defer func() {
		if err != nil {
			a.Stop()
		}
	}()
	client := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	a.etcd, err = start(ctx, "etcd", dir, nil, etcd, "--data-dir="+filepath.Join(dir, "etcd"), "--unsafe-no-fsync", "--log-level=error",
		"--listen-client-urls="+client, "--advertise-client-urls="+client, fmt.Sprintf("--listen-peer-urls=http://127.0.0.1:%d", ports[1]))
	if err != nil {
		return nil, err
	}
	token, err := a.secrets(dir)
	if err != nil {
		return nil, err
	}
	key := filepath.Join(dir, "sa.key")
	a.server, err = start(ctx, "kube-apiserver", dir, nil, server, "--etcd-servers="+client, "--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[2]),
		"--cert-dir="+filepath.Join(dir, "certs"), "--token-auth-file="+filepath.Join(dir, "tokens"), "--authorization-mode=AlwaysAllow",
		"--service-account-key-file="+key, "--service-account-signing-key-file="+key, "--service-account-issuer=https://kubernetes.default.svc",
		"--service-cluster-ip-range=10.96.0.0/16",
		// Nobody makes ServiceAccounts' tokens and removes namespaces here.
		"--disable-admission-plugins=ServiceAccount,NamespaceLifecycle")
	if err != nil {
		return nil, err
	}
	if err := a.connect(ports[2], token); err != nil {
		return nil, err
	}
	asker, err := discovery.NewDiscoveryClientForConfig(a.Config)
	if err != nil {
		return nil, err
	}
	return a, a.server.ready(ctx, func(ctx context.Context) error {
		_, err := asker.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err
	})
}

// secrets writes the token and the key of ServiceAccounts, and returns the token.
func (a *API) secrets(dir string) (string, error) {
	random := make([]byte, 16)
	// It never fails: see crypto/rand.
	_, _ = rand.Read(random)
	token := hex.EncodeToString(random)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return "", err
	}
	return token, errors.Join(
		os.WriteFile(filepath.Join(dir, "tokens"), []byte(token+`,rehearsal,rehearsal,"system:masters"`+"\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "sa.key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600),
	)
}

func (a *API) connect(port int, token string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["rehearsal"] = &clientcmdapi.Cluster{Server: fmt.Sprintf("https://127.0.0.1:%d", port), InsecureSkipTLSVerify: true}
	config.AuthInfos["rehearsal"] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["rehearsal"] = &clientcmdapi.Context{Cluster: "rehearsal", AuthInfo: "rehearsal"}
	config.CurrentContext = "rehearsal"
	if err := clientcmd.WriteToFile(*config, a.Kubeconfig); err != nil {
		return fmt.Errorf("write the kubeconfig: %w", err)
	}
	var err error
	a.Config, err = clientcmd.NewDefaultClientConfig(*config, nil).ClientConfig()
	if err != nil {
		return err
	}
	a.Config.QPS, a.Config.Burst = 1000, 2000
	return nil
}

// Stop ends the API server and etcd.
func (a *API) Stop() {
	a.server.stop()
	a.etcd.stop()
}
