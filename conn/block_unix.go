//go:build unix && !aix

package conn

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/multiproc-go/multiproc/internal/sys"
)

// blocking is a socket whose descriptor blocks and is not known to Go's poller: were it
// known, each arrival would wake the poller's thread in vain, which costs what was to be saved.
type blocking struct {
	file          *os.File
	local, remote net.Addr

	mu          sync.Mutex
	dead        bool // ended by an interruption
	read, write side
}

// side is one direction. mu of its blocking protects it.
type side struct {
	busy     bool // a system call may be waiting
	deadline time.Time
	timer    *time.Timer
}

func (s *side) expired() bool { return !s.deadline.IsZero() && time.Until(s.deadline) <= 0 }

var _ interface {
	net.Conn
	syscall.Conn
} = (*blocking)(nil)

// newBlocking takes over the socket of c and closes c, or returns an error and leaves it as
// it was.
func newBlocking(c net.Conn) (*blocking, error) {
	socket, ok := c.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, errors.ErrUnsupported
	}
	first, err := socket.File()
	if err != nil {
		return nil, fmt.Errorf("conn: block: %w", err)
	}
	defer first.Close()
	// Only now, when it cannot fail any more, does the socket become blocking: Fd makes it so, for
	// all its descriptors, c's too.
	fd, err := duplicate(first)
	if err != nil {
		return nil, fmt.Errorf("conn: block: %w", err)
	}
	first.Fd()
	b := &blocking{file: os.NewFile(uintptr(fd), "socket"), local: c.LocalAddr(), remote: c.RemoteAddr()}
	_ = c.Close() // what it says is of no use: b has the socket
	return b, nil
}

func duplicate(f *os.File) (fd int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	failed := raw.Control(func(old uintptr) { fd, err = sys.Duplicate(int(old)) })
	return fd, errors.Join(failed, err)
}

func (b *blocking) Read(buf []byte) (int, error) {
	if err := b.enter(&b.read); err != nil {
		return 0, err
	}
	n, err := b.file.Read(buf)
	return n, b.leave(&b.read, n, err)
}

func (b *blocking) Write(buf []byte) (int, error) {
	if err := b.enter(&b.write); err != nil {
		return 0, err
	}
	n, err := b.file.Write(buf)
	return n, b.leave(&b.write, n, err)
}

func (b *blocking) enter(s *side) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case s.expired(): // also if that is why it is dead: a part of the message may have come meanwhile
		return os.ErrDeadlineExceeded
	case b.dead:
		return ErrInterrupted
	}
	s.busy = true
	return nil
}

func (b *blocking) leave(s *side, n int, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.busy = false
	// What was read in spite of the interruption is given out: it was in time.
	if !b.dead || n > 0 && err == nil {
		return err
	}
	if s.expired() {
		return os.ErrDeadlineExceeded
	}
	return ErrInterrupted // by the other direction
}

func (b *blocking) setDeadline(s *side, t time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.deadline = t
	if t.IsZero() {
		return nil
	}
	if left := time.Until(t); left > 0 {
		s.timer = time.AfterFunc(left, func() { b.expire(s) })
		return nil
	}
	b.interruptLocked(s)
	return nil
}

// expire runs when the deadline of s may have passed: it may also have been moved.
func (b *blocking) expire(s *side) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.deadline.IsZero() {
		return
	}
	if left := time.Until(s.deadline); left > 0 {
		s.timer.Reset(left)
		return
	}
	b.interruptLocked(s)
}

func (b *blocking) interruptLocked(s *side) {
	if s.busy && !b.dead {
		b.dead = true
		b.shutdown()
	}
}

// shutdown ends what waits in a system call, on both ends.
func (b *blocking) shutdown() {
	raw, err := b.file.SyscallConn()
	if err != nil {
		return // closed
	}
	// An error says that there is no connection any more.
	_ = raw.Control(func(fd uintptr) { _ = sys.Shutdown(fd) })
}

// Close shuts the socket down first: a thread in a system call keeps the descriptor open.
func (b *blocking) Close() error {
	b.shutdown()
	return b.release()
}

// release is Close where nobody waits in a system call, and the socket goes on elsewhere.
func (b *blocking) release() error {
	b.mu.Lock()
	for _, s := range []*side{&b.read, &b.write} {
		s.deadline = time.Time{}
		if s.timer != nil {
			s.timer.Stop()
		}
	}
	b.mu.Unlock()
	return b.file.Close()
}

func (b *blocking) LocalAddr() net.Addr  { return b.local }
func (b *blocking) RemoteAddr() net.Addr { return b.remote }

func (b *blocking) SetReadDeadline(t time.Time) error  { return b.setDeadline(&b.read, t) }
func (b *blocking) SetWriteDeadline(t time.Time) error { return b.setDeadline(&b.write, t) }

func (b *blocking) SetDeadline(t time.Time) error {
	return errors.Join(b.SetReadDeadline(t), b.SetWriteDeadline(t))
}

func (b *blocking) SyscallConn() (syscall.RawConn, error) { return b.file.SyscallConn() }
