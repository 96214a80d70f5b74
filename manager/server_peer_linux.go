package manager

import (
	"net"
	"os"
	"syscall"

	"github.com/multiproc-go/multiproc/internal/sys"
)

// peerPid is the process that has made the other end of a Unix socket, or 0.
func peerPid(c net.Conn) (pid int) {
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return 0
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { pid = sys.SocketMaker(int(fd)) })
	return pid
}

// A processWatch waits for the end of a process, with no thread.
type processWatch struct {
	pidfd *os.File
	raw   syscall.RawConn
}

// watchProcess watches the process pid at the other end of c.
func watchProcess(c net.Conn, pid int) (*processWatch, error) {
	socket, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, err
	}
	var w processWatch
	var opening error
	if err := socket.Control(func(fd uintptr) { w.pidfd, opening = sys.PeerPidfd(fd, pid) }); err != nil {
		return nil, err
	}
	if opening != nil {
		return nil, opening
	}
	if w.raw, err = w.pidfd.SyscallConn(); err != nil {
		w.pidfd.Close()
		return nil, err
	}
	return &w, nil
}

// ended reports whether the process has ended.
func (w *processWatch) ended() bool {
	var over bool
	err := w.raw.Control(func(fd uintptr) { over = sys.HasEnded(fd) })
	return err != nil || over
}

// wait returns when the process has ended, or false after close.
func (w *processWatch) wait() bool { return w.raw.Read(sys.HasEnded) == nil }

func (w *processWatch) close() { w.pidfd.Close() }
