package main

import (
	"testing"

	"github.com/multiproc-go/multiproc/examples/internal/expect"
)

func TestMain(m *testing.M) { expect.Main(m) }

func TestCrash(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		file := "expected.txt"
		if mode == expect.Goroutines {
			file = "expected-goroutines.txt"
		}
		for range 5 {
			program.Prints(t, file, mode)
		}
	})
}

func TestNoRace(t *testing.T) {
	expect.BuildRace(t).Prints(t, "expected-goroutines.txt", expect.Goroutines)
}
