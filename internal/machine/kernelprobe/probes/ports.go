package probes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// portStart is the first port that needs no privilege, by network namespace. A
// gateway's pod sets it to 0. Source: ip(7), ip_unprivileged_port_start; since
// Linux 4.11.
const portStart = "/proc/sys/net/ipv4/ip_unprivileged_port_start"

// nobody is a user without capabilities.
const nobody = 65534

// ports opens port 80 as a user without capabilities, as a gateway's pod does.
func ports() Result {
	return inSandbox(func(*sandbox) Result {
		err := writeSetting(portStart, "0")
		if errors.Is(err, fs.ErrNotExist) {
			return fails(err)
		}
		if err != nil {
			// As with a read-only /proc/sys.
			return cannotTell(err.Error())
		}
		// The raw call changes this thread alone; leaving user 0 takes its
		// capabilities too, and the thread ends with the sandbox.
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			return cannotTell("become another user: " + errno.Error())
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return cannotTell("open a socket: " + err.Error())
		}
		defer func() { _ = unix.Close(fd) }() // nothing was sent
		if err := unix.Bind(fd, &unix.SockaddrInet4{Port: 80}); err != nil {
			return fails(fmt.Errorf("cannot bind '0.0.0.0:80' as user %d: %w", nobody, err))
		}
		return works(fmt.Sprintf("user %d opened port 80", nobody))
	})
}

// writeSetting writes to a file below /proc/sys, which must exist.
func writeSetting(path, value string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value)
	return errors.Join(err, file.Close())
}
