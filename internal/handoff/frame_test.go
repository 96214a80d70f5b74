package handoff

import (
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"testing"
	"testing/iotest"
)

func frame(t testing.TB, kind byte, data []byte, files int) []byte {
	var b bytes.Buffer
	if err := WriteFrame(&b, kind, data, files); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFrames(t *testing.T) {
	var stream bytes.Buffer
	sizes := []int{0, 1, firstRead - 1, firstRead, firstRead + 1, 3*firstRead + 5, 1 << 20}
	for i, n := range sizes {
		if err := WriteFrame(&stream, byte(i), bytes.Repeat([]byte{byte(i)}, n), i*7_000_003%maxFiles); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []io.Reader{bytes.NewReader(stream.Bytes()), iotest.HalfReader(bytes.NewReader(stream.Bytes()))} {
		for i, n := range sizes {
			kind, data, files, err := ReadFrame(r, 1<<20)
			if err != nil || kind != byte(i) || files != i*7_000_003%maxFiles || !bytes.Equal(data, bytes.Repeat([]byte{byte(i)}, n)) {
				t.Errorf("frame %d: kind %d, %d bytes, %v", i, kind, len(data), err)
			}
		}
		if _, _, _, err := ReadFrame(r, 1<<20); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	}
}

func TestTruncatedFrames(t *testing.T) {
	for _, size := range []int{10, 3 * firstRead} {
		whole := frame(t, 1, make([]byte, size), 3)
		for _, n := range []int{1, 3, frameHeader - 1, frameHeader, frameHeader + 1, len(whole) - 1} {
			if _, _, _, err := ReadFrame(bytes.NewReader(whole[:n]), math.MaxInt64); err != io.ErrUnexpectedEOF {
				t.Errorf("%d of %d bytes: %v", n, len(whole), err)
			}
		}
	}
}

func TestForeignFrames(t *testing.T) {
	good := frame(t, 1, []byte("data"), maxFiles)
	for name, change := range map[string]func([]byte){
		"magic":        func(b []byte) { b[0] = 'm' },
		"version":      func(b []byte) { b[3]++ },
		"too long":     func(b []byte) { b[8] = 5 },
		"negative":     func(b []byte) { b[15] = 0x80 },
		"beyond limit": func(b []byte) { b[15] = 0x7f },
	} {
		b := bytes.Clone(good)
		change(b)
		var frameErr *FrameError
		if _, _, _, err := ReadFrame(bytes.NewReader(b), 4); !errors.As(err, &frameErr) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFrameLengthIsNotTrusted(t *testing.T) {
	b := frame(t, 1, []byte("data"), 0)
	b[8+4] = 0x40 // 256 GiB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, _, err := ReadFrame(bytes.NewReader(b), math.MaxInt64)
	runtime.ReadMemStats(&after)
	if err != io.ErrUnexpectedEOF && math.MaxInt > math.MaxInt32 {
		t.Error(err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("%d bytes were allocated for 4", got)
	}
}

func TestFrameWriteErrors(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	for _, n := range []int{0, 1 << 20} {
		if err := WriteFrame(w, 1, make([]byte, n), 0); err != io.ErrClosedPipe {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	for _, files := range []int{-1, maxFiles + 1} {
		var frameErr *FrameError
		if err := WriteFrame(io.Discard, 1, nil, files); !errors.As(err, &frameErr) {
			t.Errorf("%d descriptors: %v", files, err)
		}
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add(frame(f, 1, []byte("data"), 0))
	f.Add(frame(f, 0, nil, 0x010203))
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, data, files, err := ReadFrame(bytes.NewReader(b), 1<<20)
		if err == nil && !bytes.HasPrefix(b, frame(t, kind, data, files)) {
			t.Errorf("% x read as %d, % x and %d descriptors", b, kind, data, files)
		}
	})
}
