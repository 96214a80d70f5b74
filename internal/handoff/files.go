package handoff

import (
	"errors"
	"io"
	"os"
	"strconv"
	"syscall"

	"github.com/multiproc-go/multiproc/internal/sys"
)

// Descriptors travel between frames. The bytes of the stream are
//
//	frame | mark mark … | frame | …
//
// where a mark is the single byte 0xFD that carries up to 250 descriptors as
// ancillary data (the kernel allows 253). A frame says in its header how many
// descriptors follow it: then both sides know where the marks are, and
// how many, ceil(n/250). This matters because an ordinary read that ran
// over a mark would drop its descriptors without a word. ReadFrame stops
// exactly at a frame's end, and RecvFiles receives one byte at a time. With no
// descriptors there is no mark.
const (
	filesMark    = 0xFD
	filesPerMark = 250
)

// SendFiles sends descriptors on a Unix stream socket, an *os.File or a
// *net.UnixConn. The receiver gets its own; the sender's may be closed afterwards.
func SendFiles(conn syscall.Conn, files []*os.File) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	for len(files) > 0 {
		n := min(len(files), filesPerMark)
		err := withDescriptors(files[:n], nil, func(fds []int) error {
			return retry(raw.Write, func(fd uintptr) error {
				return sys.SendRights(int(fd), []byte{filesMark}, fds)
			})
		})
		if err != nil {
			return err
		}
		files = files[n:]
	}
	return nil
}

// RecvFiles receives exactly n descriptors that were sent with SendFiles. They are
// closed on exec. The error is io.EOF when the stream ends before the first,
// io.ErrUnexpectedEOF when it ends later, and a *FrameError when something else
// comes; no descriptor is left open then.
func RecvFiles(conn syscall.Conn, n int) (files []*os.File, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			closeFiles(files)
			files = nil
		}
	}()
	for len(files) < n {
		want := min(n-len(files), filesPerMark)
		var (
			mark [1]byte
			got  int
			fds  []int
		)
		err := retry(raw.Read, func(fd uintptr) (err error) {
			got, fds, err = sys.RecvRights(int(fd), mark[:], filesPerMark)
			return err
		})
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "received "+strconv.Itoa(len(files))))
		}
		switch {
		case err != nil:
			return files, err
		case got == 0 && len(files) == 0:
			return files, io.EOF
		case got == 0:
			return files, io.ErrUnexpectedEOF
		case mark[0] != filesMark || len(fds) != want:
			return files, &FrameError{"descriptors were announced and did not come"}
		}
	}
	return files, nil
}

// retry runs a system call under the poller's control until it does something else
// than ask to wait. It serves blocking descriptors as well.
func retry(ready func(func(uintptr) bool) error, call func(uintptr) error) error {
	var result error
	err := ready(func(fd uintptr) bool {
		result = call(fd)
		return !errors.Is(result, syscall.EAGAIN)
	})
	if err != nil {
		return err
	}
	return result
}

// withDescriptors calls f with the files' descriptors, which stay open for as long.
// (*os.File).Fd would not hold them, and would make them blocking.
func withDescriptors(files []*os.File, fds []int, f func([]int) error) error {
	if len(files) == 0 {
		return f(fds)
	}
	raw, err := files[0].SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = raw.Control(func(fd uintptr) {
		result = withDescriptors(files[1:], append(fds, int(fd)), f)
	})
	if err != nil {
		// The poller has its own error for this, which nobody can compare with.
		return &os.PathError{Op: "send", Path: files[0].Name(), Err: os.ErrClosed}
	}
	return result
}
