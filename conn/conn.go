package conn

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
)

// A Conn is one end of a [Pipe]. It sends values of type S and receives values of type R, each as one message.
//
// It travels to another process, in the argument or the result of an entry, wherever in them. Then it moves: an end is
// one process's at a time. From the moment at which Start has returned, or the entry, whatever is done with it here is
// [ErrMoved], and what had come and was not received yet is received there. So the death of the process that has the end is the
// end of the pipe for the other side, with nothing left to close. While a Send, Recv, Poll or [Select] is under way the end
// cannot move, and Start says [ErrInUse]; where Start fails nothing has moved. An end that has come in an argument is closed
// when the entry returns, as by the process's death.
//
// Any goroutines may use an end: messages of several that send are whole, and of several that receive each gets whole ones. The zero Conn is closed.
type Conn[S, R any] struct {
	d     handoff.Descriptor
	moved atomic.Bool
	open  atomic.Pointer[open[S, R]] // nil as long as an end that has come from elsewhere is not used

	mu sync.Mutex // protects the first use
}

// open is an end that is in use.
type open[S, R any] struct {
	f    *Framed
	send *handoff.Coder[S]
	recv *handoff.Coder[R]
}

// Send sends one message. It returns when the system has it, and waits while the other side does not read and some 200 KiB
// are under way. When ctx ends a Send, nobody receives its message; if a part of it was out already, all later Sends fail with
// [ErrCut], and the other side waits for the rest until this end is closed. The errors beside that of ctx are [ErrClosed] and [ErrMoved], one that wraps syscall.EPIPE when the other side has been
// closed or has died, and a [*ValueError] for a value that cannot be encoded. A message that is too large is for the receiver to refuse.
//
// It costs a system call. Numbers, booleans, strings and arrays of numbers travel as they are; a []byte too, and one that is nil arrives as an
// empty one. All else is encoded as CBOR, like arguments.
func (c *Conn[S, R]) Send(ctx context.Context, v S) error {
	o, err := c.use()
	if err != nil {
		return err
	}
	if raw, ok := any(&v).(*[]byte); ok {
		return c.why(o.f.Send(ctx, *raw))
	}
	scratch := scratches.Get().(*[]byte)
	b, err := o.send.Append((*scratch)[:0], &v)
	if err == nil {
		err = c.why(o.f.Send(ctx, b))
	}
	giveBack(scratch, b)
	return err
}

// Recv waits for the next message and returns it. At the end of the pipe the error is io.EOF: the other side was closed, or its process has
// died, between two messages. A message in which that happened is not received, but is a [*FrameError] with io.ErrUnexpectedEOF. Other errors
// are that of ctx, [ErrClosed], [ErrMoved], and a [*FrameError] with [ErrTooLarge]; after these nothing is lost. A message that is no R is a
// [*DecodeError], and is gone; the next one can be received.
func (c *Conn[S, R]) Recv(ctx context.Context) (v R, err error) {
	o, err := c.use()
	if err != nil {
		return v, err
	}
	if raw, ok := any(&v).(*[]byte); ok {
		*raw, err = o.f.Recv(ctx)
		return v, c.why(err)
	}
	scratch := scratches.Get().(*[]byte)
	b, err := o.f.RecvAppend(ctx, (*scratch)[:0])
	if err == nil {
		if err = o.recv.Decode(b, &v, family.FromContext(ctx)); err != nil {
			v = *new(R) // not what has been decoded so far
		}
	} else {
		err = c.why(err)
	}
	giveBack(scratch, b)
	return v, err
}

// SendBytes sends b as one message, for RecvBytes at the other side. Otherwise it is as Send.
func (c *Conn[S, R]) SendBytes(ctx context.Context, b []byte) error {
	o, err := c.use()
	if err != nil {
		return err
	}
	return c.why(o.f.Send(ctx, b))
}

// RecvBytes receives the next message as the bytes that it is, if it has at most limit bytes. If it has more, the error is a
// [*FrameError] with [ErrTooLarge] and its size, and it is left for the next call, which may have a higher limit: the connection is as
// usable as before. (Python's can only be closed then.) Other errors are those of Recv. RecvBytes panics if limit is negative.
func (c *Conn[S, R]) RecvBytes(ctx context.Context, limit int64) ([]byte, error) {
	o, err := c.use()
	if err != nil {
		return nil, err
	}
	b, err := o.f.RecvLimit(ctx, limit)
	return b, c.why(err)
}

// RecvBytesInto receives the next message into buf and returns its length. A larger one is a [*FrameError] with io.ErrShortBuffer and its size, and is
// left for the next call. Other errors are those of Recv.
func (c *Conn[S, R]) RecvBytesInto(ctx context.Context, buf []byte) (int, error) {
	o, err := c.use()
	if err != nil {
		return 0, err
	}
	n, err := o.f.RecvInto(ctx, buf)
	return n, c.why(err)
}

