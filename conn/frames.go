package conn

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
)

// manyBuffer is what is read at once while messages come faster than they are received. Only then does a
// connection have so much.
const manyBuffer = 16 << 10

// manyBuffers are kept by the process, as writeBuffers are.
var manyBuffers = sync.Pool{New: func() any { return new([manyBuffer]byte) }}

// AppendFrame appends a message to dst as it stands in the stream, with its header; see [Framed.SendFrames].
func AppendFrame(dst, msg []byte) []byte {
	if len(msg) > math.MaxInt32 {
		dst = binary.BigEndian.AppendUint32(dst, math.MaxUint32) // -1
		dst = binary.BigEndian.AppendUint64(dst, uint64(len(msg)))
	} else {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(msg)))
	}
	return append(dst, msg...)
}

// SendFrames sends messages that [AppendFrame] has put one behind the other, at the cost of sending one. It returns how many
// bytes were sent: with an error, the messages that are whole in these may be received. Errors are those of [Framed.Send].
//
// The other end may answer while this one still sends: who sends more than the two sockets hold has to receive at the same time, or both
// ends wait for each other.
func (f *Framed) SendFrames(ctx context.Context, frames []byte) (sent int64, err error) {
	if len(frames) == 0 {
		return 0, nil
	}
	if err := f.begin(ctx, f.out.turn, &f.out.watch); err != nil {
		return 0, err
	}
	defer f.end(f.out.turn, &f.out.watch)
	if f.out.cut {
		return 0, &FrameError{Op: "send", Err: ErrCut}
	}
	n, err := f.conn.Write(frames)
	if err == nil {
		return int64(n), nil
	}
	f.out.cut = n > 0
	if cause := f.cause(ctx, err); cause != err || err == ErrInterrupted {
		return int64(n), cause
	}
	return int64(n), fmt.Errorf("conn: send: %w", err)
}

// Buffered reports whether the next message is here already, as a whole: Recv will return it and not wait. It is false while another
// goroutine receives. Who answers messages can so answer several at once, by [Framed.SendFrames].
func (f *Framed) Buffered() bool {
	if !f.in.turn.try() {
		return false
	}
	defer f.in.turn.pass()
	in := &f.in
	rest := in.w - in.r
	if in.begun {
		return in.part == nil && in.size <= uint64(rest)
	}
	if rest < shortHeader {
		return false
	}
	n := int32(binary.BigEndian.Uint32(in.buf[in.r:]))
	return n >= 0 && int(n) <= rest-shortHeader
}

// more reads into the buffer. While messages come faster than they are received it is a large one.
func (f *Framed) more() error {
	in := &f.in
	size := readBuffer
	if in.full {
		size = manyBuffer
	}
	switch {
	case len(in.buf) != size && in.w-in.r < readBuffer:
		f.exchange(size)
	case in.r == in.w:
		in.r, in.w = 0, 0
	case in.w == len(in.buf):
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	}
	k, err := f.read(in.buf[in.w:])
	in.w += k
	in.full = in.w == len(in.buf)
	return err
}

// exchange takes a buffer of another size; what is left in the old one fits.
func (f *Framed) exchange(size int) {
	in := &f.in
	old := in.buf
	if size == manyBuffer {
		in.buf = manyBuffers.Get().(*[manyBuffer]byte)[:]
	} else {
		in.buf = make([]byte, readBuffer)
	}
	in.w = copy(in.buf, old[in.r:in.w])
	in.r = 0
	if len(old) == manyBuffer {
		manyBuffers.Put((*[manyBuffer]byte)(old))
	}
}
