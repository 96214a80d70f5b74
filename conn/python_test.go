package conn_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/pythons"
)

// python is one interpreter to test against.
type python struct{ pythons.Interpreter }

// isOld reports whether it knows HMAC-MD5 alone.
func (p python) isOld() bool { return p.Minor < 12 }

// eachPython finds one of each age: with old challenges, the last of these, and with new ones.
// Under pyenv there may be all; otherwise what python3 on PATH is.
func eachPython(t testing.TB) (list []python) {
	t.Helper()
	for _, p := range pythons.Find(8, 11, 13) {
		list = append(list, python{p})
	}
	if len(list) == 0 {
		t.Skip("NOT RUN: against CPython's multiprocessing.connection, because there is no python3 on PATH")
	}
	return list
}

func everyPython(t *testing.T, test func(t *testing.T, p python)) {
	for _, p := range eachPython(t) {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

func keyText(key []byte) string {
	if key == nil {
		return "none"
	}
	return hex.EncodeToString(key)
}

func family(network string) string {
	if network == "unix" {
		return "AF_UNIX"
	}
	return "AF_INET"
}

func (p python) command(t testing.TB, action, network, address string, key []byte, more ...string) *exec.Cmd {
	args := append([]string{filepath.Join("testdata", "peer.py"), action, family(network), address, keyText(key)}, more...)
	cmd := exec.CommandContext(modetest.Patient(t), p.Path, args...)
	cmd.Stderr = os.Stderr
	return cmd
}

// dial runs a client in Python, and returns what it printed.
func (p python) dial(t testing.TB, action string, l *conn.Listener, key []byte, more ...string) string {
	t.Helper()
	out, err := p.command(t, action, l.Addr().Network(), l.Addr().String(), key, more...).Output()
	if err != nil {
		t.Errorf("the client: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// serve starts a Listener in Python. line returns its next line.
func (p python) serve(t testing.TB, network, address string, key []byte) (at string, line func() string) {
	t.Helper()
	line = start(t, p.command(t, "serve", network, address, key))
	return line(), line
}

// serveOne has f deal with the next connection of l. wait returns when it has, and fails the test with its error.
func serveOne(t *testing.T, l *conn.Listener, do func(f *conn.Framed) error) (wait func()) {
	served := make(chan error, 1)
	go func() {
		f, err := l.Accept(modetest.Patient(t))
		if err == nil {
			err = do(f)
			f.Close()
		}
		served <- err
	}()
	return func() {
		t.Helper()
		if err := modetest.Receive(t, served, "end of the connection"); err != nil {
			t.Error(err)
		}
	}
}

// echo sends back what it receives, until the stream ends.
func echo(f *conn.Framed) error {
	for {
		msg, err := f.Recv(background)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = f.Send(background, msg)
		}
		if err != nil {
			return err
		}
	}
}

// keysToTry are of lengths that HMAC treats in different ways; the nil one is none.
func keysToTry() [][]byte {
	return [][]byte{nil, {}, []byte("abracadabra"), bytes.Repeat([]byte{0, 0xff}, 100)}
}

func optionsOf(key []byte) conn.Options {
	return conn.Options{Authkey: key, NoAuthentication: key == nil}
}

// addresses to listen on, by network.
func addresses(t testing.TB) [][2]string {
	list := [][2]string{{"unix", ""}, {"tcp", "127.0.0.1:0"}}
	if isLinux {
		list = append(list, [2]string{"unix", fmt.Sprintf("@multiproc-conn-test-%d-%s", os.Getpid(), t.Name())})
	}
	return list
}

// everyWay runs a test for every interpreter, address and key.
func everyWay(t *testing.T, test func(t *testing.T, p python, network, address string, key []byte)) {
	everyPython(t, func(t *testing.T, p python) {
		for _, address := range addresses(t) {
			for i, key := range keysToTry() {
				at := address[1]
				if strings.HasPrefix(at, "@") { // which a process that another test is just starting may still have
					at = fmt.Sprint(at, "-", i)
				}
				t.Run(fmt.Sprintf("%s:%s/%.30s", address[0], at, keyText(key)), func(t *testing.T) {
					test(t, p, address[0], at, key)
				})
			}
		}
	})
}

func TestPythonDials(t *testing.T) {
	everyWay(t, func(t *testing.T, p python, network, address string, key []byte) {
		l := listen(t, network, address, optionsOf(key))
		wait := serveOne(t, l, echo)
		if out := p.dial(t, "dial", l, key); out != "ok" {
			t.Errorf("the client says %q", out)
		}
		wait()
	})
}

func TestPythonListens(t *testing.T) {
	everyWay(t, func(t *testing.T, p python, network, address string, key []byte) {
		o := optionsOf(key)
		if p.Minor < 13 && key != nil && len(key) == 0 {
			o = noKey // these take an empty key of a Listener for none, and that of a Client for one
		}
		at, line := p.serve(t, network, address, key)
		f, err := conn.Dial(modetest.Patient(t), network, at, o)
		if err != nil {
			t.Fatal(err)
		}
		sizes := []int{0, 1, 100, 1019, 1020, 1021, 16383, 16384, 16385, 65536, 1 << 20, 5_000_000}
		for _, size := range sizes {
			exchange(t, f, random(t, size))
		}
		f.Close()
		if got, want := line(), fmt.Sprint("echoed ", len(sizes)); got != want {
			t.Errorf("the server says %q, want %q", got, want)
		}
	})
}

// exchange sends a message and wants it back.
func exchange(t testing.TB, f *conn.Framed, msg []byte) {
	t.Helper()
	sent := make(chan error, 1)
	go func() { sent <- f.Send(background, msg) }()
	got, err := f.Recv(modetest.Patient(t))
	if err := errors.Join(err, modetest.Receive(t, sent, "end of Send")); err != nil {
		t.Fatalf("%d bytes: %v", len(msg), err)
	}
	if !bytes.Equal(got, msg) {
		t.Fatalf("%d bytes came back as %d others", len(msg), len(got))
	}
}

func TestPythonLongHeader(t *testing.T) {
	everyPython(t, func(t *testing.T, p python) {
		l := listen(t, "unix", "", withKey(key))
		wait := serveOne(t, l, func(f *conn.Framed) error {
			conn.ForceLongHeaders(f)
			return echo(f)
		})
		if out := p.dial(t, "raw", l, key); out != "ok" {
			t.Errorf("the client says %q", out)
		}
		wait()
	})
}

func TestPythonDialsWithWrongKey(t *testing.T) {
	everyPython(t, func(t *testing.T, p python) {
		var logged logBuffer
		o := withKey(key)
		o.Logger = slog.New(slog.NewTextHandler(&logged, nil))
		l := listen(t, "unix", "", o)
		for _, wrong := range [][]byte{{}, []byte("another key"), append([]byte("a key"), 1)} {
			if out := p.dial(t, "dial", l, wrong); out != "AuthenticationError: digest sent was rejected" {
				t.Errorf("the client says %q", out)
			}
		}
		// The listener is as it was, and gives out none of the others.
		ok := dial(t, l, withKey(key))
		served := accept(t, l)
		if err := ok.Send(background, []byte("mine")); err != nil {
			t.Fatal(err)
		}
		if got, err := served.Recv(background); err != nil || string(got) != "mine" {
			t.Errorf("%q, %v", got, err)
		}
		l.Close()
		if n := strings.Count(logged.String(), "does not have our key"); n != 3 {
			t.Errorf("the log has %d refusals:\n%s", n, logged.String())
		}
	})
}

func TestPythonListensWithAnotherKey(t *testing.T) {
	everyPython(t, func(t *testing.T, p python) {
		at, line := p.serve(t, "unix", "", key)
		_, err := conn.Dial(modetest.Patient(t), "unix", at, withKey([]byte("another key")))
		if _, typed := errors.AsType[*conn.AuthenticationError](err); !errors.Is(err, conn.ErrAuthentication) || !typed {
			t.Error(err)
		}
		if got := line(); !strings.HasPrefix(got, "AuthenticationError: digest received was wrong") {
			t.Errorf("the server says %q", got)
		}
	})
}

// TestPythonDigests has each end challenge the other with every digest.
func TestPythonDigests(t *testing.T) {
	everyPython(t, func(t *testing.T, p python) {
		l := listen(t, "unix", "", noKey)
		wait := serveOne(t, l, func(f *conn.Framed) (err error) {
			for _, digest := range []string{"sha3_384", "sha384", "sha256", "sha3_256", "md5"} {
				err = errors.Join(err, conn.Authenticate(modetest.Patient(t), f, conn.Handshake{Key: key, Digest: digest}))
			}
			return err
		})
		if out := p.dial(t, "digests", l, key); out != "ok" {
			t.Errorf("the client says %q", out)
		}
		wait()
	})
}

func TestPythonWithoutMD5(t *testing.T) {
	everyPython(t, func(t *testing.T, p python) {
		o := withKey(key)
		o.ForbidMD5 = true
		l := listen(t, "unix", "", o)
		go func() {
			if f, err := l.Accept(background); err == nil {
				echo(f)
				f.Close()
			}
		}()
		want := "ok"
		if p.isOld() {
			want = "AuthenticationError: digest sent was rejected"
		}
		if out := p.dial(t, "dial", l, key); out != want {
			t.Errorf("the client says %q, want %q", out, want)
		}
		at, _ := p.serve(t, "unix", "", key)
		f, err := conn.Dial(modetest.Patient(t), "unix", at, o)
		if p.isOld() && !errors.Is(err, conn.ErrAuthentication) || !p.isOld() && err != nil {
			t.Error(err)
		}
		if err == nil {
			f.Close()
		}
	})
}
