package probes

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

func TestJudgeTellsTheKernelFromTheTool(t *testing.T) {
	exit := errors.New("exit status 2")
	for _, c := range []struct {
		name, output string
		err          error
		status       Status
	}{
		{"taken", "", nil, Works},
		{"legacy, no table", "iptables v1.8.9 (legacy): can't initialize iptables table `nat': Table does not exist (do you need to insmod?)", exit, Fails},
		{"legacy, no match", "iptables: No chain/target/match by that name.", exit, Fails},
		{"nft, no extension", "Warning: Extension owner revision 0 not supported, missing kernel module?\niptables v1.8.9 (nf_tables): RULE_APPEND failed (No such file or directory)", exit, Fails},
		{"nft, no compat", "RULE_APPEND failed (Operation not supported): rule in chain ISTIO_OUTPUT", exit, Fails},
		{"no right", "iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)", exit, CannotTell},
		{"the tool has no such extension", "iptables v1.8.9 (legacy): Couldn't load match `owner':No such file or directory", exit, CannotTell},
		{"the tool is too old", "Error: syntax error, unexpected tproxy", exit, CannotTell},
		{"not started", "", errors.New("fork/exec: exec format error"), CannotTell},
		{"time is up", "", errors.New("context deadline exceeded"), CannotTell},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			result := judge("the command", c.output, c.err)
			g.Expect(result.Status).To(gomega.Equal(c.status), result.Message)
			g.Expect(result.Message == "").To(gomega.Equal(c.status == Works))
			g.Expect(result.Message).NotTo(gomega.ContainSubstring("\n"))
		})
	}
}

func TestObstacle(t *testing.T) {
	const all, noNetAdmin, none, initial, mapped = "000001ffffffffff", "000001ffffffefff", "0000000000000000", "0 0 4294967295", "0 1000 1"
	for _, c := range []struct{ name, effective, uidMap, want string }{
		{"root", all, initial, ""},
		{"root without a capability", noNetAdmin, initial, "no CAP_NET_ADMIN"},
		{"a plain user", none, initial, "no CAP_NET_ADMIN, no CAP_SYS_ADMIN"},
		{"root of a user namespace", all, mapped, "no CAP_NET_ADMIN outside this user namespace"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			proc := t.TempDir()
			g.Expect(os.Mkdir(filepath.Join(proc, "self"), 0o755)).To(gomega.Succeed())
			g.Expect(os.WriteFile(filepath.Join(proc, "self/status"), []byte("Name:\tx\nCapEff:\t"+c.effective+"\n"), 0o644)).To(gomega.Succeed())
			g.Expect(os.WriteFile(filepath.Join(proc, "self/uid_map"), []byte("         "+c.uidMap+"\n"), 0o644)).To(gomega.Succeed())
			why, err := Obstacle(proc)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(why).To(gomega.Equal(c.want))
		})
	}
	_, err := Obstacle(t.TempDir())
	gomega.NewWithT(t).Expect(err).To(gomega.HaveOccurred())
}

func TestCommandsOfTheBackends(t *testing.T) {
	g := gomega.NewWithT(t)
	legacy := Tool{Name: legacy6, Path: "/sbin/ip6tables-legacy"}
	g.Expect(strings.Join(legacy.command("nat", "OUTPUT", "-p tcp -j RETURN"), " ")).
		To(gomega.Equal("/sbin/ip6tables-legacy -w 5 -t nat -A OUTPUT -p tcp -j RETURN"))
	nft := Tool{Name: nft4, Path: "/sbin/iptables-nft"}
	g.Expect(strings.Join(nft.command("raw", "OUTPUT", "-p udp -j CT --zone 1"), " ")).
		To(gomega.Equal("/sbin/iptables-nft -t raw -A OUTPUT -p udp -j CT --zone 1"))
}

func TestFirstCounter(t *testing.T) {
	g := gomega.NewWithT(t)
	const head = "Chain FORWARD (policy ACCEPT 3 packets, 100 bytes)\n    pkts      bytes target     prot opt in     out     source               destination\n"
	packets, err := firstCounter(head + "       7      203            udp  --  *      *       0.0.0.0/0            0.0.0.0/0\n")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(packets).To(gomega.Equal(uint64(7)))
	_, err = firstCounter(head)
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("lists no rule")))
}

func TestNothingIsTriedBehindAnObstacle(t *testing.T) {
	g := gomega.NewWithT(t)
	tools := map[string]Tool{}
	for _, name := range []string{legacy4, nft4, legacy6, nft6, native} {
		tools[name] = Tool{Name: name, Path: "/does/not/exist"}
	}
	results := Run(t.Context(), tools, Options{Obstacle: "no CAP_NET_ADMIN"})
	g.Expect(results).To(gomega.HaveLen(len(Names())))
	for _, name := range Names() {
		g.Expect(results).To(gomega.HaveKeyWithValue(name, Result{Status: CannotTell, Message: "no CAP_NET_ADMIN"}))
	}
}
