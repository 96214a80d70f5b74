//go:build unix && !aix

package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// Shutdown ends both directions of a socket, whoever else holds it. What waits on it in a
// system call, here or at the other end, is woken.
func Shutdown(fd uintptr) error {
	return os.NewSyscallError("shutdown", unix.Shutdown(int(fd), unix.SHUT_RDWR))
}
