//go:build unix && !linux && !aix

package sys

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Socketpair returns two connected Unix stream sockets that are closed on exec and work with the runtime's poller.
func Socketpair() (*os.File, *os.File, error) {
	// A child that is forked between the two calls would inherit them.
	syscall.ForkLock.RLock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	var files [2]*os.File
	for i, fd := range fds {
		if err == nil {
			err = unix.SetNonblock(fd, true)
		}
		files[i] = os.NewFile(uintptr(fd), "socketpair")
	}
	if err != nil {
		files[0].Close()
		files[1].Close()
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	return files[0], files[1], nil
}
