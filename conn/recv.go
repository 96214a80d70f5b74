package conn

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

const (
	// readBuffer holds the header and a small message, so that one system call gets both.
	// It is all that an idle connection keeps.
	readBuffer = 1 << 10
	// strange is how much memory an announcement of somebody whom we do not know is given. More comes as bytes do.
	strange = 64 << 10
	// related is the same for a process of the family.
	related = 16 << 20
)

// inbox is the state of receiving. It belongs to who has the turn, and outlasts an
// interrupted Recv: the next one goes on where that one was.
type inbox struct {
	turn  turn
	watch watch
	buf   []byte // nil before the first Recv
	r, w  int    // buf[r:w] was read and not used
	full  bool   // the last read into buf has filled it: more may be there
	begun bool   // a header was used, and its message was not returned
	size  uint64 // of that message
	part  []byte // what was taken of it by who was interrupted
	trust int    // how much memory an announcement alone is given
}

// Recv returns the next message, in memory of its own; that of an empty message is not nil.
//
// At the end of the stream the error is io.EOF: the other end was closed, or its process
// has died, between two messages. Inside one it is a [FrameError] with io.ErrUnexpectedEOF.
// After any other error, the end of ctx and [ErrTooLarge] among them, nothing is lost: the
// next call receives the message.
//
// A message up to 1 KiB costs one system call that returns data, a larger one mostly one more, and the allocation of its memory.
func (f *Framed) Recv(ctx context.Context) ([]byte, error) {
	return f.recv(ctx, nil, f.limit.Load(), ErrTooLarge)
}

// RecvLimit is Recv with a limit of its own.
func (f *Framed) RecvLimit(ctx context.Context, limit int64) ([]byte, error) {
	if limit < 0 {
		panic("conn: RecvLimit: negative limit")
	}
	return f.recv(ctx, nil, limit, ErrTooLarge)
}

// RecvAppend appends the next message to dst, which is reallocated only if there is no
// room, and returns the extended slice. With an error it returns dst as it was. Errors are those of Recv.
func (f *Framed) RecvAppend(ctx context.Context, dst []byte) ([]byte, error) {
	if dst == nil {
		dst = []byte{}
	}
	return f.recv(ctx, dst, f.limit.Load(), ErrTooLarge)
}

// RecvInto receives the next message into buf and returns its length. Whatever the limit of
// the connection, a message larger than buf is a [FrameError] with
// io.ErrShortBuffer and the size that is needed; the message is left for the next call. Other errors are those of Recv.
func (f *Framed) RecvInto(ctx context.Context, buf []byte) (int, error) {
	got, err := f.recv(ctx, buf[:0:len(buf)], int64(len(buf)), io.ErrShortBuffer)
	return len(got), err
}

// Skip receives the next message and forgets it, whatever its size: so a connection outlives one that is over the limit. It costs
// 64 KiB of memory at most. Errors are those of Recv, but for [ErrTooLarge]. After one the message is gone in part: it is to be skipped on, not received.
func (f *Framed) Skip(ctx context.Context) error {
	if err := f.begin(ctx, &f.in.turn, &f.in.watch); err != nil {
		return err
	}
	defer f.end(&f.in.turn, &f.in.watch)
	err := f.header()
	if err == nil {
		err = f.skip()
	}
	if err != nil {
		return f.recvError(ctx, err)
	}
	return nil
}

// recv appends a message to dst. A dst of nil asks for new memory.
func (f *Framed) recv(ctx context.Context, dst []byte, limit int64, tooLarge error) ([]byte, error) {
	if err := f.begin(ctx, &f.in.turn, &f.in.watch); err != nil {
		return dst, err
	}
	defer f.end(&f.in.turn, &f.in.watch)
	if err := f.next(ctx, limit, tooLarge); err != nil {
		return dst, err
	}
	got, err := f.body(dst)
	if err != nil {
		return dst, f.recvError(ctx, err)
	}
	return got, nil
}

// next waits for the header of the next message.
func (f *Framed) next(ctx context.Context, limit int64, tooLarge error) error {
	if err := f.header(); err != nil {
		return f.recvError(ctx, err)
	}
	limit = min(limit, math.MaxInt) // an int has 32 bits elsewhere
	if f.in.size > uint64(limit) {
		return &FrameError{Op: "recv", Size: f.in.size, Limit: limit, Err: tooLarge}
	}
	return nil
}

