package cluster

import (
	"fmt"
	"strings"
	"testing"

	"istio-conformance/internal/process/exitcode"
)

// inspected is what the engine says about two nodes of ours, one of another
// harness's cluster and one of somebody else's.
const inspected = `[
 {"Id":"3","Name":"/ours-worker","State":{"Status":"exited","Running":false},
  "Config":{"Labels":{"io.x-k8s.kind.cluster":"ours","io.x-k8s.kind.role":"worker"}},
  "Mounts":[{"Destination":"/var"},{"Destination":"/etc/istio-conformance/abc"}],
  "NetworkSettings":{"Ports":{}}},
 {"Id":"2","Name":"/ours-control-plane","State":{"Status":"running","Running":true},
  "Config":{"Labels":{"io.x-k8s.kind.cluster":"ours","io.x-k8s.kind.role":"control-plane"}},
  "Mounts":[{"Destination":"/etc/istio-conformance/abc"}],
  "NetworkSettings":{"Ports":{"30080/tcp":[{"HostIp":"127.0.0.1","HostPort":"40001"}],"6443/tcp":null}}},
 {"Id":"1","Name":"/dev-control-plane","State":{"Status":"running","Running":true},
  "Config":{"Labels":{"io.x-k8s.kind.cluster":"dev","io.x-k8s.kind.role":"control-plane"}},
  "Mounts":[{"Destination":"/var"}],"NetworkSettings":{"Ports":{}}}
]`

func inspectedNodes(t *testing.T) []container {
	t.Helper()
	nodes, err := parseContainers(inspected)
	if err != nil {
		t.Fatal(err)
	}
	return nodes
}

func TestOnlyMarkedNodesAreOurs(t *testing.T) {
	all := inspectedNodes(t)
	var names []string
	for _, c := range ours(all) {
		names = append(names, c.Name+"="+c.ID)
	}
	if got := fmt.Sprint(names); got != "[ours-control-plane=2 ours-worker=3]" {
		t.Errorf("ours: %s", got)
	}
	if got := fmt.Sprint(clusterNames(ours(all))); got != "[ours]" {
		t.Errorf("clusters: %s", got)
	}
	if len(all) != 3 {
		t.Errorf("the list given was changed: %d left", len(all))
	}
}

func TestPortFor(t *testing.T) {
	c := &Cluster{Name: "ours", nodes: ours(inspectedNodes(t))}
	if at, err := c.PortFor(30080, "ours-control-plane"); err != nil || at.String() != "127.0.0.1:40001" {
		t.Errorf("%s, %v; want 127.0.0.1:40001", at, err)
	}
	_, err := c.PortFor(30443, "ours-control-plane")
	checkError(t, err, exitcode.Environment, "30443", "kind-config.yaml")
	_, err = c.PortFor(30080, "other")
	checkError(t, err, exitcode.Environment, "node other", "ours-control-plane, ours-worker")
	_, err = (&Cluster{Name: "theirs"}).PortFor(30080, "n")
	checkError(t, err, exitcode.Environment, "existing cluster (theirs)")
	if got := fmt.Sprint(c.Nodes()); got != "[{ours-control-plane control-plane} {ours-worker worker}]" {
		t.Errorf("nodes %s", got)
	}
}

func TestReusable(t *testing.T) {
	tests := []struct {
		name, cluster, fingerprint string
		change                     func([]container)
		names                      []string
		want                       string
	}{
		{name: "not ours", cluster: "dev", want: "not made by this harness"},
		{name: "made from something else", cluster: "ours", fingerprint: "def", want: "another node image or configuration"},
		{name: "stopped", cluster: "ours", fingerprint: "abc", want: "node ours-worker is exited"},
		{name: "node gone", cluster: "ours", fingerprint: "abc", change: running, names: []string{"ours-control-plane", "ours-worker", "ours-worker2"}, want: "node ours-worker2 is gone"},
		{name: "good", cluster: "ours", fingerprint: "abc", change: running, names: []string{"ours-control-plane", "ours-worker"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var nodes []container
			for _, c := range inspectedNodes(t) {
				if c.cluster() == tt.cluster {
					nodes = append(nodes, c)
				}
			}
			if tt.change != nil {
				tt.change(nodes)
			}
			err := reusable(tt.cluster, nodes, tt.names, tt.fingerprint)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func running(nodes []container) {
	for i := range nodes {
		nodes[i].State.Running = true
	}
}

func TestCheckOursSaysWhatToDo(t *testing.T) {
	err := checkOurs("dev", inspectedNodes(t)[:1])
	checkError(t, err, exitcode.Environment, "cluster dev", "dev-control-plane", "kind delete cluster --name dev")
}

func TestOptionsCheck(t *testing.T) {
	good := Options{Name: "istio-conformance-1", Config: plainConfig(), NodeImage: "n:1", KubeconfigPath: "/x"}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	good.Logf("a missing Logf is replaced")
	for _, name := range []string{"", "Upper", "a b", "-a", strings.Repeat("x", 49)} {
		bad := good
		bad.Name = name
		checkUsage(t, bad.check(), "cluster name")
	}
	bad := good
	bad.KubeconfigPath = ""
	checkError(t, bad.check(), exitcode.Environment, "kubeconfig")
}
