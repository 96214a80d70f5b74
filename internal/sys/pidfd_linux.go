package sys

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// PeerPidfd opens a descriptor, in Go's poller, for the process pid that has made the other end of a Unix
// socket. It becomes readable when that process has ended.
func PeerPidfd(socket uintptr, pid int) (*os.File, error) {
	fd, err := unix.GetsockoptInt(int(socket), unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if err != nil { // a kernel before 6.5: the pid is as good, unless the process has just died
		fd, err = unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	}
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	if f.SetReadDeadline(time.Time{}) != nil {
		f.Close()
		return nil, errors.ErrUnsupported // without the poller, a wait would keep a processor busy
	}
	return f, nil
}

// HasEnded reports whether the process of a pidfd has ended.
func HasEnded(pidfd uintptr) bool {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
		if err != unix.EINTR {
			return err == nil && n == 1
		}
	}
}
