package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/pickle"
)

// A daemon is multiproc serve, in a process.
type daemon struct {
	*exec.Cmd
	network, address string
	stderr           bytes.Buffer
	more             chan string // what stdout has besides its first line, once it has ended
}

// startServe starts it and waits for the line that it prints. file is descriptor 3.
func startServe(t *testing.T, file *os.File, args ...string) *daemon {
	t.Helper()
	d := &daemon{Cmd: modetest.Program(t, "multiproc"), more: make(chan string, 1)}
	d.Args = append(append(d.Args, "serve"), args...)
	d.Stderr = &d.stderr
	if file != nil {
		d.ExtraFiles = []*os.File{file}
	}
	out, err := d.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d.ProcessState == nil {
			d.Process.Kill()
			d.Wait()
		}
	})
	reader := bufio.NewReader(out)
	line, err := reader.ReadString('\n')
	if err != nil {
		d.Wait()
		t.Fatalf("%v instead of its address: %s", err, d.stderr.String())
	}
	go func() {
		rest, _ := io.ReadAll(reader)
		d.more <- string(rest)
	}()
	text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "listening ")
	if d.network, d.address, err = manager.ParseAddress(text); !ok || err != nil {
		t.Fatalf("it printed %q: %v", line, err)
	}
	return d
}

func (d *daemon) dial(t *testing.T, key string) error {
	t.Helper()
	f, err := conn.Dial(modetest.Patient(t), d.network, d.address, conn.Options{Authkey: []byte(key)})
	if err == nil {
		f.Close()
	}
	return err
}

// end waits for the exit code, and looks at what was printed.
func (d *daemon) end(t *testing.T, code int) {
	t.Helper()
	if more := modetest.Receive(t, d.more, "end of stdout"); more != "" {
		t.Errorf("more on stdout: %q", more)
	}
	d.Wait()
	if got := d.ProcessState.ExitCode(); got != code {
		t.Errorf("it ended with %v, not with code %d: %s", d.ProcessState, code, d.stderr.String())
	}
}

func TestServe(t *testing.T) {
	for name, address := range map[string]string{"private": "", "path": filepath.Join(t.TempDir(), "socket"), "tcp": "127.0.0.1:0"} {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(name+"/"+sig.String(), func(t *testing.T) {
				args := []string{"--authkey-file", keyFile(t, "secret\n", 0o600)}
				if address != "" {
					args = append(args, "--address", address)
				}
				d := startServe(t, nil, args...)
				if err := d.dial(t, "secret"); err != nil {
					t.Error(err)
				}
				if err := d.dial(t, "wrong"); !errors.Is(err, conn.ErrAuthentication) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
					t.Errorf("with the wrong key: %v", err)
				}
				// A client that keeps its connection does not keep the server.
				f, err := conn.Dial(modetest.Patient(t), d.network, d.address, conn.Options{Authkey: []byte("secret")})
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				d.Process.Signal(sig)
				d.end(t, exitOK)
				if _, err := f.Recv(modetest.Patient(t)); err != io.EOF {
					t.Errorf("the client's connection: %v", err)
				}
				if !strings.Contains(d.stderr.String(), "stopping") {
					t.Errorf("the log: %s", d.stderr.String())
				}
				if d.network == "unix" {
					if _, err := os.Lstat(d.address); !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("the socket is left: %v", err)
					}
				}
			})
		}
	}
}

func TestServeKeyFromDescriptor(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		io.WriteString(w, "from a pipe")
		w.Close()
	}()
	d := startServe(t, r, "--authkey-fd", "3", "--log-level", "off")
	if err := d.dial(t, "from a pipe"); err != nil {
		t.Error(err)
	}
	d.Process.Signal(syscall.SIGTERM)
	d.end(t, exitOK)
	if d.stderr.Len() > 0 {
		t.Errorf("with the log off: %s", d.stderr.String())
	}
}

func TestServeFails(t *testing.T) {
	key := keyFile(t, "secret", 0o600)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, args := range map[string][]string{
		"the address is taken":    {"--authkey-file", key, "--address", taken.Addr().String()},
		"the path is too long":    {"--authkey-file", key, "--address", strings.Repeat("a", 200)},
		"no such directory":       {"--authkey-file", key, "--address", filepath.Join(t.TempDir(), "none", "socket")},
		"the key is for everyone": {"--authkey-file", keyFile(t, "secret", 0o644)},
	} {
		code, out, stderr := result(append([]string{"serve"}, args...)...)
		if code != exitFail || out != "" || !strings.HasPrefix(stderr, "multiproc: ") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: %d, %q, %q", name, code, out, stderr)
		}
	}
}

