package conn

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/multiproc-go/multiproc/internal/handoff"
	"github.com/multiproc-go/multiproc/internal/sys"
)

// Pipe makes a pipe and returns its two ends: what the first sends, of type A, the second receives, and the other way round for B. It is
// Python's multiprocessing.Pipe(duplex=True); a pipe of one direction has struct{} for the other.
//
//	parent, child, err := conn.Pipe[job, result]()
//	…
//	worker.Start(ctx, child) // moves there: see Conn
//	err = parent.Send(ctx, job{…})
//	r, err := parent.Recv(ctx) // io.EOF if the worker has died
//
// Both ends are to be closed, each where it is. The error is a [*TypeError] when values of A or B could not travel, as in an argument (or carry a
// descriptor: a File, an end of a pipe), or the system's. Pipes are for Unix systems; elsewhere it is errors.ErrUnsupported.
func Pipe[A, B any]() (*Conn[A, B], *Conn[B, A], error) {
	one, err := newOpen[A, B]()
	if err != nil {
		return nil, nil, err
	}
	two := &open[B, A]{send: one.recv, recv: one.send}
	x, y, err := sys.Socketpair()
	if err != nil {
		return nil, nil, fmt.Errorf("conn: Pipe: %w", err)
	}
	defer x.Close()
	defer y.Close()
	for _, end := range []struct {
		file *os.File
		f    **Framed
	}{{x, &one.f}, {y, &two.f}} {
		s, err := net.FileConn(end.file)
		if err != nil {
			if one.f != nil {
				one.f.Close()
			}
			return nil, nil, fmt.Errorf("conn: Pipe: %w", err)
		}
		*end.f = newRelated(s)
	}
	a, b := new(Conn[A, B]), new(Conn[B, A])
	a.begin(one)
	b.begin(two)
	return a, b, nil
}

// newRelated is a connection with another process of the family, which can do worse than to announce what it does not send.
func newRelated(s net.Conn) *Framed {
	f := NewFramed(s)
	f.in.trust = related
	return f
}

// newOpen is an end without its connection. It fails if values of these types cannot travel.
func newOpen[S, R any]() (o *open[S, R], err error) {
	o = new(open[S, R])
	if o.send, err = handoff.NewCoder[S](); err != nil {
		return nil, err
	}
	if o.recv, err = handoff.NewCoder[R](); err != nil {
		return nil, err
	}
	return o, nil
}

// socketOf is the socket of a connection, to be duplicated.
type socketOf struct{ f *Framed }

// Name is for people.
func (socketOf) Name() string { return "pipe" }

func (s socketOf) SyscallConn() (syscall.RawConn, error) {
	c, ok := s.f.NetConn().(syscall.Conn)
	if !ok {
		return nil, ErrClosed
	}
	return c.SyscallConn()
}

// scratches are buffers in which messages are encoded and from which they are decoded.
var scratches = sync.Pool{New: func() any { return new([]byte) }}

// maxScratch is the largest that is kept.
const maxScratch = 64 << 10

// giveBack gives a scratch back, which has become b.
func giveBack(scratch *[]byte, b []byte) {
	if cap(b) <= maxScratch {
		*scratch = b
		scratches.Put(scratch)
	}
}
