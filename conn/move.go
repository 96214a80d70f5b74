package conn

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// A connection that moves to another process leaves nothing behind: what it has read from the socket and not given out, and
// how far a message has come, travel beside the descriptor. This is
//
//	flags | limit | if begun: size, length of part, part | bytes that were read
//
// with numbers as varints.
const (
	luggageCut   = 1 << iota // nothing can be sent any more
	luggageReset             // see Framed.Unread
	luggageBegun             // a header was used, and its message was not returned
)

var errLuggage = errors.New("conn: what came with an end of a pipe is malformed")

// depart takes both turns, which no other then gets before departed, and returns the luggage. The error is ErrInUse or ErrClosed.
func (f *Framed) depart() ([]byte, error) {
	if !f.in.turn.try() {
		return nil, ErrInUse
	}
	if !f.out.turn.try() {
		f.in.turn.pass()
		return nil, ErrInUse
	}
	if f.closed.Load() {
		f.departed(false)
		return nil, ErrClosed
	}
	return f.luggage(), nil
}

// departed gives the turns back. If the connection has gone, it is closed here.
func (f *Framed) departed(gone bool) {
	if gone && !f.closed.Swap(true) {
		// Of one descriptor of several: there is nothing that it could fail to do.
		if b, ok := f.conn.(interface{ release() error }); ok {
			_ = b.release()
		} else {
			_ = f.conn.Close()
		}
		f.in.watch.forget()
		f.out.watch.forget()
	}
	f.out.turn.pass()
	f.in.turn.pass()
}

// luggage is what a connection is beside its socket. Both turns are the caller's.
func (f *Framed) luggage() []byte {
	in, flags := &f.in, byte(0)
	for _, is := range []struct {
		so   bool
		flag byte
	}{{f.out.cut, luggageCut}, {f.reset.Load(), luggageReset}, {in.begun, luggageBegun}} {
		if is.so {
			flags |= is.flag
		}
	}
	b := binary.AppendUvarint([]byte{flags}, uint64(f.limit.Load()))
	if in.begun {
		b = binary.AppendUvarint(b, in.size)
		b = binary.AppendUvarint(b, uint64(len(in.part)))
		b = append(b, in.part...)
	}
	return append(b, in.buf[in.r:in.w]...)
}

// unpack makes of a new connection the one that has sent this luggage.
func (f *Framed) unpack(b []byte) error {
	if len(b) == 0 || b[0]&^(luggageCut|luggageReset|luggageBegun) != 0 {
		return errLuggage
	}
	flags := b[0]
	bad := false
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		if bad = bad || n <= 0; bad {
			return 0
		}
		b = b[n:]
		return v
	}
	b = b[1:]
	limit := next()
	if bad || int64(limit) < 0 {
		return errLuggage
	}
	f.limit.Store(int64(limit))
	f.out.cut = flags&luggageCut != 0
	f.reset.Store(flags&luggageReset != 0)
	in := &f.in
	if flags&luggageBegun != 0 {
		in.begun, in.size = true, next()
		n := next()
		if bad || n > uint64(len(b)) || n > in.size {
			return errLuggage
		}
		if n > 0 {
			in.part = bytes.Clone(b[:n])
		}
		b = b[n:]
	}
	if len(b) > 0 {
		in.buf = make([]byte, max(readBuffer, len(b)))
		in.w = copy(in.buf, b)
	}
	return nil
}