// TestServeAfterDeath: the socket of a server that was killed is no obstacle, unless it is to be.
func TestServeAfterDeath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	args := []string{"--authkey-file", keyFile(t, "secret", 0o600), "--address", path}
	d := startServe(t, nil, args...)
	f, err := conn.Dial(modetest.Patient(t), d.network, d.address, conn.Options{Authkey: []byte("secret")})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if code, _, stderr := result(append([]string{"serve"}, args...)...); code != exitFail || !strings.Contains(stderr, "in use: a server listens there") {
		t.Errorf("a second server at the same address: %d, %s", code, stderr)
	}
	d.Process.Kill()
	d.end(t, -1)
	if _, err := f.Recv(modetest.Patient(t)); err != io.EOF {
		t.Errorf("the client of the dead server: %v", err)
	}
	if code, _, stderr := result(append([]string{"serve", "--replace-dead=false"}, args...)...); code != exitFail || !strings.Contains(stderr, "which --replace-dead would remove") {
		t.Errorf("with --replace-dead=false: %d, %s", code, stderr)
	}
	file := keyFile(t, "no socket", 0o600)
	if code, _, stderr := result("serve", args[0], args[1], "--address", file); code != exitFail || !strings.Contains(stderr, "something else than a socket") {
		t.Errorf("with a file in the way: %d, %s", code, stderr)
	}
	d = startServe(t, nil, args...)
	if err := d.dial(t, "secret"); err != nil {
		t.Error(err)
	}
	d.Process.Signal(syscall.SIGTERM)
	d.end(t, exitOK)
}

// TestServeAskedToStop: by a client, as Python's SyncManager.shutdown does.
func TestServeAskedToStop(t *testing.T) {
	const shutdown = "\x80\x04(N\x8c\x08shutdown)}t." // (None, 'shutdown', (), {})
	for _, refuse := range []bool{false, true} {
		args := []string{"--authkey-file", keyFile(t, "secret", 0o600)}
		if refuse {
			args = append(args, "--refuse-shutdown")
		}
		d := startServe(t, nil, args...)
		f, err := conn.Dial(modetest.Patient(t), d.network, d.address, conn.Options{Authkey: []byte("secret")})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Send(context.Background(), []byte(shutdown)); err != nil {
			t.Fatal(err)
		}
		var replies []string
		for {
			reply, err := f.Recv(modetest.Patient(t))
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			replies = append(replies, string(reply))
		}
		f.Close()
		if refuse {
			if len(replies) != 1 || !strings.Contains(replies[0], "#TRACEBACK") {
				t.Errorf("refused: %q", replies)
			}
			d.Process.Signal(syscall.SIGTERM)
		} else if len(replies) != 2 || !strings.Contains(replies[0], "#RETURN") || replies[0] != replies[1] {
			t.Errorf("the replies are not two of the same: %q", replies)
		}
		d.end(t, exitOK)
	}
}

// TestPythonOfTheHelp runs the program that serve --help shows.
func TestPythonOfTheHelp(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(python, "-c", "import sys; sys.exit(sys.version_info < (3, 9))").Run()
	}
	if err != nil {
		t.Skip("NOT RUN: the help's program, because there is no python3 from 3.9 on PATH")
	}
	_, program, _ := strings.Cut(serveUsage, "In Python:\n")
	program, _, ok := strings.Cut(program, "\nSIGTERM")
	if !ok {
		t.Fatal("the usage has no program")
	}
	file := keyFile(t, "secret\n", 0o600)
	d := startServe(t, nil, "--authkey-file", file, "--log-level", "warn")
	program = strings.ReplaceAll(program, "\n\t", "\n")
	program = strings.ReplaceAll(program, `"FILE"`, `"`+file+`"`)
	program = strings.ReplaceAll(program, `"ADDR"`, `"`+d.address+`"`)
	program += "d['a'] = m.list([1]); d['a'].append(2); print(d['a'][:])\n"
	cmd := exec.CommandContext(modetest.Patient(t), python, "-c", program)
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "[1, 2]\n" {
		t.Errorf("%v: %s\nof\n%s", err, out, program)
	}
	d.Process.Signal(syscall.SIGTERM)
	d.end(t, exitOK)
}

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
