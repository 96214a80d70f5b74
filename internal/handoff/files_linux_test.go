package handoff

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/multiproc-go/multiproc/internal/sys"
)

func socketpair(t *testing.T) (*os.File, *os.File) {
	t.Helper()
	a, b, err := sys.Socketpair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// openFiles returns n distinct files; the i-th contains i.
func openFiles(t *testing.T, n int) []*os.File {
	t.Helper()
	var files []*os.File
	for i := range n {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(f, i)
		files = append(files, f)
		t.Cleanup(func() { f.Close() })
	}
	return files
}

func countDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestFilesBetweenFrames(t *testing.T) {
	for _, n := range []int{0, 1, filesPerMark, filesPerMark + 1, 2*filesPerMark + 7} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			a, b := socketpair(t)
			sent := openFiles(t, n)
			before := countDescriptors(t)
			done := make(chan error, 1)
			go func() {
				done <- errors.Join(
					WriteFrame(a, 1, []byte("before"), n),
					SendFiles(a, sent),
					WriteFrame(a, 2, make([]byte, 1<<20), 0),
				)
			}()
			_, data, announced, err := ReadFrame(b, 100)
			if err != nil || string(data) != "before" || announced != n {
				t.Fatalf("%q, %d, %v", data, announced, err)
			}
			files, err := RecvFiles(b, n)
			if err != nil || len(files) != n {
				t.Fatalf("%d files, %v", len(files), err)
			}
			for i, f := range files {
				content := make([]byte, 10)
				m, err := f.ReadAt(content, 0)
				if err != io.EOF || string(content[:m]) != fmt.Sprint(i) {
					t.Errorf("file %d contains %q, %v", i, content[:m], err)
				}
				flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0)
				if err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("file %d is not closed on exec", i)
				}
				f.Close()
			}
			if kind, data, _, err := ReadFrame(b, 1<<20); err != nil || kind != 2 || len(data) != 1<<20 {
				t.Errorf("the frame after: %d, %d bytes, %v", kind, len(data), err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if after := countDescriptors(t); after != before {
				t.Errorf("%d descriptors, then %d", before, after)
			}
		})
	}
}

func TestFilesOnBlockingSocket(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b := os.NewFile(uintptr(fds[0]), "a"), os.NewFile(uintptr(fds[1]), "b")
	defer a.Close()
	defer b.Close()
	if err := SendFiles(a, []*os.File{a}); err != nil {
		t.Fatal(err)
	}
	files, err := RecvFiles(b, 1)
	if err != nil {
		t.Fatal(err)
	}
	files[0].Close()
}

func TestRecvFilesMistakes(t *testing.T) {
	before := countDescriptors(t)
	var frameErr *FrameError
	for _, tt := range []struct {
		name string
		send func(*os.File)
		ok   func(error) bool
	}{
		{"end", func(*os.File) {}, func(err error) bool { return err == io.EOF }},
		{"a frame", func(f *os.File) { WriteFrame(f, 1, nil, 2) }, func(err error) bool { return errors.As(err, &frameErr) }},
		{"mark without files", func(f *os.File) { f.Write([]byte{filesMark}) }, func(err error) bool { return errors.As(err, &frameErr) }},
		{"too few", func(f *os.File) { SendFiles(f, []*os.File{f}) }, func(err error) bool { return errors.As(err, &frameErr) }},
		{"too many", func(f *os.File) { SendFiles(f, []*os.File{f, f, f}) }, func(err error) bool { return errors.As(err, &frameErr) }},
	} {
		a, b, err := sys.Socketpair()
		if err != nil {
			t.Fatal(err)
		}
		tt.send(a)
		a.Close()
		if files, err := RecvFiles(b, 2); !tt.ok(err) || files != nil {
			t.Errorf("%s: %d files, %v", tt.name, len(files), err)
		}
		b.Close()
	}
	if after := countDescriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}

	a, b := socketpair(t)
	closed, _ := socketpair(t)
	closed.Close()
	if err := SendFiles(a, []*os.File{closed}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed file: %v", err)
	}
	b.Close()
	if err := SendFiles(a, []*os.File{a}); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("nobody listens: %v", err)
	}
}
