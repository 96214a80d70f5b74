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

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
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
