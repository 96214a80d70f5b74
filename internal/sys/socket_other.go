//go:build !linux

package sys

import (
	"errors"
	"os"
)

// IsUnixStream is false on this system.
func IsUnixStream(fd int) bool { return false }

// SocketMaker is nobody on this system.
func SocketMaker(fd int) (pid int) { return 0 }

// PeekFull is not supported on this system.
func PeekFull(fd int, buf []byte, wait bool) (int, error) { return 0, errors.ErrUnsupported }

// SetCloexec is not supported on this system.
func SetCloexec(fd int) error { return errors.ErrUnsupported }

// AdoptSocket is not supported on this system.
func AdoptSocket(fd int, name string) (*os.File, error) { return nil, errors.ErrUnsupported }

// SendRights is not supported on this system.
func SendRights(fd int, data []byte, fds []int) error { return errors.ErrUnsupported }

// RecvRights is not supported on this system.
func RecvRights(fd int, data []byte, max int) (n int, fds []int, err error) {
	return 0, nil, errors.ErrUnsupported
}

// AcknowledgeNow is not supported on this system.
func AcknowledgeNow(fd int) error { return errors.ErrUnsupported }

// FileID is not supported on this system.
func FileID(path string) (dev, ino uint64, err error) { return 0, 0, errors.ErrUnsupported }
