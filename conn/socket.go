package conn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/multiproc-go/multiproc/internal/sys"
)

// socket is what a Listener listens on, and the files that it has left.
type socket struct {
	net.Listener
	path string      // of a Unix socket that has one
	own  fs.FileInfo // of that file
	dir  string      // made for it, or empty
}

// openSocket listens.
func openSocket(network, address string, o *Options) (*socket, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
		l, err := net.Listen(network, address)
		return &socket{Listener: l}, err
	case "unix":
	default:
		return nil, fmt.Errorf("%w: network %q", ErrAddress, network)
	}
	switch {
	case address == "":
		return openPrivate(o)
	case strings.HasPrefix(address, "@") && runtime.GOOS != "linux":
		return nil, fmt.Errorf("%w: %q: this system has no abstract sockets", ErrAddress, address)
	case strings.HasPrefix(address, "@"):
		l, err := net.Listen(network, address)
		return &socket{Listener: l}, err
	}
	s, err := openPath(address, o.SocketMode)
	if o.ReplaceDead && errors.Is(err, syscall.EADDRINUSE) && bury(address, time.Sleep) {
		s, err = openPath(address, o.SocketMode)
	}
	return s, err
}

const (
	dirName     = "multiproc-conn-"
	privateName = "listener"
	// maxPath is what fits into a Unix address on every system.
	maxPath = 103
)

// openPrivate listens on a socket in a new directory that only this user may enter.
func openPrivate(o *Options) (*socket, error) {
	parent := os.TempDir()
	prefix := dirPrefix()
	if len(filepath.Join(parent, cmp.Or(prefix, dirName)+"4294967295", privateName)) > maxPath {
		parent = "/tmp"
	}
	sweep(parent, prefix)
	dir, err := os.MkdirTemp(parent, cmp.Or(prefix, dirName)) // 0700
	if err != nil {
		return nil, err
	}
	s, err := openPath(filepath.Join(dir, privateName), o.SocketMode)
	if err != nil {
		os.Remove(dir)
		return nil, err
	}
	s.dir = dir
	return s, nil
}

// openPath listens on a socket with these permissions.
func openPath(path string, mode fs.FileMode) (*socket, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { limitMode(int(fd), mode) })
	}}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	// The path may be another's by the time of Close: we unlink ours alone.
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	s := &socket{Listener: l, path: path}
	if err := os.Chmod(path, mode); err != nil {
		s.Close()
		return nil, err
	}
	if s.own, err = os.Lstat(path); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// limitMode gives a socket its permissions before it has a path: on Linux the file of a
// socket is made with them, so that there is no moment in which it has others. Where that does not
// work, what follows bind has to do.
func limitMode(fd int, mode fs.FileMode) {
	copied, err := sys.Duplicate(fd)
	if err != nil {
		return
	}
	f := os.NewFile(uintptr(copied), "socket")
	defer f.Close()
	_ = f.Chmod(mode)
}

// Close ends listening and removes the files, unless the path has become another's. The socket's file goes first: while
// we listen, nobody takes our socket for dead and puts his own in its place.
func (s *socket) Close() error {
	var err error
	if s.path != "" {
		if now, statErr := os.Lstat(s.path); s.own == nil || statErr == nil && os.SameFile(s.own, now) {
			err = ignoreMissing(os.Remove(s.path))
		}
	}
	err = errors.Join(err, s.Listener.Close())
	if s.dir != "" {
		err = errors.Join(err, ignoreMissing(os.Remove(s.dir)))
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
