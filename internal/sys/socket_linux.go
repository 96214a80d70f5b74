package sys

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Socketpair returns two connected Unix stream sockets that are closed on exec.
// They work with the runtime's poller: a Close ends a Read of the same file.
func Socketpair() (*os.File, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "socketpair"), os.NewFile(uintptr(fds[1]), "socketpair"), nil
}

// IsUnixStream reports whether fd is an open Unix stream socket.
func IsUnixStream(fd int) bool {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil || domain != unix.AF_UNIX {
		return false
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil && kind == unix.SOCK_STREAM
}

// SocketMaker returns the process that made the Unix socket fd with [Socketpair]. It
// is 0 if that cannot be seen from here.
func SocketMaker(fd int) (pid int) {
	maker, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || maker.Pid <= 0 {
		return 0
	}
	return int(maker.Pid)
}

// PeekFull copies the first bytes of the stream into buf and leaves them there. If
// wait is set it blocks until there are enough for all of buf. It returns fewer
// with io.EOF if the stream has ended, or with nil if wait is not set.
func PeekFull(fd int, buf []byte, wait bool) (int, error) {
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		// The order matters: what was sent before the end is seen after it.
		ended, err := streamEnded(fd)
		if err != nil {
			return 0, err
		}
		n, _, err := unix.Recvfrom(fd, buf, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			n = 0
		case err == unix.ECONNRESET: // closed, and had not read what we sent
			n, ended = 0, true
		case err != nil:
			return 0, os.NewSyscallError("recvfrom", err)
		case n == 0:
			ended = true
		}
		switch {
		case n == len(buf):
			return n, nil
		case ended:
			return n, io.EOF
		case !wait:
			return n, nil
		}
		// To wait for more than some bytes is impossible without consuming
		// them; what we wait for is written in one piece, so it hardly happens.
		events, timeout := int16(unix.POLLIN|unix.POLLRDHUP), -1
		if n > 0 {
			events, timeout = unix.POLLRDHUP, int(pause.Milliseconds())
		}
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, timeout); err != nil && err != unix.EINTR {
			return 0, os.NewSyscallError("poll", err)
		}
	}
}

// streamEnded reports whether the other end has been closed.
func streamEnded(fd int) (bool, error) {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	for {
		_, err := unix.Poll(p, 0)
		if err == unix.EINTR {
			continue
		}
		return p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0, os.NewSyscallError("poll", err)
	}
}

// SetCloexec makes fd be closed on exec.
func SetCloexec(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
	return os.NewSyscallError("fcntl", err)
}

// AdoptSocket takes over an inherited socket: it is closed on exec from now on and
// works with the runtime's poller.
func AdoptSocket(fd int, name string) (*os.File, error) {
	if err := SetCloexec(fd); err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// SendRights sends data on the Unix stream socket fd, and the descriptors fds with
// its first byte. It is EAGAIN if it would block and fd is not blocking.
func SendRights(fd int, data []byte, fds []int) error {
	for {
		n, err := unix.SendmsgN(fd, data, unix.UnixRights(fds...), nil, unix.MSG_NOSIGNAL)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return os.NewSyscallError("sendmsg", err)
		case n != len(data):
			return io.ErrShortWrite
		}
		return nil
	}
}

// RecvRights receives at most len(data) bytes, and the descriptors that came with
// them; these are closed on exec. It returns 0 bytes at the end of the stream. More
// than max descriptors, and those that did not fit into this process's table, are an
// error. Descriptors are returned in any case and belong to the caller.
func RecvRights(fd int, data []byte, max int) (n int, fds []int, err error) {
	ancillary := make([]byte, unix.CmsgSpace(4*max))
	var length, flags int
	for {
		n, length, flags, _, err = unix.Recvmsg(fd, data, ancillary, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return 0, nil, os.NewSyscallError("recvmsg", err)
	}
	messages, err := unix.ParseSocketControlMessage(ancillary[:length])
	if err != nil {
		return n, nil, os.NewSyscallError("recvmsg", err)
	}
	for i := range messages {
		// Other kinds of messages carry no descriptors.
		if got, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	if flags&unix.MSG_CTRUNC != 0 {
		return n, fds, errors.New("sys: descriptors were lost: too many were sent, or too many files are open")
	}
	return n, fds, nil
}

// AcknowledgeNow acknowledges at once what the TCP socket fd has received, where the kernel would wait for data to send with it.
func AcknowledgeNow(fd int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1))
}

// FileID identifies the file at path while it exists.
func FileID(path string) (dev, ino uint64, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return uint64(st.Dev), st.Ino, nil
}
