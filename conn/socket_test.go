//go:build unix

package conn_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
)

func init() { programs["listen"] = listenProgram }

// listenProgram listens on CONN_PATH, says where, and waits to be killed.
func listenProgram() error {
	l, err := conn.Listen("unix", os.Getenv("CONN_PATH"), conn.Options{NoAuthentication: true})
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	_, err = l.Accept(context.Background())
	return err
}

// killedServer is the address of a server that was killed.
func killedServer(t *testing.T, path string) string {
	t.Helper()
	cmd := modetest.Program(t, "listen", "CONN_PATH="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	cmd.Wait()
	if readErr != nil {
		t.Fatal(readErr)
	}
	return strings.TrimSpace(line)
}

func TestPrivateSocket(t *testing.T) {
	l := listen(t, "unix", "", withKey(key))
	path := l.Addr().String()
	for name, want := range map[string]fs.FileMode{
		path:               fs.ModeSocket | 0o600,
		filepath.Dir(path): fs.ModeDir | 0o700,
	} {
		info, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s: %v, want %v", name, info.Mode(), want)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory after Close: %v", err)
	}
}

func TestSocketMode(t *testing.T) {
	for _, mode := range []fs.FileMode{0, 0o660, 0o666} {
		o := withKey(key)
		o.SocketMode = mode
		path := filepath.Join(t.TempDir(), "s")
		listen(t, "unix", path, o)
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if mode == 0 {
			mode = 0o600
		}
		if got := info.Mode().Perm(); got != mode {
			t.Errorf("%v, want %v", got, mode)
		}
	}
}

// TestLongTemporaryDirectory: a Unix address holds about a hundred bytes.
func TestLongTemporaryDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	l := listen(t, "unix", "", noKey)
	dial(t, l, noKey)
	accept(t, l)
}

func TestAddressInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listen(t, "unix", path, withKey(key))
	replace := withKey(key)
	replace.ReplaceDead = true
	for _, o := range []conn.Options{withKey(key), replace} {
		if _, err := conn.Listen("unix", path, o); !errors.Is(err, syscall.EADDRINUSE) {
			t.Error(err)
		}
	}
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(names) != 1 {
		t.Error(names, err)
	}
}

func TestReplaceDead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if more := 103 - len(path); more > 0 { // as long as a path may be
		path += strings.Repeat("s", more)
	}
	killedServer(t, path)
	o := withKey(key)
	if _, err := conn.Listen("unix", path, o); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("without the option: %v", err)
	}
	o.ReplaceDead = true
	l := listen(t, "unix", path, o)
	dial(t, l, o)
	accept(t, l)

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Listen("unix", file, o); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("in place of a file: %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "mine" {
		t.Error(b, err)
	}
}

// TestCloseLeavesTheFilesOfOthers who have got the path in the meantime.
func TestCloseLeavesTheFilesOfOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first, err := conn.Listen("unix", path, withKey(key))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := listen(t, "unix", path, withKey(key))
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	dial(t, second, withKey(key))
	accept(t, second)

	gone, err := conn.Listen("unix", filepath.Join(t.TempDir(), "gone"), withKey(key))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(gone.Addr().String()), gone.Close()); err != nil {
		t.Error(err)
	}
}

// boundSocket is a socket that has an address and does not listen.
func boundSocket(t *testing.T) (path string, fd int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "s")
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	return path, fd
}

// TestReplaceDeadLeavesTheNew: between bind and listen a socket refuses as if its server were dead.
func TestReplaceDeadLeavesTheNew(t *testing.T) {
	path, fd := boundSocket(t)
	defer syscall.Close(fd)
	slept := false
	buried := conn.Bury(path, func(d time.Duration) {
		if slept = true; d <= 0 || d > time.Second {
			t.Errorf("it sleeps %v", d)
		}
		if err := syscall.Listen(fd, 1); err != nil {
			t.Error(err)
		}
	})
	names, err := os.ReadDir(filepath.Dir(path))
	if buried || !slept || err != nil || len(names) != 1 {
		t.Errorf("buried: %v, slept: %v, %v, %v", buried, slept, names, err)
	}
}

