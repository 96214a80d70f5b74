package handoff

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// A frame on the stream between parent and child:
//
//	0   3   magic "MPF"
//	3   1   version
//	4   1   kind: the caller's
//	5   3   zero
//	8   8   length of the data, little-endian
//	16  …   the data
const (
	frameMagic   = "MPF"
	frameVersion = 1
	frameHeader  = 16

	// firstRead is how much ReadFrame allocates on the word of a header. After
	// that it allocates at most as much again as has really arrived.
	firstRead = 64 << 10
)

// A FrameError is returned when a stream does not hold the frame that was
// expected. The stream cannot be used any further.
type FrameError struct {
	Reason string
}

// Error implements error.
func (e *FrameError) Error() string { return "multiproc: broken control stream: " + e.Reason }

// WriteFrame writes one frame. Writers of one stream take turns: two at the same
// time would mix their bytes.
func WriteFrame(w io.Writer, kind byte, data []byte) error {
	var header [frameHeader]byte
	copy(header[:], frameMagic)
	header[3] = frameVersion
	header[4] = kind
	binary.LittleEndian.PutUint64(header[8:], uint64(len(data)))
	if len(data) <= firstRead {
		// One write, one wake of the reader.
		_, err := w.Write(append(header[:], data...))
		return err
	}
	if _, err := w.Write(header[:]); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// ReadFrame reads one frame of at most max bytes of data; it reads nothing
// beyond its end. The error is io.EOF when the stream ends before the frame,
// io.ErrUnexpectedEOF when it ends inside, and a *FrameError when what comes is not a
// frame, or one that is too long.
func ReadFrame(r io.Reader, max int64) (kind byte, data []byte, err error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	switch {
	case string(header[:3]) != frameMagic:
		return 0, nil, &FrameError{fmt.Sprintf("a frame begins with % x", header[:4])}
	case header[3] != frameVersion:
		return 0, nil, &FrameError{fmt.Sprintf("frame version %d instead of %d", header[3], frameVersion)}
	case header[5]|header[6]|header[7] != 0:
		return 0, nil, &FrameError{"reserved bytes are not zero"}
	}
	length := binary.LittleEndian.Uint64(header[8:])
	if length > math.MaxInt || int64(length) > max {
		return 0, nil, &FrameError{fmt.Sprintf("a frame of %d bytes, where %d are allowed", length, max)}
	}
	data, err = readGrowing(r, int(length))
	return header[4], data, err
}

// readGrowing reads n bytes without believing that there are n.
func readGrowing(r io.Reader, n int) ([]byte, error) {
	data := make([]byte, 0, min(n, firstRead))
	for {
		have := len(data)
		data = data[:cap(data)]
		got, err := io.ReadFull(r, data[have:])
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		if have += got; have == n {
			return data, nil
		}
		bigger := make([]byte, have, have+min(have, n-have))
		copy(bigger, data)
		data = bigger
	}
}
