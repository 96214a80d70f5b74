package conn

import (
	"container/list"
	"context"
	"net"
	"sync"
)

// A Listener gives out connections whose other end has proved that it has the key. The
// handshakes run beside each other: nobody waits for one who is slow.
//
// States of a connection:
//
//	in its handshake  ends by success, failure, timeout, Close, or as the oldest of more than MaxPending
//	waiting           authenticated; ends by Accept or Close. While there are MaxPending of them, nothing is accepted
//	given out         the caller's
type Listener struct {
	socket *socket
	o      Options

	ready chan *Framed  // what waits
	room  chan struct{} // holds a token when fewer wait than before
	done  chan struct{} // closed when nothing is accepted any more

	close  sync.Once
	closed error
	all    sync.WaitGroup // accepting, and the handshakes

	mu      sync.Mutex // protects what follows
	pending list.List  // of *candidate in their handshake, oldest first
	waiting int        // how many do
	err     error      // what Accept returns once done is closed
}

// A candidate is a connection in its handshake.
type candidate struct {
	f       *Framed
	place   *list.Element
	dropped bool // made way for another
}

// Listen listens on a network "unix", "tcp", "tcp4" or "tcp6". The address is that of net.Listen;
// for "unix" also
//
//   - empty: a socket in a new directory of the system's temporary one, which only this
//     user may enter, see [Listener.Addr]. Close removes both. What processes leave that are killed
//     is removed by a later Listen of this kind, after a minute;
//   - "@name", on Linux: an abstract socket, without a file. There are no permissions: the
//     key alone keeps others out.
//
// The file of a Unix socket has the permissions SocketMode from the moment it exists (on other
// systems than Linux, from shortly after). Close removes it, if the path still leads to it. A
// file that is there already is an error that wraps syscall.EADDRINUSE, even if its
// server has died: as in Python, unless the options say ReplaceDead. With that it may take a second.
func Listen(network, address string, o Options) (*Listener, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	s, err := openSocket(network, address, &o)
	if err != nil {
		return nil, err
	}
	return newListener(s, o), nil
}

func newListener(s *socket, o Options) *Listener {
	l := &Listener{
		socket: s, o: o,
		ready: make(chan *Framed),
		room:  make(chan struct{}, 1),
		done:  make(chan struct{}),
	}
	l.all.Go(l.serve)
	return l
}

// Addr returns the address to dial. As a string, that of a Unix socket is its path, or its
// name with @ for the leading NUL.
func (l *Listener) Addr() net.Addr { return l.socket.Addr() }

// Accept waits for the next connection that is authenticated. The error is that of ctx,
// [ErrClosed], or the one that has ended the listener. Any number of goroutines may call it.
func (l *Listener) Accept(ctx context.Context) (*Framed, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case f := <-l.ready:
		return f, nil
	case <-l.done:
		l.mu.Lock()
		defer l.mu.Unlock()
		return nil, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close stops listening, removes the socket's file, and closes the connections that were not
// given out. It returns when all that is done. Those that were given out go on. A second
// Close waits for the first and returns the same.
func (l *Listener) Close() error {
	l.close.Do(func() {
		l.end(ErrClosed)
		l.closed = l.socket.Close()
		l.all.Wait()
	})
	return l.closed
}

// end makes Accept return err, and the connections that were not given out close.
func (l *Listener) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.err = err
	close(l.done)
	for e := l.pending.Front(); e != nil; e = e.Next() {
		e.Value.(*candidate).f.Close()
	}
}
