package openloop

import "golang.org/x/sys/unix"

// Realtime asks the kernel to run this thread before all ordinary ones as soon
// as it has something to do: the generator stands for clients on other machines,
// which do not wait for this machine's CPUs. Measured beside a compiler on 2
// CPUs, it makes the generator's own lateness at p99 0.1 ms instead of 1.6. It
// says whether it was granted, which takes root or a limit on RTPRIO.
//
// The thread must end with its goroutine: priority does not go away by itself.
func Realtime() bool {
	return unix.SchedSetAttr(0, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1, Flags: unix.SCHED_FLAG_RESET_ON_FORK,
	}, 0) == nil
}
