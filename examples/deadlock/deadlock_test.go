package main

import (
	"testing"

	"github.com/multiproc-go/multiproc/examples/internal/expect"
)

func TestMain(m *testing.M) { expect.Main(m) }

func TestDeadlock(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) { program.Prints(t, "expected.txt", mode) })
}

func TestVariable(t *testing.T) {
	program := expect.Build(t)
	program.Env = []string{"MULTIPROC_DEADLOCK=1"}
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) { program.Prints(t, "expected-variable.txt", mode) })
}

func TestNoRace(t *testing.T) {
	program := expect.BuildRace(t)
	program.Env = []string{"MULTIPROC_DEADLOCK=1"}
	program.Prints(t, "expected-variable.txt", expect.Goroutines)
}