// TestReplaceDeadByTwo: one has replaced the dead socket while the other looked at it.
func TestReplaceDeadByTwo(t *testing.T) {
	path := killedServer(t, filepath.Join(t.TempDir(), "s"))
	for range 10 { // so that the file's number comes again, where it may
		then := time.Now().Add(-time.Second / 2)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
		conn.Bury(path, func(time.Duration) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			l.(*net.UnixListener).SetUnlinkOnClose(false)
			l.Close() // the new one seems to be dead, as before its listen
		})
		names, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(names) != 1 || names[0].Name() != "s" {
			t.Fatalf("%v, %v", names, err)
		}
	}
}

// closeHook calls a function before it closes.
type closeHook struct {
	net.Listener
	before func()
}

func (c closeHook) Close() error { c.before(); return c.Listener.Close() }

// TestCloseRemovesTheFileFirst: were the socket closed first, another with ReplaceDead could bury it and listen before its
// file, by then his, is removed.
func TestCloseRemovesTheFileFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	inner, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	inner.(*net.UnixListener).SetUnlinkOnClose(false)
	l, err := conn.ListenAt(closeHook{inner, func() {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the file when the socket is closed: %v", err)
		}
	}}, path, noKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestSweep: what a killed process leaves is removed by another that listens, later.
func TestSweep(t *testing.T) {
	if conn.DirPrefix() == "" {
		t.Skip("NOT RUN: this system does not tell one start of the machine from another")
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	old := func(dir string) string {
		t.Helper()
		then := time.Now().Add(-time.Hour)
		if err := os.Chtimes(dir, then, then); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dead := old(filepath.Dir(killedServer(t, "")))
	young := filepath.Dir(killedServer(t, ""))
	live := listen(t, "unix", "", withKey(key))
	old(filepath.Dir(live.Addr().String()))
	empty := filepath.Join(tmp, conn.DirPrefix()+"1") // its maker was killed before it could bind
	full := filepath.Join(tmp, conn.DirPrefix()+"2")
	open := filepath.Join(tmp, conn.DirPrefix()+"3")
	for dir, mode := range map[string]fs.FileMode{empty: 0o700, full: 0o700, open: 0o755} {
		if err := errors.Join(os.Mkdir(dir, mode), os.Chmod(dir, mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(full, "listener"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := os.MkdirTemp(tmp, "another")
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(tmp, conn.DirPrefix()+"4")
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{empty, full, open, other} {
		old(dir)
	}
	listen(t, "unix", "", withKey(key))
	for dir, want := range map[string]bool{dead: false, empty: false, young: true, full: true, open: true, other: true, link: true} {
		if _, err := os.Lstat(dir); want != (err == nil) {
			t.Errorf("%s: %v", filepath.Base(dir), err)
		}
	}
	dial(t, live, withKey(key))
	accept(t, live)
}

// TestFullQueue: a Unix socket whose queue is full says EAGAIN, and Dial asks again.
func TestFullQueue(t *testing.T) {
	path, fd := boundSocket(t)
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "socket")
	l, err := net.FileListener(file)
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	first, err := conn.Dial(modetest.Patient(t), "unix", path, noKey)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	if f, err := conn.Dial(ctx, "unix", path, noKey); err == nil {
		f.Close()
		t.Skip("NOT RUN: this system's queue of one is longer")
	} else if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	dialed := make(chan error, 1)
	go func() {
		f, err := conn.Dial(modetest.Patient(t), "unix", path, noKey)
		if err == nil {
			err = f.Close()
		}
		dialed <- err
	}()
	for range 2 {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if err := modetest.Receive(t, dialed, "end of Dial"); err != nil {
		t.Error(err)
	}
}
