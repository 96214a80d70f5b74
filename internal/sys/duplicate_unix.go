//go:build unix && !aix

package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

func duplicate(fd int) (int, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	return n, os.NewSyscallError("fcntl", err)
}
