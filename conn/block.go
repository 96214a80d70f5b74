package conn

// Block makes the connection's reads and writes block a thread each, where those of Go
// sockets otherwise park their goroutine until the poller sees the socket ready. In the
// benchmarks of this package a round trip over a Unix socket takes about half as long when
// both ends do so, and as long as ever when eight or more connections are busy. Each wait keeps a
// thread: use it for a client's few connections, or a server's first, not for thousands.
//
// What else changes: a wait cannot be given up alone. When a context or a deadline ends
// one, and not when it ends between two waits, the connection ends with it, for both
// directions: this wait returns the usual error, everything after it [ErrInterrupted], and
// the other end sees the end of the stream. Close works as ever.
//
// It waits for a Send and a Recv that are under way. A second call does nothing. It is
// errors.ErrUnsupported if the stream is not a TCP or Unix socket, or on a system where it
// would be of no use; the connection is then as it was. Other errors, such as a lack of
// descriptors, also leave it in working order.
func (f *Framed) Block() error {
	f.in.turn.wait()
	defer f.in.turn.pass()
	f.out.turn.wait()
	defer f.out.turn.pass()
	if err := f.block(); err != nil {
		return err
	}
	f.in.watch.moved(f)
	f.out.watch.moved(f)
	return nil
}

func (f *Framed) block() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	// A Close from here on waits for mu, and closes the new stream.
	if f.closed.Load() {
		return ErrClosed
	}
	if f.blocked {
		return nil
	}
	c, err := newBlocking(f.conn)
	if err != nil {
		return err
	}
	f.conn, f.blocked, f.out.vector = c, true, false
	return nil
}
