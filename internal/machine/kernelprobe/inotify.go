package kernelprobe

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const inotifyLink = "https://github.com/istio/istio/issues/35829"

// What should be left of inotify for more pods: every proxy's agent and every
// kubelet opens a few instances, and their user's share is the limit.
const (
	fewInstances  = 8
	someInstances = 48
	fewWatches    = 1024
)

// watching is what one user has of inotify.
type watching struct{ instances, watches int }

// inotify: on a machine with several nodes all processes of one user, over all
// nodes, share one limit.
func (s *settings) inotify() Finding {
	f := Finding{Name: "inotify", Purpose: "the files that kubelets, istiod and the proxies' agents watch", Parts: []Part{Node, Sidecar, Gateway}, Source: "kind, Istio"}
	instances, err := s.number("fs/inotify/max_user_instances")
	if err != nil {
		return cannotTell(f, err)
	}
	watches, err := s.number("fs/inotify/max_user_watches")
	if err != nil {
		return cannotTell(f, err)
	}
	user, most := s.mostWatching()
	reason := fmt.Sprintf("user %d has %d of %d instances and %d of %d watches, as far as its processes are seen here",
		user, most.instances, instances, most.watches, watches)
	switch {
	case instances-most.instances < fewInstances || watches-most.watches < fewWatches:
		return s.failed(f, reason, "Failed to start in-process SDS: too many open files",
			"sysctl -w fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288, and the same in a file in /etc/sysctl.d", inotifyLink)
	case instances-most.instances < someInstances:
		f.Status, f.Reason = Warn, reason+": a few more nodes or pods meet the limit (sysctl -w fs.inotify.max_user_instances=512)"
		return f
	}
	return ok(f, reason)
}

// mostWatching returns the user with the most instances and what it has. A process
// that cannot be looked into, or has just ended, does not count.
func (s *settings) mostWatching() (user uint32, most watching) {
	users := map[uint32]watching{}
	// The pattern is constant, so that there is no error but a bad root.
	links, err := filepath.Glob(filepath.Join(s.root, "proc/[0-9]*/fd/*"))
	if err != nil {
		return 0, most
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != "anon_inode:inotify" {
			continue
		}
		process := filepath.Dir(filepath.Dir(link))
		info, err := os.Stat(process)
		if err != nil {
			continue
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			continue
		}
		w := users[stat.Uid]
		w.instances++
		w.watches += countWatches(filepath.Join(process, "fdinfo", filepath.Base(link)))
		users[stat.Uid] = w
	}
	for uid, w := range users {
		if w.instances > most.instances || w.instances == most.instances && uid < user {
			user, most = uid, w
		}
	}
	return user, most
}

// countWatches returns the watches of one instance.
// Source: proc_pid_fdinfo(5), lines "inotify wd:...".
func countWatches(fdinfo string) int {
	opened, err := os.Open(fdinfo)
	if err != nil {
		return 0
	}
	defer func() { _ = opened.Close() }() // it was only read
	n := 0
	for lines := bufio.NewScanner(opened); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "inotify wd:") {
			n++
		}
	}
	return n
}
