package kernel

import (
	"fmt"
	"strings"
)

// ProbeScript tries the functions behind the required modules in a mount and
// network namespace that end with it, and prints a line for each; see
// ParseProbes. It needs root, util-linux' unshare and iptables.
const ProbeScript = `
exec unshare --mount --net bash -c '
try() { name=$1; shift; if out=$("$@" 2>&1); then echo "ok $name"; else echo "failed $name $(echo "$out" | tr "\n" " ")"; fi; }
overlay() { mount -t tmpfs none /mnt && mkdir /mnt/l /mnt/u /mnt/w /mnt/m &&
  mount -t overlay none -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w /mnt/m; }
try overlay-mount overlay
try bridge-sysctl cat /proc/sys/net/bridge/bridge-nf-call-iptables
try nat-redirect iptables -w -t nat -A OUTPUT -p tcp --dport 1 -j REDIRECT --to-ports 2
try owner-match iptables -w -t nat -A OUTPUT -m owner --uid-owner 1337 -j RETURN
try mangle-mark iptables -w -t mangle -A PREROUTING -j MARK --set-mark 1
try filter-accept iptables -w -t filter -A INPUT -j ACCEPT
echo "version $(iptables --version 2>&1)"
' 2>&1
`

// Probes is what ProbeScript found.
type Probes struct {
	// Iptables is the version line of iptables, with its backend.
	Iptables string
	// Failures holds the message of each probe that failed; one that worked has "".
	Failures map[string]string
}

// ParseProbes reads the output of ProbeScript.
func ParseProbes(output string) (Probes, error) {
	p := Probes{Failures: map[string]string{}}
	for line := range strings.SplitSeq(output, "\n") {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, message, _ := strings.Cut(rest, " ")
		switch verb {
		case "ok":
			p.Failures[name] = ""
		case "failed":
			if message == "" {
				message = "it printed nothing"
			}
			p.Failures[name] = message
		case "version":
			p.Iptables = rest
		}
	}
	for _, r := range Requirements() {
		if _, ran := p.Failures[r.Probe]; !ran {
			return p, fmt.Errorf("kernel probe %s did not run: %s", r.Probe, strings.TrimSpace(output))
		}
	}
	return p, nil
}

// RedirectScript sends a connection through a REDIRECT rule in a network
// namespace that ends with it: uid 1337 must pass by the rule and reach the
// port it asked for, everybody else must arrive where the rule says. It prints
// what each of the two reached.
const RedirectScript = `
exec unshare --net --pid --fork --kill-child --mount-proc bash -c '
set -e
ip link set lo up
socat TCP-LISTEN:15001,bind=127.0.0.1,fork,reuseaddr SYSTEM:"echo redirected" &
socat TCP-LISTEN:8080,bind=127.0.0.1,fork,reuseaddr SYSTEM:"echo direct" &
listening() { [ "$(ss -Hltn | grep -cE ":(15001|8080) ")" = 2 ]; }
for try in $(seq 100); do listening && break; read -rt 0.05 <> <(:) || :; done
listening || { echo "the probe'"'"'s own listeners did not start: $(ss -ltn)"; exit 1; }
iptables -w -t nat -A OUTPUT -p tcp --dport 8080 -m owner --uid-owner 1337 -j RETURN
iptables -w -t nat -A OUTPUT -p tcp --dport 8080 -j REDIRECT --to-ports 15001
ask() { socat -T 5 - TCP:127.0.0.1:8080,connect-timeout=5 </dev/null; }
echo "root reached $(ask)"
echo "uid 1337 reached $(setpriv --reuid 1337 --clear-groups socat -T 5 - TCP:127.0.0.1:8080,connect-timeout=5 </dev/null)"
' 2>&1
`
