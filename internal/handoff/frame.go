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
//	5   3   how many descriptors follow the data, little-endian: see SendFiles
//	8   8   length of the data, little-endian
//	16  …   the data
const (
	frameMagic   = "MPF"
	frameVersion = 2
	frameHeader  = 16

	// maxFiles is how many descriptors may follow one frame.
	maxFiles = 1<<24 - 1

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

// WriteFrame writes one frame, which announces as many descriptors as files says; the
// caller sends them next. Writers of one stream take turns: two at the same time
// would mix their bytes.
func WriteFrame(w io.Writer, kind byte, data []byte, files int) error {
	if files < 0 || files > maxFiles {
		return &FrameError{fmt.Sprintf("%d descriptors for one frame", files)}
	}
	var header [frameHeader]byte
	binary.LittleEndian.PutUint32(header[5:], uint32(files)) // and 0, the first byte of the length
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
// beyond its end, where as many descriptors wait as files says. The error is io.EOF when the stream ends before the frame,
// io.ErrUnexpectedEOF when it ends inside, and a *FrameError when what comes is not a
// frame, or one that is too long.
func ReadFrame(r io.Reader, max int64) (kind byte, data []byte, files int, err error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, 0, err
	}
	switch {
	case string(header[:3]) != frameMagic:
		return 0, nil, 0, &FrameError{fmt.Sprintf("a frame begins with % x", header[:4])}
	case header[3] != frameVersion:
		return 0, nil, 0, &FrameError{fmt.Sprintf("frame version %d instead of %d", header[3], frameVersion)}
	}
	length := binary.LittleEndian.Uint64(header[8:])
	if length > math.MaxInt || int64(length) > max {
		return 0, nil, 0, &FrameError{fmt.Sprintf("a frame of %d bytes, where %d are allowed", length, max)}
	}
	data, err = readGrowing(r, int(length))
	files = int(header[5]) | int(header[6])<<8 | int(header[7])<<16
	return header[4], data, files, err
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
