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
	return append(appendHeader(dst, uint64(len(msg))), msg...)
}

func appendHeader(dst []byte, size uint64) []byte {
	if size > math.MaxInt32 {
		dst = binary.BigEndian.AppendUint32(dst, math.MaxUint32) // -1
		return binary.BigEndian.AppendUint64(dst, size)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(size))
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
	if err := f.begin(ctx, &f.out.turn, &f.out.watch); err != nil {
		return 0, err
	}
	defer f.end(&f.out.turn, &f.out.watch)
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

// RecvFrames is [Framed.RecvAppend] for who answers messages, and can answer several at once by [Framed.SendFrames]: behind the next message
// it appends those that are here already, as a whole, each of them with its header, for [CutFrame]. It waits for the first one
// only. What it takes without waiting is 16 KiB at most.
func (f *Framed) RecvFrames(ctx context.Context, dst []byte) ([]byte, error) {
	if err := f.begin(ctx, &f.in.turn, &f.in.watch); err != nil {
		return dst, err
	}
	defer f.end(&f.in.turn, &f.in.watch)
	in, limit := &f.in, f.limit.Load()
	if ready := f.ready(limit); ready > 0 {
		dst = append(dst, in.buf[in.r:in.r+ready]...)
		in.r += ready
		return dst, nil
	}
	if err := f.next(ctx, limit, ErrTooLarge); err != nil {
		return dst, err
	}
	got, err := f.body(appendHeader(dst, in.size))
	if err != nil {
		return dst, f.recvError(ctx, err)
	}
	ready := f.ready(limit)
	got = append(got, in.buf[in.r:in.r+ready]...)
	in.r += ready
	return got, nil
}

// ready returns how many bytes at the front of the buffer are whole messages, with their headers.
func (f *Framed) ready(limit int64) (n int) {
	in := &f.in
	if in.begun {
		return 0
	}
	for rest := in.buf[in.r:in.w]; len(rest) >= shortHeader; {
		size := int64(int32(binary.BigEndian.Uint32(rest)))
		if size < 0 || size > limit || size > int64(len(rest)-shortHeader) {
			break
		}
		n += shortHeader + int(size)
		rest = rest[shortHeader+int(size):]
	}
	return n
}

// CutFrame returns the first of the messages that [AppendFrame] or [Framed.RecvFrames] has put one behind the other, and what is behind it.
// It is ok if there is a whole one.
func CutFrame(frames []byte) (msg, rest []byte, ok bool) {
	if len(frames) < shortHeader {
		return nil, frames, false
	}
	head, size := shortHeader, uint64(binary.BigEndian.Uint32(frames))
	if int32(size) < 0 {
		if int32(size) != -1 || len(frames) < longHeader {
			return nil, frames, false
		}
		head, size = longHeader, binary.BigEndian.Uint64(frames[shortHeader:])
	}
	if size > uint64(len(frames)-head) {
		return nil, frames, false
	}
	end := head + int(size)
	return frames[head:end:end], frames[end:], true
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
