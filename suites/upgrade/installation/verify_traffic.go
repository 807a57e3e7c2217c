package installation

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/fixtures"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

const (
	// propagationTimeout bounds the way of a new or removed route to the gateway.
	propagationTimeout = time.Minute
	// RequestTimeout bounds one request through the gateway.
	RequestTimeout = 2 * time.Second
)

// verifyCertificates asks a gateway's Envoy for the certificates that it has, and
// compares their root with the one that the mesh had when the journey began.
func (m *Mesh) verifyCertificates(ctx context.Context, _ Versions) (string, error) {
	root, err := m.rootCertificate(ctx)
	if err != nil {
		return "", err
	}
	if root != m.root {
		return "", fmt.Errorf("the mesh's root certificate is another one than before the journey: proxies with the old one trust no new one")
	}
	block, _ := pem.Decode([]byte(root))
	if block == nil {
		return "", fmt.Errorf("the mesh's root certificate is no PEM")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("the mesh's root certificate: %w", err)
	}
	serial := fmt.Sprintf("%x", parsed.SerialNumber)
	certificates, err := m.Stack.GatewayAdmin(ctx, "certs")
	if err != nil {
		return "", err
	}
	if !strings.Contains(certificates, serial) {
		return "", fmt.Errorf("the gateway's Envoy has no certificate with the mesh's root (serial number %s)", serial)
	}
	return "root " + serial[:min(8, len(serial))] + " as before", nil
}

// verifyConfiguration makes a route and removes it again: the gateway must serve
// it, and stop.
func (m *Mesh) verifyConfiguration(ctx context.Context, _ Versions) (_ string, err error) {
	file, url := "routes/upgrade-probe.yaml", m.Stack.GatewayURL()
	if m.managed {
		to, err := m.managedAddresses(ctx)
		if err != nil {
			return "", err
		}
		file, url = "routes/upgrade-probe-managed.yaml", "http://"+to.HTTP
	}
	manifest, err := fixtures.Files.ReadFile(file)
	if err != nil {
		return "", err
	}
	name := "upgrade-probe-" + rand.String(5)
	host := name + ".upgrade.test"
	objects, err := kube.Render(manifest, map[string]string{"Name": name, "Host": host, "Gateway": managedName, "GatewayNamespace": m.Stack.Gateway.Namespace})
	if err != nil {
		return "", err
	}
	started := time.Now()
	if err := kube.Apply(ctx, m.Stack.Client, m.Stack.Namespace, objects); err != nil {
		return "", err
	}
	served := m.answers(ctx, url, host, http.StatusOK)
	there := time.Since(started)
	if err := kube.Delete(context.WithoutCancel(ctx), m.Stack.Client, objects); err != nil {
		return "", err
	}
	if served != nil {
		return "", fmt.Errorf("a new route does not reach the gateway: %w", served)
	}
	started = time.Now()
	if err := m.answers(ctx, url, host, http.StatusNotFound); err != nil {
		return "", fmt.Errorf("a removed route does not leave the gateway: %w", err)
	}
	return fmt.Sprintf("a route arrived in %.1f s and left in %.1f s", there.Seconds(), time.Since(started).Seconds()), nil
}

// answers waits until the gateway answers three times in a row with a status: with
// several gateway pods one of them may be the first.
func (m *Mesh) answers(ctx context.Context, url, host string, status int) error {
	const inRow = 3
	return kit.Until(ctx, propagationTimeout, func(ctx context.Context) error {
		for range inRow {
			response := probe.HTTP(ctx, probe.Request{URL: url, Host: host, Timeout: RequestTimeout})
			if response.Status != status {
				return fmt.Errorf("host %s: want status %d, got %s", host, status, response)
			}
		}
		return nil
	})
}
