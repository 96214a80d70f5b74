package manager_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/pythons"
	"github.com/multiproc-go/multiproc/manager"
)

// interpreters are the Pythons to test against: 3.8 to 3.13 as pyenv has them, and what python3 on PATH is.
func interpreters(t testing.TB) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, p := range pythons.Find() {
		if p.Minor >= 8 {
			found[p.String()] = p.Path
		}
	}
	if len(found) == 0 {
		t.Skip("NOT RUN: against CPython's SyncManager, because there is no python3 on PATH")
	}
	return found
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
	found := interpreters(t)
	for _, version := range []string{"3.8", "3.9", "3.10", "3.11", "3.12", "3.13"} {
		if found[version] == "" {
			t.Logf("NOT RUN: with Python %s, which is not here", version)
		}
	}
	for version, python := range found {
		t.Run(version, func(t *testing.T) {
			s := serve(t, manager.Options{Types: []manager.UserType{counterType()}})
			check(t, python, s)
			if s.Addr().Network() == "unix" { // all those clients have ended, and so have their references
				awaitNoObjects(t, s)
			}
		})
	}
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

// TestPythonOverTCP, and over an abstract socket.
func TestPythonOverOtherNetworks(t *testing.T) {
	found := interpreters(t)
	versions := make([]string, 0, len(found))
	for version := range found {
		versions = append(versions, version)
	}
	slices.Sort(versions)
	python := found[versions[0]]
	for name, o := range map[string]manager.Options{
		"tcp":      {Network: "tcp"},
		"abstract": {Address: fmt.Sprintf("@multiproc-test-%d", os.Getpid())},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "abstract" && slices.Contains(versions, "3.8") {
				python = found[versions[len(versions)-1]] // Python has them from 3.9
			}
			o.Types = []manager.UserType{counterType()}
			check(t, python, serve(t, o), "dict", "nested", "errors", "counts", "usertype", "fork", "killed_client")
		})
	}
}

// TestKilledServer: a Python client whose server is killed gets errors, and does not wait for ever.
func TestKilledServer(t *testing.T) {
	for version, python := range interpreters(t) {
		t.Run(version, func(t *testing.T) {
			server := modetest.Program(t, "memory")
			address, _ := startProgram(t, server)
			t.Cleanup(func() { os.RemoveAll(filepath.Dir(address)) }) // the next server would, after a minute
			client := exec.CommandContext(modetest.Patient(t), python, filepath.Join("testdata", "server_check.py"), address, hex.EncodeToString([]byte("key")), "killed_server")
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
			if !lines.Scan() || lines.Text() != "ready" {
				t.Errorf("the client says %q", lines.Text())
			}
			server.Process.Kill()
			server.Wait()
			for lines.Scan() {
				t.Log(lines.Text())
			}
			if err := client.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}
