package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/examples/internal/expect"
)

func TestMain(m *testing.M) { expect.Main(m) }

func TestPython(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skipf("NOT RUN: processes in Python: %v", err)
	}
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		program.Prints(t, "expected.txt", mode)
	})
}

// TestWithoutPython needs none.
func TestWithoutPython(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		out := program.Run(t, mode, "-python", "0", "-go", "2", "-rounds", "10")
		if out.Code != 0 || !strings.Contains(out.Stdout, "20 items; in the list: 20 numbers") {
			t.Errorf("two processes in Go: %+v", out)
		}
		out = program.Run(t, mode, "-interpreter", "no-such-python")
		if out.Code != 1 || !strings.Contains(out.Stderr, "no-such-python") {
			t.Errorf("an interpreter that is not there: %+v", out)
		}
	})
}
