package openloop

import (
	"time"

	"golang.org/x/sys/unix"
)

// waited reads how long a thread has been ready to run without a CPU: the second
// number of /proc/thread-self/schedstat, in nanoseconds (proc_pid_schedstat(5)).
// Where the kernel does not count it, it stays at 0.
type waited struct {
	fd     int
	buffer [64]byte
}

// noneWaited stands for a goroutine that is on no thread of its own.
var noneWaited = &waited{fd: -1}

// openWaited must be called by the thread itself, which must be locked.
func openWaited() *waited {
	fd, err := unix.Open("/proc/thread-self/schedstat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fd = -1
	}
	return &waited{fd: fd}
}

// read does not allocate.
func (w *waited) read() time.Duration {
	if w.fd < 0 {
		return 0
	}
	n, err := unix.Pread(w.fd, w.buffer[:], 0)
	if err != nil {
		return 0
	}
	return secondNumber(w.buffer[:n])
}

func (w *waited) close() {
	if w.fd >= 0 {
		_ = unix.Close(w.fd) // Harmless: nothing was written.
	}
}

// secondNumber returns the second of the numbers in a line, 0 when it has none.
func secondNumber(line []byte) time.Duration {
	var n time.Duration
	field := 0
	for _, b := range line {
		switch {
		case b == ' ' && field == 1:
			return n
		case b == ' ':
			field++
		case field == 1 && b >= '0' && b <= '9':
			n = n*10 + time.Duration(b-'0')
		}
	}
	return 0
}
