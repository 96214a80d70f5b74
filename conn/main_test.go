package conn_test

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/multiproctest"
)

// programs are what a test binary is in the other process of a test.
var programs = map[string]func() error{"handshake": handshakeProgram}

const isLinux = runtime.GOOS == "linux"

func TestMain(m *testing.M) {
	modetest.RunProgram(programs)
	multiproctest.Main(m)
}

// start starts a program that runs until its standard input ends, which is when the test does, and then must not fail.
// line returns its next line.
func start(t testing.TB, cmd *exec.Cmd) (line func() string) {
	t.Helper()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	lines := bufio.NewReader(out)
	return func() string {
		t.Helper()
		s, err := lines.ReadString('\n')
		if err != nil {
			t.Errorf("%s: %v", cmd, err)
		}
		return strings.TrimSpace(s)
	}
}

var (
	background = context.Background()
	key        = []byte("a key")
)

// noKey are the options of tests that are not about keys.
var noKey = conn.Options{NoAuthentication: true}

func withKey(key []byte) conn.Options { return conn.Options{Authkey: key} }

// listen listens until the end of the test, and then looks for files that were left.
func listen(t testing.TB, network, address string, o conn.Options) *conn.Listener {
	t.Helper()
	l, err := conn.Listen(network, address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if path := l.Addr().String(); network == "unix" && path[0] != '@' {
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s after Close: %v", path, err)
			}
		}
	})
	return l
}

func dial(t testing.TB, l *conn.Listener, o conn.Options) *conn.Framed {
	t.Helper()
	f, err := conn.Dial(modetest.Patient(t), l.Addr().Network(), l.Addr().String(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func accept(t testing.TB, l *conn.Listener) *conn.Framed {
	t.Helper()
	f, err := l.Accept(modetest.Patient(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// socketPair is two ends of a Unix stream socket.
func socketPair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", t.TempDir()+"/pair")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err = net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// pair is two ends of a connection over a Unix socket.
func pair(t testing.TB) (a, b *conn.Framed) {
	t.Helper()
	x, y := socketPair(t)
	a, b = conn.NewFramed(x), conn.NewFramed(y)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}
