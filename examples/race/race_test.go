package main

import (
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/examples/internal/expect"
)

// tries is how often luck, good or bad, may keep a race from showing.
const tries = 20

func TestMain(m *testing.M) { expect.Main(m) }

func TestUpdatesAreLost(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		if mode == expect.Goroutines && runtime.GOMAXPROCS(0) == 1 {
			t.Skip("NOT RUN: on one processor a goroutine is done before it has to make way for another")
		}
		for range tries {
			out := program.Run(t, mode)
			if out.Code == 0 && strings.Contains(out.Stdout, "by luck") {
				continue
			}
			expect.Match(t, "expected.txt", out.Stdout)
			if out.Code != 0 || out.Stderr != "" {
				t.Errorf("exit code %d, and on standard error:\n%s", out.Code, out.Stderr)
			}
			return
		}
		t.Errorf("no update was lost in %d runs", tries)
	})
}

func TestLockLosesNothing(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		program.Prints(t, "expected-lock.txt", mode, "-lock")
	})
}

// few increments are enough for the detector, which slows them down.
var few = []string{"-increments", "20000"}

func TestDetectorReportsRace(t *testing.T) {
	program := expect.BuildRace(t)
	for range tries {
		out := program.Run(t, expect.Goroutines, few...)
		if !strings.Contains(out.Stderr, "WARNING: DATA RACE") {
			continue // one was done before the other began
		}
		if out.Code == 0 {
			t.Error("a race was reported, but the exit code is 0")
		}
		accesses := reported(t, out.Stderr)
		if len(accesses) == 0 {
			t.Errorf("no access of this example is in the report:\n%s", out.Stderr)
		}
		stores := false
		for _, access := range accesses {
			stores = stores || access.method == "Store"
			if !strings.Contains(access.source, "j.Total."+access.method+"(") {
				t.Errorf("%s is reported at %q", access.method, access.source)
			}
		}
		if !stores {
			t.Errorf("no Store is in the report:\n%s", out.Stderr)
		}
		return
	}
	t.Errorf("no race was reported in %d runs", tries)
}

func TestDetectorIsSilentUnderLock(t *testing.T) {
	program := expect.BuildRace(t)
	out := program.Run(t, expect.Goroutines, append(few, "-lock")...)
	if out.Code != 0 || out.Stderr != "" {
		t.Errorf("exit code %d, and on standard error:\n%s", out.Code, out.Stderr)
	}
	if !strings.HasPrefix(out.Stdout, "expected 100000, got 100000\n") {
		t.Error(out.Stdout)
	}
}

// access is what a report says of one access: a method of the value, and the line of
// this example that called it.
type access struct {
	method, source string
}

var accessPattern = regexp.MustCompile(`shm\.\(\*Value\[.*\]\)\.(Load|Store)\(\)\n.*\n +main\..*\n.*main\.go:([0-9]+)`)

func reported(t *testing.T, report string) (accesses []access) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(source), "\n")
	for _, match := range accessPattern.FindAllStringSubmatch(report, -1) {
		number, err := strconv.Atoi(match[2])
		if err != nil || number < 1 || number > len(lines) {
			t.Fatalf("there is no line %s in main.go:\n%s", match[2], report)
		}
		accesses = append(accesses, access{match[1], lines[number-1]})
	}
	return accesses
}
