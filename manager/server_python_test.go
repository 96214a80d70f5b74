package manager_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/pythons"
	"github.com/multiproc-go/multiproc/manager"
)

// eachClient runs test with every CPython whose stock clients the server promises to serve.
func eachClient(t *testing.T, test func(t *testing.T, p pythons.Interpreter)) {
	pythons.Each(t, test, 8, 9, 10, 11, 12, 13)
}

// pythonAddress is how the scripts in testdata take an address.
func pythonAddress(s *manager.Server) string { return manager.FormatAddress(s.Addr()) }

// check runs parts of server_check.py, all if none are named.
func check(t *testing.T, python string, s *manager.Server, parts ...string) {
	t.Helper()
	args := append([]string{filepath.Join("testdata", "server_check.py"), pythonAddress(s), hex.EncodeToString(s.Authkey())}, parts...)
	cmd := exec.CommandContext(modetest.Patient(t), python, args...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if n := strings.Count(string(out), "passed "); n < max(len(parts), 1) || len(parts) == 0 && n < 15 {
		t.Errorf("%d parts passed:\n%s", n, out)
	}
}

// TestPythonClients: stock clients of each Python, with everything that the server has.
func TestPythonClients(t *testing.T) {
	t.Parallel()
	eachClient(t, func(t *testing.T, p pythons.Interpreter) {
		t.Parallel()
		s := serve(t, manager.Options{Types: []manager.UserType{counterType()}})
		check(t, p.Path, s)
		awaitNoObjects(t, s) // all those clients have ended, and so have their references
		check(t, p.Path, serve(t, manager.Options{}), "counter")
	})
}

// awaitNoObjects waits until nobody counts a reference any more.
func awaitNoObjects(t *testing.T, s *manager.Server) {
	t.Helper()
	ctx := modetest.Patient(t)
	for ctx.Err() == nil {
		if _, n := ask(t, s, "number_of_objects"); n == int64(0) {
			return
		}
	}
	_, info := ask(t, s, "debug_info")
	t.Errorf("objects are left that nobody refers to:\n%v", info)
}

// TestPythonOverOtherNetworks: over TCP, and over an abstract socket, which Python has from 3.9.
func TestPythonOverOtherNetworks(t *testing.T) {
	for _, network := range []struct {
		name   string
		o      manager.Options
		minors []int
	}{
		{"tcp", manager.Options{Network: "tcp"}, []int{8, 13}},
		{"abstract", manager.Options{Address: fmt.Sprintf("@multiproc-test-%d", os.Getpid())}, []int{9, 13}},
	} {
		t.Run(network.name, func(t *testing.T) {
			pythons.Each(t, func(t *testing.T, p pythons.Interpreter) {
				if network.name == "tcp" { // the Pythons wait for acknowledgements most of the time
					t.Parallel()
				}
				o := network.o
				o.Types = []manager.UserType{counterType()}
				check(t, p.Path, serve(t, o), "dict", "nested", "errors", "counts", "usertype", "fork", "killed_client")
			}, network.minors...)
		})
	}
}

// TestKilledServer: a Python client whose server is killed gets errors, and soon.
func TestKilledServer(t *testing.T) {
	eachClient(t, func(t *testing.T, p pythons.Interpreter) {
		server := modetest.Program(t, "memory")
		address, _ := startProgram(t, server)
		t.Cleanup(func() { os.RemoveAll(filepath.Dir(address)) }) // the next server would, after a minute
		client := exec.CommandContext(modetest.Patient(t), p.Path, filepath.Join("testdata", "server_check.py"), address, hex.EncodeToString([]byte("key")), "killed_server")
		client.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
		client.Stderr = os.Stderr
		out, err := client.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		says := func(want string) {
			if !lines.Scan() || lines.Text() != want {
				t.Errorf("the client says %q, not %q", lines.Text(), want)
			}
		}
		says("ready")
		killed := time.Now()
		server.Process.Kill()
		says("told")
		wantSoon(t, killed)
		server.Wait()
		says("passed killed_server")
		if err := client.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// wantSoon is the promise to the clients of a server that is killed: an error at once. On a machine with much to do that may take seconds.
func wantSoon(t *testing.T, killed time.Time) {
	t.Helper()
	took := time.Since(killed)
	t.Logf("an error after %v", took)
	if took > 20*time.Second {
		t.Errorf("%v from the server's death to the client's error", took)
	}
}
