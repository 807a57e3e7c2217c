package cluster

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"
)

func TestUserlandProxy(t *testing.T) {
	g := gomega.NewWithT(t)
	proc := t.TempDir()
	for pid, line := range map[string]string{
		"12": "/usr/bin/docker-proxy\x00-proto\x00tcp\x00-host-ip\x00127.0.0.1\x00-host-port\x008080\x00-container-port\x0030080\x00",
		"13": "cat\x00-host-port\x008443\x00",
	} {
		g.Expect(os.MkdirAll(filepath.Join(proc, pid), 0o755)).To(gomega.Succeed())
		g.Expect(os.WriteFile(filepath.Join(proc, pid, "cmdline"), []byte(line), 0o600)).To(gomega.Succeed())
	}
	g.Expect(userlandProxy(proc, 8080)).To(gomega.BeTrue())
	g.Expect(userlandProxy(proc, 30080)).To(gomega.BeFalse(), "the container's port is not the machine's")
	g.Expect(userlandProxy(proc, 8443)).To(gomega.BeFalse(), "another program")
}
