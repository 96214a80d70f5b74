package conn

import (
	"net"
	"os"
)

// ForceLongHeaders makes f use the long form for messages of every size.
func ForceLongHeaders(f *Framed) { f.out.forced = true }

// ListenOn is Listen on a listener of the test's.
func ListenOn(inner net.Listener, o Options) (*Listener, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	return newListener(&socket{Listener: inner}, o), nil
}

// ListenAt is ListenOn for a listener whose socket has this path.
func ListenAt(inner net.Listener, path string, o Options) (*Listener, error) {
	own, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if o, err = o.checked(); err != nil {
		return nil, err
	}
	return newListener(&socket{Listener: inner, path: path, own: own}, o), nil
}

// Bury is what ReplaceDead does.
var Bury = bury

// Held tells how many connections are in their handshake, and how many wait for Accept.
func Held(l *Listener) (pending, waiting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pending.Len(), l.waiting
}

// NewPayload is what an end of this role challenges with, without the digest's name.
var NewPayload = newPayload

// DirPrefix begins the names of private directories.
var DirPrefix = dirPrefix

// NetConn is the socket of an end.
func NetConn[S, R any](c *Conn[S, R]) net.Conn {
	o, err := c.use()
	if err != nil {
		panic(err)
	}
	return o.f.NetConn()
}

// Receiving reports whether somebody receives from an end, or waits for that.
func Receiving[S, R any](c *Conn[S, R]) bool { return c.open.Load().f.in.turn.n.Load() > 0 }

// PartOf tells how many bytes of a message that is not complete an end has. Nobody may receive from it.
func PartOf[S, R any](c *Conn[S, R]) int { return len(c.open.Load().f.in.part) }

// Luggage is what of a connection travels beside its socket, and Unpack makes it again.
func Luggage(f *Framed) ([]byte, error) {
	b, err := f.depart()
	if err == nil {
		f.departed(false)
	}
	return b, err
}

func Unpack(f *Framed, luggage []byte) error { return f.unpack(luggage) }
