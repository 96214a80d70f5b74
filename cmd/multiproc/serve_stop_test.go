package main

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/pickle"
)

// TestSignalBeforeTheKey: a server that waits for its key can be stopped.
func TestSignalBeforeTheKey(t *testing.T) {
	r, w, err := os.Pipe() // on which nothing comes
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cmd := modetest.Program(t, "multiproc")
	cmd.Args = append(cmd.Args, "serve", "--authkey-fd", "3")
	cmd.ExtraFiles = []*os.File{r}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for range 1000 { // until the handler is there the signal ends it, too
		select {
		case <-ended:
		default:
			cmd.Process.Signal(syscall.SIGTERM)
			time.Sleep(time.Millisecond)
			continue
		}
		return
	}
	defer cmd.Process.Kill()
	modetest.Receive(t, ended, "end of a server without a key")
}

// TestServeWithoutReaders: a server whose standard output nobody reads ends, and leaves nothing; one whose log nobody reads goes on.
func TestServeWithoutReaders(t *testing.T) {
	closedPipe := func() *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		t.Cleanup(func() { w.Close() })
		return w
	}
	path := filepath.Join(t.TempDir(), "socket")
	args := []string{"serve", "--authkey-file", keyFile(t, "secret\n", 0o600), "--address", path}
	cmd := modetest.Program(t, "multiproc")
	cmd.Args = append(cmd.Args, args...)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = closedPipe(), &stderr
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != exitFail || !strings.Contains(stderr.String(), "broken pipe") {
		t.Errorf("without a reader: %v, %s", err, stderr.String())
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}

	cmd = modetest.Program(t, "multiproc")
	cmd.Args = append(append(cmd.Args, args...), "--log-level", "debug")
	cmd.Stderr = closedPipe()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	for range 3 { // each of them is something for the log
		f, err := conn.Dial(modetest.Patient(t), "unix", path, conn.Options{Authkey: []byte("secret")})
		if err != nil {
			t.Fatal(err)
		}
		f.Send(modetest.Patient(t), []byte("no pickle"))
		if _, err := f.Recv(modetest.Patient(t)); err != nil {
			t.Errorf("after a message that nobody reads: %v", err)
		}
		f.Close()
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// stubborn is a client that does not read a reply that does not fit the socket.
func stubborn(t *testing.T, d *daemon) *conn.Framed {
	t.Helper()
	f, err := conn.Dial(modetest.Patient(t), d.network, d.address, conn.Options{Authkey: []byte("secret")})
	if err != nil {
		t.Fatal(err)
	}
	exchange := func(request string) []byte {
		if err := f.Send(modetest.Patient(t), []byte(request)); err != nil {
			t.Fatal(err)
		}
		reply, err := f.Recv(modetest.Patient(t))
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	exchange("\x80\x04(N\x8c\x11accept_connection\x8c\x01x\x85}t.")
	size := 16 << 20
	large := "X" + string([]byte{byte(size), byte(size >> 8), byte(size >> 16), byte(size >> 24)}) + strings.Repeat("x", size)
	graph, err := pickle.Decode(exchange("\x80\x04(\x8c\x010\x8c\x06create\x8c\x05Value\x8c\x01O" + large + "\x87}t."))
	if err != nil {
		t.Fatal(err)
	}
	ident := graph.(*pickle.Tuple).Items[1].(*pickle.Tuple).Items[0].(string)
	if err := f.Send(modetest.Patient(t), []byte("\x80\x04(\x8c"+string([]byte{byte(len(ident))})+ident+"\x8c\x03get)}t.")); err != nil {
		t.Fatal(err)
	}
	// The beginning of the reply has come, the rest waits for room.
	if _, err := f.NetConn().Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestStopWhileSomebodyDoesNotRead: after the timeout, or a second signal, it is cut off, and the server says so.
func TestStopWhileSomebodyDoesNotRead(t *testing.T) {
	for _, second := range []bool{false, true} {
		timeout := "1ms"
		if second {
			timeout = "1h"
		}
		d := startServe(t, nil, "--authkey-file", keyFile(t, "secret\n", 0o600), "--shutdown-timeout", timeout)
		f := stubborn(t, d)
		d.Process.Signal(syscall.SIGTERM)
		if second {
			stop := make(chan struct{})
			defer close(stop)
			go func() { // one signal that comes while another is delivered may be lost
				for {
					select {
					case <-stop:
						return
					case <-time.After(10 * time.Millisecond):
						d.Process.Signal(syscall.SIGINT)
					}
				}
			}()
		}
		d.end(t, exitFail)
		if !strings.Contains(d.stderr.String(), "cut off") {
			t.Errorf("it says %s", d.stderr.String())
		}
		f.Close()
	}
}

// TestTwoSignalsAtOnce: as timeout(1) sends them. If nothing is cut off, all is in good order.
func TestTwoSignalsAtOnce(t *testing.T) {
	for range 20 {
		d := startServe(t, nil, "--authkey-file", keyFile(t, "secret\n", 0o600))
		f, err := conn.Dial(modetest.Patient(t), d.network, d.address, conn.Options{Authkey: []byte("secret")})
		if err != nil {
			t.Fatal(err)
		}
		d.Process.Signal(syscall.SIGTERM)
		d.Process.Signal(syscall.SIGINT)
		d.end(t, exitOK)
		f.Close()
	}
}
