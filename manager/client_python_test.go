package manager_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/pythons"
	"github.com/multiproc-go/multiproc/manager"
)

// pyVersion is one interpreter to test against.
type pyVersion struct{ pythons.Interpreter }

// eachAge runs test with a CPython of each age, whose managers differ.
func eachAge(t *testing.T, test func(t *testing.T, p pyVersion)) {
	pythons.Each(t, func(t *testing.T, p pythons.Interpreter) {
		t.Parallel()
		test(t, pyVersion{p})
	}, 8, 11, 13)
}

// A pyServer is a manager in Python.
type pyServer struct {
	network, address string
	key              []byte
	cmd              *exec.Cmd
}

// serve starts a manager in Python, until the end of the test.
func (p pyVersion) serve(t testing.TB, network string) *pyServer {
	t.Helper()
	s := &pyServer{network: network, key: []byte("a key of the tests")}
	args := []string{filepath.Join("testdata", "served.py"), network}
	if network == "unix" {
		args = append(args, filepath.Join(t.TempDir(), "s"))
	}
	s.cmd = exec.Command(p.Path, args...)
	var stderr bytes.Buffer
	s.cmd.Stderr = &stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = s.cmd.Wait() // it may have been killed
		if t.Failed() && stderr.Len() > 0 {
			t.Logf("Python %v said:\n%s", p, stderr.String())
		}
	})
	if _, err := io.WriteString(in, hex.EncodeToString(s.key)+"\n"); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("Python %v told no address: %v\n%s", p, err, stderr.String())
	}
	s.address = strings.TrimSpace(line)
	return s
}

func (s *pyServer) options() manager.DialOptions { return manager.DialOptions{Authkey: s.key} }

// dial connects to the server, until the end of the test.
func (s *pyServer) dial(t testing.TB) *manager.Client {
	t.Helper()
	c, err := manager.Dial(modetest.Patient(t), s.network, s.address, s.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}
