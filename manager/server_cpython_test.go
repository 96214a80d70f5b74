package manager_test

import (
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/pythons"
	"github.com/multiproc-go/multiproc/manager"
)

// TestCPythonsTests runs what CPython tests its own managers with, of each version.
func TestCPythonsTests(t *testing.T) {
	const noTests = 3 // the exit code that says so
	t.Parallel()
	eachClient(t, func(t *testing.T, p pythons.Interpreter) {
		t.Parallel() // the tests wait most of the time
		s := serve(t, manager.Options{})
		script, err := filepath.Abs(filepath.Join("testdata", "cpython_tests.py"))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(modetest.Patient(t), p.Path, script, pythonAddress(s), hex.EncodeToString(s.Authkey()))
		cmd.Dir = t.TempDir() // they make folders there, with the same names
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == noTests {
			t.Skipf("NOT RUN: CPython's own tests of managers, because this Python %v has no package test", p)
		}
		text := strings.TrimSpace(string(out))
		last := text[strings.LastIndexByte(text, '\n')+1:]
		t.Log(last)
		if err != nil || !strings.HasSuffix(last, " refused 2") {
			t.Errorf("%v\n%s", err, text)
		}
		if strings.Contains(text, "still exist") || strings.Contains(text, "Warning -- ") {
			t.Errorf("the tests warn:\n%s", text)
		}
		awaitNoObjects(t, s)
	})
}
