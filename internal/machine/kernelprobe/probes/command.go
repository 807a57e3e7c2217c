package probes

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// commandTimeout bounds one command of a probe: a rule takes milliseconds.
const commandTimeout = 15 * time.Second

// programDirs are where iptables and nft may be, besides PATH: a plain user's PATH
// often has no sbin.
var programDirs = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

// find returns the path of a program, and "" when this machine has none.
func find(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range programDirs {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// run runs a command in the caller's thread and so in its sandbox, and returns all
// that it printed.
func (s *sandbox) run(ctx context.Context, stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	// A lock file of its own, so that the machine's iptables and the probes never
	// wait for each other. Source: iptables(8), XTABLES_LOCKFILE.
	cmd.Env = append(os.Environ(), "LC_ALL=C", "XTABLES_LOCKFILE="+filepath.Join(s.dir, "xtables.lock"))
	cmd.WaitDelay = time.Second
	output, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return string(output), ctx.Err()
	}
	return string(output), err
}

// try runs a command in the sandbox and judges how it ended.
func (s *sandbox) try(ctx context.Context, stdin string, args ...string) Result {
	output, err := s.run(ctx, stdin, args...)
	shown := filepath.Base(args[0]) + " " + strings.Join(args[1:], " ")
	if stdin != "" {
		shown += " <<< " + oneLine(stdin)
	}
	return judge(shown, output, err)
}
