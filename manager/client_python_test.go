package manager_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
)

// pyVersion is one interpreter to test against.
type pyVersion struct {
	path  string
	minor int // of 3.minor
}

func (p pyVersion) String() string { return fmt.Sprintf("3.%d", p.minor) }

// pyVersions finds one of each age, whose managers differ: under pyenv there may be all; otherwise what python3
// on PATH is.
func pyVersions(t testing.TB) []pyVersion {
	t.Helper()
	root := os.Getenv("PYENV_ROOT")
	if home, err := os.UserHomeDir(); root == "" && err == nil {
		root = filepath.Join(home, ".pyenv")
	}
	var candidates []string
	for _, minor := range []string{"8", "11", "13"} {
		found, _ := filepath.Glob(filepath.Join(root, "versions", "3."+minor+"*", "bin", "python3"))
		candidates = append(candidates, found...)
	}
	var list []pyVersion
	for _, path := range append(candidates, "python3") {
		output, err := exec.Command(path, "-c", "import sys; print(sys.implementation.name, sys.version_info[1])").Output()
		name, minor, _ := strings.Cut(strings.TrimSpace(string(output)), " ")
		number, numberErr := strconv.Atoi(minor)
		same := slices.ContainsFunc(list, func(p pyVersion) bool { return p.minor == number })
		if err == nil && numberErr == nil && name == "cpython" && !same {
			list = append(list, pyVersion{path, number})
		}
	}
	if len(list) == 0 {
		t.Skip("NOT RUN: against CPython's multiprocessing.managers, because there is no python3 on PATH")
	}
	return list
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
	s.cmd = exec.Command(p.path, args...)
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