// Poll reports whether something can be received: a message, the beginning of one, or the news of the end of the pipe. It waits
// for that as [Framed.Poll] does: not at all if timeout is 0, until ctx ends if it is negative.
func (c *Conn[S, R]) Poll(ctx context.Context, timeout time.Duration) (bool, error) {
	o, err := c.use()
	if err != nil {
		return false, err
	}
	ready, err := o.f.Poll(ctx, timeout)
	return ready, c.why(err)
}

// WaitReady is for [Select]: c is ready when Poll would say so, and when it is closed or has moved.
func (c *Conn[S, R]) WaitReady(ctx context.Context) error {
	o, err := c.use()
	if err != nil {
		return nil // as Recv will say
	}
	return o.f.WaitReady(ctx)
}

// SetMaxMessage sets the limit of what Recv takes: [DefaultMaxMessage], if it is not called; [NoLimit] is none. It travels with the end.
// It panics if n is negative.
func (c *Conn[S, R]) SetMaxMessage(n int64) {
	if n < 0 {
		panic("conn: SetMaxMessage: negative limit")
	}
	if o, err := c.use(); err == nil {
		o.f.SetMaxMessage(n)
	}
}

// Block makes waits at c faster, and each of them keep a thread and end the pipe if its ctx ends first: see [Framed.Block]. It is
// this process's choice, which does not move with the end. [Select] cannot wait for such an end.
func (c *Conn[S, R]) Block() error {
	o, err := c.use()
	if err != nil {
		return err
	}
	return c.why(o.f.Block())
}

// Close ends the pipe: the other side receives what was sent before, and then io.EOF. Whoever waits in a method of c gets
// [ErrClosed]. A second Close does nothing, nor does that of an end which has moved.
func (c *Conn[S, R]) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.open.Load(); o != nil {
		return o.f.Close()
	}
	return c.d.Close()
}

// String is for people.
func (c *Conn[S, R]) String() string {
	o := c.open.Load()
	switch {
	case c.moved.Load():
		return "pipe, moved"
	case o == nil && !c.d.Arrived() || o != nil && o.f.closed.Load():
		return "pipe, closed"
	}
	return "pipe"
}

// use returns what c is when it is used.
func (c *Conn[S, R]) use() (*open[S, R], error) {
	if o := c.open.Load(); o != nil {
		return o, nil
	}
	return c.unpack()
}

// unpack makes a connection of a descriptor that has arrived.
func (c *Conn[S, R]) unpack() (*open[S, R], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.open.Load(); o != nil {
		return o, nil
	}
	if !c.d.Arrived() {
		return nil, ErrClosed
	}
	o, err := newOpen[S, R]()
	if err != nil {
		return nil, err
	}
	luggage := c.d.Luggage()
	err = c.d.Use("open", func(file *os.File) error {
		s, err := net.FileConn(file)
		if err != nil {
			return err
		}
		o.f = newRelated(s)
		if err := o.f.unpack(luggage); err != nil {
			s.Close()
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.begin(o)
	return o, nil
}

// begin makes c an end that is in use, and can be sent.
func (c *Conn[S, R]) begin(o *open[S, R]) {
	c.d.Lend(socketOf{o.f})
	c.open.Store(o)
}

// why is what a method of c returns for an error of its connection.
func (c *Conn[S, R]) why(err error) error {
	if err != nil && c.moved.Load() && errors.Is(err, ErrClosed) {
		return ErrMoved
	}
	return err
}

// HandOff is for multiproc, which calls it where an argument or a result is encoded or decoded.
func (c *Conn[S, R]) HandOff() *handoff.Descriptor { return &c.d }

// Depart is for multiproc, as HandOff is.
func (c *Conn[S, R]) Depart() ([]byte, error) {
	o, err := c.use()
	if err != nil {
		return nil, err
	}
	luggage, err := o.f.depart()
	return luggage, c.why(err)
}

// Departed is for multiproc, as HandOff is.
func (c *Conn[S, R]) Departed(gone bool) {
	c.moved.Store(gone)
	c.open.Load().f.departed(gone)
}

// MarshalBinary fails for all but the copies that multiproc makes of an argument or a result.
func (c *Conn[S, R]) MarshalBinary() ([]byte, error) { return c.d.MarshalBinary() }

// UnmarshalBinary undoes MarshalBinary.
func (c *Conn[S, R]) UnmarshalBinary(b []byte) error { return c.d.UnmarshalBinary(b) }

// MarshalText always fails, so that encoding/json and others do.
func (c *Conn[S, R]) MarshalText() ([]byte, error) { return c.d.MarshalText() }

// UnmarshalText always fails.
func (c *Conn[S, R]) UnmarshalText(b []byte) error { return c.d.UnmarshalText(b) }
