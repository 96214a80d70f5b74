package conn

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/multiproc-go/multiproc/internal/sys"
)

const (
	firstPause = 5 * time.Millisecond
	maxPause   = time.Second
)

// serve accepts until the listener ends.
func (l *Listener) serve() {
	pause := firstPause
	for l.waitForRoom() {
		c, err := l.socket.Accept()
		switch {
		case err == nil:
			pause = firstPause
			l.admit(c)
		case errors.Is(err, net.ErrClosed):
			l.end(ErrClosed)
			return
		case errors.Is(err, syscall.ECONNABORTED): // it is gone already
		case isShortage(err):
			// Waiting frees nothing by itself if it is strangers who have the descriptors.
			l.mu.Lock()
			dropped := l.dropOldestLocked()
			l.mu.Unlock()
			l.o.Logger.Warn("conn: cannot accept", "err", err, "pause", pause, "dropped", dropped)
			if !l.sleep(pause) {
				return
			}
			pause = min(2*pause, maxPause)
		default:
			l.o.Logger.Error("conn: the listener has failed", "err", err)
			l.end(err)
			return
		}
	}
}

// isShortage reports whether err is a lack of something that others may give back.
func isShortage(err error) bool {
	for _, shortage := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, shortage) {
			return true
		}
	}
	return false
}

// sleep reports whether the listener still lives.
func (l *Listener) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.done:
		return false
	}
}

// waitForRoom waits while too many connections wait for Accept: others then wait in the
// system's queue. It reports whether the listener still lives.
func (l *Listener) waitForRoom() bool {
	for {
		l.mu.Lock()
		full := l.waiting >= l.o.MaxPending
		l.mu.Unlock()
		if !full {
			return true
		}
		select {
		case <-l.room:
		case <-l.done:
			return false
		}
	}
}

// admit gives c a place, and starts its handshake.
//
// Of too many it is the oldest that goes: an honest client is through in a fraction of a
// millisecond, and one who only keeps a place grows old. To refuse the newest would
// let a thousand silent connections keep everybody out for as long as the timeout.
func (l *Listener) admit(c net.Conn) {
	f := NewFramed(c)
	f.SetMaxMessage(l.o.MaxMessage)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.err != nil:
		f.Close()
	case l.o.NoAuthentication:
		l.waiting++
		l.all.Go(func() { l.handOut(f) })
	default:
		if l.pending.Len() >= l.o.MaxPending {
			l.dropOldestLocked()
		}
		one := &candidate{f: f}
		one.place = l.pending.PushBack(one)
		l.all.Go(func() { l.welcome(one) })
	}
}

// dropOldestLocked closes the connection that has been in its handshake for longest.
func (l *Listener) dropOldestLocked() bool {
	e := l.pending.Front()
	if e == nil {
		return false
	}
	one := e.Value.(*candidate)
	one.dropped = true
	l.pending.Remove(e)
	one.f.Close()
	return true
}

// welcome runs one handshake and hands the connection to Accept.
func (l *Listener) welcome(one *candidate) {
	err := authenticate(context.Background(), one.f, l.o.handshake(Listening), l.o.HandshakeTimeout)
	if err == nil {
		acknowledge(one.f.NetConn())
	}
	l.mu.Lock()
	dropped := one.dropped
	if !dropped {
		l.pending.Remove(one.place)
		if err == nil {
			l.waiting++
		}
	}
	l.mu.Unlock()
	if err == nil && !dropped {
		l.handOut(one.f)
		return
	}
	remote := one.f.RemoteAddr()
	one.f.Close()
	l.report(remote, err, dropped)
}

// acknowledge tells the other end's kernel at once that the last message of the handshake is here. Of two messages in a row a
// stock Python, which leaves Nagle's algorithm on, keeps the second back until the first is acknowledged. The second one is
// its request, and our kernel would delay the acknowledgement by 40 ms, for an answer to carry it.
func acknowledge(c net.Conn) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = sys.AcknowledgeNow(int(fd)) }) // without it all is only slower
	}
}

// handOut waits until Accept takes f, which counts as waiting.
func (l *Listener) handOut(f *Framed) {
	select {
	case l.ready <- f:
	case <-l.done:
		f.Close()
	}
	l.mu.Lock()
	l.waiting--
	l.mu.Unlock()
	select {
	case l.room <- struct{}{}:
	default:
	}
}

// report tells the logger why a connection was not given out.
func (l *Listener) report(remote net.Addr, err error, dropped bool) {
	switch {
	case errors.Is(err, ErrClosed) && !dropped: // by Close
	case dropped:
		l.o.Logger.Warn("conn: dropped in its handshake: there are too many", "remote", remote, "limit", l.o.MaxPending)
	case errors.Is(err, ErrAuthentication):
		l.o.Logger.Warn("conn: handshake refused", "remote", remote, "err", err)
	default:
		l.o.Logger.Debug("conn: handshake failed", "remote", remote, "err", err)
	}
}
