package probes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// scratchDirs are where a sandbox may put its own file system: the first that
// exists. It hides what is there, but only from the sandbox.
var scratchDirs = []string{"/tmp", "/mnt", "/var/tmp", "/run"}

// sandbox is the place of one probe: an operating system thread with network and
// mount namespaces of its own.
type sandbox struct {
	// dir is an empty directory of the sandbox's own.
	dir string
	// netns is an open file descriptor of the network namespace.
	netns int
}

// inSandbox runs f in a new sandbox and returns its result. Nothing has to be
// undone afterwards, also when the process is killed: the namespaces have no name,
// and the kernel removes them with the thread. Commands that f starts run in the
// sandbox, goroutines do not.
func inSandbox(f func(*sandbox) Result) Result {
	done := make(chan Result, 1)
	go func() {
		// Never unlocked: the Go runtime ends the thread with this goroutine.
		runtime.LockOSThread()
		s, err := enter()
		if err != nil {
			done <- cannotTell(err.Error())
			return
		}
		defer func() { _ = unix.Close(s.netns) }() // nothing depends on it
		done <- f(s)
	}()
	return <-done
}

// enter gives the calling thread its own namespaces.
func enter() (*sandbox, error) {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return nil, fmt.Errorf("new mount namespace: %w", err)
	}
	// Mounts must not reach the machine. Some security policies refuse MS_PRIVATE.
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
			return nil, fmt.Errorf("separate mounts from the machine's: %w", err)
		}
	}
	dir, err := mountScratch()
	if err != nil {
		return nil, err
	}
	// Numbers of users must not be looked up over a network that is not there: the
	// owner match does. A machine without the file looks nowhere.
	if err := unix.Mount("/dev/null", "/etc/nsswitch.conf", "", unix.MS_BIND, ""); err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("hide /etc/nsswitch.conf: %w", err)
	}
	netns, err := newNetns()
	return &sandbox{dir: dir, netns: netns}, err
}

func mountScratch() (string, error) {
	for _, dir := range scratchDirs {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
			return "", fmt.Errorf("mount a tmpfs on %s: %w", dir, err)
		}
		return dir, nil
	}
	return "", fmt.Errorf("none of the directories %v exists", scratchDirs)
}

// newNetns moves the calling thread to a new network namespace and returns an
// open file descriptor of it.
func newNetns() (int, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return -1, fmt.Errorf("new network namespace: %w", err)
	}
	// Not /proc/self: that is the process's main thread.
	netns, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open the new network namespace: %w", err)
	}
	return netns, nil
}

// moveTo moves the calling thread to a network namespace.
func moveTo(netns int) error {
	if err := unix.Setns(netns, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("change the network namespace: %w", err)
	}
	return nil
}
