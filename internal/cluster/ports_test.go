package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"istio-conformance/internal/process/exitcode"
)

// fakeHost is a host with ports that are taken and a list of free ones.
type fakeHost struct {
	taken []string
	free  []int
	open  int
}

type fakeListener struct {
	net.Listener
	host *fakeHost
	addr *net.TCPAddr
}

func (l fakeListener) Addr() net.Addr { return l.addr }
func (l fakeListener) Close() error   { l.host.open--; return nil }

func (h *fakeHost) listen(address string) (net.Listener, error) {
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	if addr.Port == 0 {
		if len(h.free) == 0 {
			return nil, errors.New("all ports taken")
		}
		addr.Port, h.free = h.free[0], h.free[1:]
	} else if slices.Contains(h.taken, address) {
		return nil, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	h.open++
	return fakeListener{host: h, addr: addr}, nil
}

func TestChoosePorts(t *testing.T) {
	tests := []struct {
		name  string
		host  fakeHost
		wish  int32 // of the worker
		want  []int32
		notes []string
	}{
		{"all free", fakeHost{}, 8081, []int32{8080, 8081}, nil},
		{"one taken", fakeHost{taken: []string{"127.0.0.1:8080"}, free: []int{40001}}, 8081, []int32{40001, 8081},
			[]string{"node port 30080 of the control-plane node is reached by 127.0.0.1:40001: 127.0.0.1:8080 cannot be used (address already in use)"}},
		{"both taken", fakeHost{taken: []string{"127.0.0.1:8080", "127.0.0.1:8081"}, free: []int{40001, 40002}}, 8081, []int32{40001, 40002},
			[]string{"127.0.0.1:40001", "worker node is reached by 127.0.0.1:40002"}},
		{"any port wished", fakeHost{free: []int{40001}}, 0, []int32{8080, 40001}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plain := plainConfig()
			plain.Nodes[1].ExtraPortMappings[0].HostPort = tt.wish
			cfg, notes, err := ChoosePorts(plain, tt.host.listen)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range tt.want {
				if got := cfg.Nodes[i].ExtraPortMappings[0].HostPort; got != want {
					t.Errorf("node %d: host port %d, want %d", i, got, want)
				}
			}
			if len(notes) != len(tt.notes) {
				t.Fatalf("notes %q, want %d", notes, len(tt.notes))
			}
			for i, word := range tt.notes {
				if !strings.Contains(notes[i], word) {
					t.Errorf("note %q does not contain %q", notes[i], word)
				}
			}
			if tt.host.open != 0 {
				t.Errorf("%d ports are still held", tt.host.open)
			}
			if plain.Nodes[0].ExtraPortMappings[0].HostPort != 8080 {
				t.Error("the configuration given was changed")
			}
		})
	}
}

func TestChoosePortsWithoutAnyFree(t *testing.T) {
	host := fakeHost{taken: []string{"127.0.0.1:8081"}}
	_, _, err := ChoosePorts(plainConfig(), host.listen)
	checkError(t, err, exitcode.Environment, "127.0.0.1", "30080", "worker", "all ports taken")
	if host.open != 0 {
		t.Errorf("%d ports are still held", host.open)
	}
}

func TestNodeNames(t *testing.T) {
	cfg := &v1alpha4.Cluster{Nodes: []v1alpha4.Node{{}, {Role: v1alpha4.WorkerRole}, {Role: v1alpha4.WorkerRole}}}
	if got := fmt.Sprint(nodeNames("c", cfg)); got != "[c-control-plane c-worker c-worker2]" {
		t.Errorf("names %s", got)
	}
}
