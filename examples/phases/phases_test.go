package main

import (
	"testing"

	"github.com/multiproc-go/multiproc/examples/internal/expect"
)

func TestMain(m *testing.M) { expect.Main(m) }

func TestPhases(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		for range 5 { // who is where when one dies is chance
			program.Prints(t, "expected.txt", mode)
		}
	})
}

func TestNoRace(t *testing.T) {
	expect.BuildRace(t).Prints(t, "expected.txt", expect.Goroutines)
}
