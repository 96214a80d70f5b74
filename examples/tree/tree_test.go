package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/examples/internal/expect"
)

func TestMain(m *testing.M) { expect.Main(m) }

func TestTree(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		out := program.Prints(t, "expected.txt", mode)
		want := 7
		if mode == expect.Goroutines {
			want = 1
		}
		if pids := pidsOf(out.Stdout); len(pids) != want {
			t.Errorf("%d different processes, want %d: %v", len(pids), want, pids)
		}
	})
}

// pidsOf returns the process ids in the output, each once.
func pidsOf(output string) []string {
	pids := regexp.MustCompile(`pid [0-9]+`).FindAllString(output, -1)
	slices.Sort(pids)
	return slices.Compact(pids)
}

func TestShapes(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		for _, shape := range []struct{ depth, fan, processes int }{{1, 2, 1}, {3, 0, 1}, {6, 1, 6}, {2, 20, 21}, {4, 3, 40}} {
			out := program.Run(t, mode, "-depth", fmt.Sprint(shape.depth), "-fan", fmt.Sprint(shape.fan))
			said := fmt.Sprintf("\n%d processes have", shape.processes)
			if out.Code != 0 || !strings.Contains(out.Stdout, said) || strings.Count(out.Stdout, "pid") != shape.processes {
				t.Errorf("%+v: %+v", shape, out)
			}
		}
	})
}

func TestNoRace(t *testing.T) {
	expect.BuildRace(t).Prints(t, "expected.txt", expect.Goroutines)
}

func TestUnreasonable(t *testing.T) {
	for _, shape := range [][2]int{{0, 2}, {3, -1}, {9, 9}, {201, 1}, {math.MaxInt, math.MaxInt}} {
		if err := reasonable(shape[0], shape[1]); err == nil {
			t.Errorf("depth %d, fan %d is not refused", shape[0], shape[1])
		}
	}
	for _, shape := range [][2]int{{1, math.MaxInt}, {math.MaxInt, 0}, {200, 1}, {2, 199}} {
		if err := reasonable(shape[0], shape[1]); err != nil {
			t.Error(err)
		}
	}
}