func (f *Framed) recvError(ctx context.Context, err error) error {
	cause := f.cause(ctx, err)
	switch {
	case cause != err || err == io.EOF || err == ErrInterrupted:
		return cause
	case err == io.ErrUnexpectedEOF || err == ErrLength:
		return &FrameError{Op: "recv", Size: f.in.size, Err: err}
	}
	return fmt.Errorf("conn: recv: %w", err)
}

// header reads the next header, unless that was done before. One that makes no
// sense is not consumed: it will not make sense the next time either.
func (f *Framed) header() error {
	in := &f.in
	if in.begun {
		return nil
	}
	in.size = 0
	if in.w-in.r < shortHeader {
		if err := f.fill(shortHeader); err != nil {
			return err
		}
	}
	used, n := shortHeader, int32(binary.BigEndian.Uint32(in.buf[in.r:]))
	switch {
	case n >= 0:
		in.size = uint64(n)
	case n == -1:
		if err := f.fill(longHeader); err != nil {
			return err
		}
		used, in.size = longHeader, binary.BigEndian.Uint64(in.buf[in.r+shortHeader:])
	default:
		return ErrLength
	}
	in.r += used
	in.begun = true
	return nil
}

// fill reads until at least n bytes, of a header, are in the buffer.
func (f *Framed) fill(n int) error {
	in := &f.in
	for in.w-in.r < n {
		err := f.more()
		if err == io.EOF && in.w > in.r {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && in.w-in.r < n {
			return err
		}
	}
	return nil
}

// body appends the message to dst, or what has come of it to in.part.
func (f *Framed) body(dst []byte) ([]byte, error) {
	in := &f.in
	fresh, start, size := dst == nil, len(dst), int(in.size)
	if in.part == nil && 0 < size && size <= in.w-in.r { // as most are
		dst = append(dst, in.buf[in.r:in.r+size]...)
		in.r += size
		in.begun = false
		return dst, nil
	}
	if fresh && in.part != nil {
		dst = in.part
	} else {
		dst = slices.Grow(dst, min(size, max(in.trust, len(in.part))))
		dst = append(dst, in.part...)
	}
	for {
		k := min(size-(len(dst)-start), in.w-in.r)
		dst = append(dst, in.buf[in.r:in.r+k]...)
		in.r += k
		got := len(dst) - start
		if got == size {
			break
		}
		var err error
		if in.full && size-got < readBuffer { // there is more to read than this message
			err = f.more()
			k = in.w - in.r
		} else {
			if len(dst) == cap(dst) {
				dst = slices.Grow(dst, min(size-got, max(in.trust, got)))
			}
			in.full = false
			// Not up to start+size: the size is what a stranger says, and the sum may overflow.
			k, err = f.read(dst[len(dst):][:min(cap(dst)-len(dst), size-got)])
			dst = dst[:len(dst)+k]
		}
		if err == nil || k >= size-got {
			continue
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if in.part = dst; !fresh {
			in.part = bytes.Clone(dst[start:])
		}
		return nil, err
	}
	in.begun, in.part = false, nil
	if dst == nil {
		dst = []byte{}
	}
	return dst, nil
}

// skip reads the rest of the message, of which size keeps count, and drops it.
func (f *Framed) skip() error {
	in := &f.in
	in.size -= uint64(len(in.part))
	in.part = nil
	k := min(in.size, uint64(in.w-in.r))
	in.r += int(k)
	in.size -= k
	if in.size > 0 {
		in.full = false
		waste := make([]byte, min(in.size, strange))
		for in.size > 0 {
			n, err := f.read(waste[:min(in.size, uint64(len(waste)))])
			in.size -= uint64(n)
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			if err != nil && in.size > 0 {
				return err
			}
		}
	}
	in.begun = false
	return nil
}

// read reads at least one byte. The death of the other end is the end of the stream, also
// where the system calls it something else.
func (f *Framed) read(buf []byte) (int, error) {
	for range 100 {
		n, err := f.conn.Read(buf)
		switch {
		case n > 0:
			return n, err
		case err != nil && gone(err):
			f.reset.Store(true)
			return 0, io.EOF
		case err != nil:
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}
