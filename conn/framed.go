package conn

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A Framed carries whole messages over a stream, in the form of CPython's
// multiprocessing.connection. Its methods may be called by any goroutines: one sends
// while another receives, and of several that send, or receive, each waits for its turn.
//
// It weighs less than 2 KiB while nothing is pending.
type Framed struct {
	closed atomic.Bool
	reset  atomic.Bool  // the other end was closed with something in it that it had not read
	limit  atomic.Int64 // of Recv and RecvAppend

	// mu protects conn and blocked. Block writes them, with mu and both turns; whoever
	// has any of these may read them.
	mu      sync.Mutex
	conn    net.Conn
	blocked bool

	in  inbox
	out outbox
}

// NewFramed makes a connection of messages of a stream: a socket, one end of net.Pipe,
// a TLS connection. The stream belongs to it from now on. The limit of messages is [DefaultMaxMessage].
func NewFramed(c net.Conn) *Framed {
	f := &Framed{conn: c}
	f.limit.Store(DefaultMaxMessage)
	f.in.turn.hand = make(chan struct{}, 1)
	f.in.trust = strange
	f.in.watch.reads = true
	f.out.turn.hand = make(chan struct{}, 1)
	f.out.vector = canVector(c)
	return f
}

// SetMaxMessage sets the limit of what Recv and RecvAppend take; [NoLimit] is none.
// It panics if n is negative.
func (f *Framed) SetMaxMessage(n int64) {
	if n < 0 {
		panic("conn: SetMaxMessage: negative limit")
	}
	f.limit.Store(n)
}

// NetConn returns the stream below, as for the credentials of the other end. Who reads or
// writes there puts the messages out of step; deadlines are to be set here. After
// [Framed.Block] it is another one, which still is a syscall.Conn.
func (f *Framed) NetConn() net.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conn
}

// LocalAddr returns the address of this end.
func (f *Framed) LocalAddr() net.Addr { return f.NetConn().LocalAddr() }

// RemoteAddr returns the address of the other end.
func (f *Framed) RemoteAddr() net.Addr { return f.NetConn().RemoteAddr() }

// Unread reports whether the stream that a Recv has found at its end was cut off by the other end while something that was sent
// there had not been read: the last message, at least in part. Sockets tell that, and no other streams.
func (f *Framed) Unread() bool { return f.reset.Load() }

// Close ends the connection: whoever waits in a method gets [ErrClosed], the other end
// reads io.EOF after the last whole message. A second Close does nothing.
func (f *Framed) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	err := f.NetConn().Close()
	f.in.watch.forget()
	f.out.watch.forget()
	return err
}

// SetDeadline sets the moment at which Send and Recv fail with os.ErrDeadlineExceeded
// instead of waiting on; zero is never. It comes in addition to their contexts.
func (f *Framed) SetDeadline(t time.Time) error {
	return errors.Join(f.SetReadDeadline(t), f.SetWriteDeadline(t))
}

// SetReadDeadline is SetDeadline for receiving and Poll alone.
func (f *Framed) SetReadDeadline(t time.Time) error { return f.in.watch.setUser(f, t) }

// SetWriteDeadline is SetDeadline for sending alone.
func (f *Framed) SetWriteDeadline(t time.Time) error { return f.out.watch.setUser(f, t) }

// begin takes a turn, and has the wait end when ctx does. After nil there must be an end.
func (f *Framed) begin(ctx context.Context, t *turn, w *watch) error {
	if err := t.take(ctx); err != nil {
		return err
	}
	return f.enter(ctx, t, w)
}

// enter is begin for who has the turn; an error gives it back.
func (f *Framed) enter(ctx context.Context, t *turn, w *watch) error {
	err := ErrClosed
	if !f.closed.Load() {
		err = w.enter(ctx, f)
	}
	if err != nil {
		t.pass()
	}
	return err
}

func (f *Framed) end(t *turn, w *watch) {
	w.leave(f)
	t.pass()
}

// cause is what a method returns for what the stream has returned.
func (f *Framed) cause(ctx context.Context, err error) error {
	switch {
	case f.closed.Load():
		return ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
		return ctx.Err()
	}
	return err
}
