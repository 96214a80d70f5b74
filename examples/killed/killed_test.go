package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/examples/internal/expect"
)

func TestMain(m *testing.M) { expect.Main(m) }

func TestKilled(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		file := "expected.txt"
		if mode == expect.Goroutines {
			file = "expected-goroutines.txt"
		}
		for range 2 {
			program.Prints(t, file, mode, "-quiet", "-tasks", "100", "-kills", "5")
		}
	})
}

func TestBar(t *testing.T) {
	out := expect.Build(t).Run(t, expect.Goroutines, "-tasks", "20")
	if out.Code != 0 || !strings.Contains(out.Stderr, "factoring 100%") || !strings.Contains(out.Stderr, "(20/20") {
		t.Errorf("%+v", out)
	}
}

func TestMistakes(t *testing.T) {
	program := expect.Build(t)
	for _, args := range []string{"-tasks=0", "-kills=-1"} {
		out := program.Run(t, expect.Goroutines, args)
		if out.Code != 1 || !strings.Contains(out.Stderr, "nothing to do") {
			t.Errorf("%s: %+v", args, out)
		}
	}
}

func TestIsRight(t *testing.T) {
	for _, p := range []product{{12, []uint64{2, 3}}, {12, nil}, {15, []uint64{3, 5}}} {
		if got, want := p.isRight(), p.N == 15; got != want {
			t.Error(fmt.Sprint(p, got))
		}
	}
}

func TestNoRace(t *testing.T) {
	expect.BuildRace(t).Prints(t, "expected-goroutines.txt", expect.Goroutines, "-quiet", "-tasks", "100")
}
