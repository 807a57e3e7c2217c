package evidence

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
)

// nodeFiles are what a node says of itself: a file for each script. A program that
// the node has not leaves a line that says so.
var nodeFiles = []struct{ file, script, what string }{
	{"kernel.log", "dmesg --time-format iso 2>&1 | tail -n 400", "the kernel's log"},
	{"kubelet.log", "journalctl -u kubelet --no-pager -o short-iso -n 400 2>&1", "the kubelet's log"},
	{"containerd.log", "journalctl -u containerd --no-pager -o short-iso -n 200 2>&1", "the container runtime's log"},
	{"iptables-save.txt", "for f in iptables-nft-save iptables-legacy-save ip6tables-nft-save; do echo \"# $f\"; $f 2>&1; done", "the rules that iptables wrote"},
	{"nft.txt", "nft list ruleset 2>&1", "the rules of nftables"},
	{"sysctl.txt", "sysctl -a 2>/dev/null | grep -E '^(fs\\.inotify|fs\\.file|net\\.ipv4\\.(ip_forward|ip_unprivileged|ip_local_port|conf\\.(all|default|eth0)\\.(rp_filter|route_localnet))|net\\.bridge|net\\.netfilter\\.nf_conntrack_(max|count|buckets)|net\\.core\\.somaxconn|kernel\\.(pid_max|threads-max))'", "settings of the kernel"},
	{"conntrack.txt", "echo count $(cat /proc/sys/net/netfilter/nf_conntrack_count) of $(cat /proc/sys/net/netfilter/nf_conntrack_max)", "tracked connections"},
	{"facts.txt", "uname -a; echo clock $(date -u +%Y-%m-%dT%H:%M:%SZ); stat -fc 'cgroup %T' /sys/fs/cgroup; cat /proc/meminfo | head -3; df -h / | tail -1; cat /proc/loadavg", "kernel, clock, control groups, memory and disk"},
}

// nodeJobs ask the nodes that may be entered, and of all others what the kubelet
// counts.
func (c *Collector) nodeJobs() []job {
	var jobs []job
	for _, node := range c.Nodes {
		folder := path.Join("nodes", node)
		jobs = append(jobs, job{folder, func(ctx context.Context, w *Writer) error {
			var errs []error
			for _, f := range nodeFiles {
				out, err := c.Exec(ctx, node, f.script)
				w.Add(path.Join(folder, f.file), f.what+" of node "+node, []byte(out))
				if err != nil {
					errs = append(errs, fmt.Errorf("%s: %w", f.file, err))
				}
			}
			return errors.Join(errs...)
		}})
	}
	if len(c.Nodes) == 0 {
		jobs = append(jobs, job{"nodes", func(context.Context, *Writer) error {
			return errors.New("nodes that are not ours are not entered")
		}})
	}
	return append(jobs, job{"cluster/throttling.txt", c.throttling})
}

// throttling asks each kubelet how often containers with a limit of CPU had to
// wait. Source: the metrics of cAdvisor on the kubelet's /metrics/cadvisor.
func (c *Collector) throttling(ctx context.Context, w *Writer) error {
	nodes, err := c.nodeNames(ctx)
	if err != nil {
		return err
	}
	var text strings.Builder
	var errs []error
	for _, node := range nodes {
		raw, err := c.Clients.Kube.CoreV1().RESTClient().Get().AbsPath("/api/v1/nodes/" + node + "/proxy/metrics/cadvisor").DoRaw(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("ask the kubelet of node %s: %w", node, err))
			continue
		}
		for line := range strings.Lines(string(raw)) {
			if strings.HasPrefix(line, "container_cpu_cfs_periods_total{") || strings.HasPrefix(line, "container_cpu_cfs_throttled_periods_total{") {
				text.WriteString(line)
			}
		}
	}
	w.Add("cluster/throttling.txt", "how often containers had to wait for CPU time", []byte(text.String()))
	return errors.Join(errs...)
}
