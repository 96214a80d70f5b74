package conn

import (
	"errors"
	"syscall"

	"github.com/multiproc-go/multiproc/internal/sys"
)

// peek reports whether the socket is readable now, and reads nothing.
func (f *Framed) peek() (ready bool, err error) {
	c, ok := f.conn.(syscall.Conn)
	if !ok {
		return false, errors.ErrUnsupported
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return false, err
	}
	failed := raw.Read(func(fd uintptr) bool {
		var one [1]byte
		n, err := sys.PeekFull(int(fd), one[:], false)
		ready = n > 0 || err != nil
		return true
	})
	return ready, failed
}
