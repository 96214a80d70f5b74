package conn

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"sync"
)

const (
	shortHeader = 4
	longHeader  = 12
	// oneWrite is the largest payload that is copied behind its header. CPython
	// copies as much; a larger one goes to the system from where it is.
	oneWrite = 16 << 10
)

// writeBuffers are kept by the process and not by the connections, which mostly are idle.
var writeBuffers = sync.Pool{New: func() any { return new([longHeader + oneWrite]byte) }}

// outbox is the state of sending. It belongs to who has the turn.
type outbox struct {
	turn   turn
	watch  watch
	cut    bool // the stream ends inside a message
	vector bool // the stream takes several buffers in one system call
	forced bool // by tests: every header is long
	head   [longHeader]byte
	parts  [2][]byte
	rest   net.Buffers
}

// Send sends one message. It returns when the system has it, which does not mean that
// the other end has; it waits while that one does not read. A message up to 16 KiB
// costs one system call, and none costs an allocation.
//
// When ctx or a deadline ends a Send, the message is not received by anybody. If a part of
// it was out already, all later Sends fail with [ErrCut]. When the other end is gone, the
// error wraps syscall.EPIPE or syscall.ECONNRESET.
func (f *Framed) Send(ctx context.Context, msg []byte) error {
	if err := f.begin(ctx, &f.out.turn, &f.out.watch); err != nil {
		return err
	}
	defer f.end(&f.out.turn, &f.out.watch)
	if f.out.cut {
		return &FrameError{Op: "send", Err: ErrCut}
	}
	n, err := f.write(msg)
	if err == nil {
		return nil
	}
	f.out.cut = n > 0
	if cause := f.cause(ctx, err); cause != err || err == ErrInterrupted {
		return cause
	}
	return fmt.Errorf("conn: send: %w", err)
}

// write returns how much it has written, headers included.
func (f *Framed) write(msg []byte) (int64, error) {
	out := &f.out
	head := shortHeader
	if len(msg) > math.MaxInt32 || out.forced {
		head = longHeader
		binary.BigEndian.PutUint32(out.head[:], math.MaxUint32) // -1
		binary.BigEndian.PutUint64(out.head[shortHeader:], uint64(len(msg)))
	} else {
		binary.BigEndian.PutUint32(out.head[:], uint32(len(msg)))
	}
	if out.vector && len(msg) > oneWrite {
		out.parts = [2][]byte{out.head[:head], msg}
		out.rest = out.parts[:]
		n, err := out.rest.WriteTo(f.conn)
		out.parts, out.rest = [2][]byte{}, nil
		return n, err
	}
	buf := writeBuffers.Get().(*[longHeader + oneWrite]byte)
	defer writeBuffers.Put(buf)
	copy(buf[:], out.head[:head])
	k := copy(buf[head:head+oneWrite], msg)
	n, err := f.conn.Write(buf[:head+k])
	total := int64(n)
	if err == nil && k < len(msg) {
		n, err = f.conn.Write(msg[k:])
		total += int64(n)
	}
	return total, err
}

// canVector reports whether net.Buffers is one system call on c.
func canVector(c net.Conn) bool {
	switch c.(type) {
	case *net.UnixConn, *net.TCPConn:
		return true
	}
	return false
}
