package mark

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/multiproc-go/multiproc/internal/sys"
)

// ErrOrphan is returned when this process is a child whose parent died before
// it said what to do.
var ErrOrphan = errors.New("multiproc: the parent died while it was starting this process")

// own caches the answer: the first to ask consumes the hello.
var own = sync.OnceValue(func() inheritance {
	value, ok := os.LookupEnv(EnvName)
	if !ok {
		return inheritance{}
	}
	// Not even a mark meant for somebody else shall be inherited further.
	os.Unsetenv(EnvName)
	return inherit(value)
})

type inheritance struct {
	mark  *Mark
	hello *Hello
	err   error
}

// IsMarked reports whether there is a mark in the environment, whoever it is for.
func IsMarked() bool {
	_, ok := os.LookupEnv(EnvName)
	return ok
}

// Inherited reports whether this process is a child that was started by
// multiproc. If it is not, all results are nil, and nothing was taken from the descriptor
// in the mark, if there was one. If it is, the connection in the hello belongs to the
// caller. The error is ErrOrphan, or that of a system call in a process that is a
// child. The mark is gone from the environment in any case.
//
// The first call may wait for the parent; the answer is the same ever after.
func Inherited() (*Mark, *Hello, error) {
	i := own()
	return i.mark, i.hello, i.err
}

func inherit(value string) inheritance {
	m, err := ParseMark(value)
	if err != nil {
		return inheritance{}
	}
	if dev, ino, err := sys.FileID(selfPath); err != nil || dev != m.Dev || ino != m.Ino {
		return inheritance{}
	}
	if !sys.IsUnixStream(m.FD) {
		return inheritance{}
	}
	// A child of whoever made the socket has its hello coming, or the end of the
	// stream. A program that the real child started, from an init function say, would
	// wait for ever for what that child has consumed: it has the maker further up among
	// its ancestors. Who does not have it there at all was left by a dying parent, whose
	// descriptors may outlast its parenthood: it waits for the end.
	maker := sys.SocketMaker(m.FD)
	foreign := maker != os.Getppid() && sys.IsAncestor(maker)
	var got [helloSize]byte
	n, err := sys.PeekFull(m.FD, got[:], !foreign)
	want := encodeHello(m, uint32(os.Getpid()))
	switch {
	case n == len(got) && got == want:
	case err == io.EOF && bytes.HasPrefix(want[:], got[:n]):
		if foreign {
			return inheritance{}
		}
		return inheritance{mark: &m, err: ErrOrphan}
	default:
		return inheritance{}
	}
	conn, err := sys.AdoptSocket(m.FD, "multiproc control")
	if err == nil {
		_, err = io.ReadFull(conn, got[:])
	}
	if err != nil {
		return inheritance{mark: &m, err: err}
	}
	return inheritance{mark: &m, hello: &Hello{Version: helloVersion, PID: uint32(os.Getpid()), Conn: conn}}
}
