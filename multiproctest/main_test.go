package multiproctest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/multiproctest"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(leakEnv); name != "" && len(leaks[name].report) > 0 {
		multiproctest.SetPatience(100 * time.Millisecond) // it will not end by itself
	}
	multiproctest.Main(m)
}

// leakEnv names what TestLeaky leaves behind.
const leakEnv = "MULTIPROCTEST_LEAK"

const shmName = "/dev/shm/multiproctest-leak"

var idle = multiproc.Proc("idle", func(ctx context.Context, _ multiproc.None) error {
	<-ctx.Done()
	return nil
})

type leak struct {
	leave  func(t *testing.T)
	report []string
	linux  bool // the others are found everywhere
}

// leaks leave something behind. Each says so by what the report must then contain.
var leaks = map[string]leak{
	"nothing": {leave: func(t *testing.T) {}},
	"goroutine": {
		leave:  func(*testing.T) { go leftGoroutine() },
		report: []string{"LEAK: goroutine: ", "leftGoroutine", "1 things"},
	},
	"value": {
		leave: func(t *testing.T) {
			for range 2 { // from one line: twice is still twice
				if _, err := shm.NewValue(1); err != nil {
					t.Error(err)
				}
			}
		},
		report: []string{"LEAK: not closed: value", "main_test.go", "2 things"},
	},
	"mutex": {
		leave:  func(*testing.T) { psync.NewMutex() },
		report: []string{"LEAK: not closed: mutex", "main_test.go", "1 things"},
	},
	"descriptor": {
		leave: func(t *testing.T) {
			f, err := os.Open(os.DevNull)
			if err != nil {
				t.Error(err)
			}
			kept = f
		},
		report: []string{"LEAK: descriptor: ", "/dev/null", "1 things"},
		linux:  true,
	},
	"child": {
		leave: func(t *testing.T) {
			cmd := exec.Command("cat")
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd.Stdin, kept = r, w
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			r.Close()
		},
		report: []string{"LEAK: child process: ", " cat"},
		linux:  true,
	},
	"member": {
		leave: func(t *testing.T) {
			if _, err := idle.Start(context.Background(), multiproc.None{}); err != nil {
				t.Error(err)
			}
		},
		report: []string{"LEAK: member of the family: "},
	},
	"name": {
		leave: func(t *testing.T) {
			if err := os.WriteFile(shmName, nil, 0o600); err != nil {
				t.Error(err)
			}
		},
		report: []string{"LEAK: name in shared memory: " + shmName, "1 things"},
		linux:  true,
	},
}

var kept *os.File // keeps the garbage collector from closing it

func leftGoroutine() { select {} }

// TestLeaky does nothing unless another test runs it in a process of its own.
func TestLeaky(t *testing.T) {
	if name := os.Getenv(leakEnv); name != "" {
		leaks[name].leave(t)
	}
}

// TestLeaksAreFound: a check that never fails would be easy to write.
func TestLeaksAreFound(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, leak := range leaks {
		t.Run(name, func(t *testing.T) {
			if leak.linux && runtime.GOOS != "linux" {
				t.Skip("NOT RUN: only Linux tells what a process has")
			}
			if name == "name" {
				t.Cleanup(func() { os.Remove(shmName) })
			} else {
				t.Parallel() // and so after that one, whose leak all would see
			}
			cmd := exec.Command(exe, "-test.run=^TestLeaky$", "-test.v")
			cmd.Env = append(os.Environ(), leakEnv+"="+name)
			out, err := cmd.CombinedOutput()
			exit, failed := errors.AsType[*exec.ExitError](err)
			switch {
			case !strings.Contains(string(out), "--- PASS: TestLeaky"):
				t.Errorf("the test itself did not pass: %v\n%s", err, out)
			case len(leak.report) == 0 && err != nil:
				t.Errorf("%v\n%s", err, out)
			case len(leak.report) > 0 && (!failed || exit.ExitCode() != 1):
				t.Errorf("not found: %v\n%s", err, out)
			}
			for _, text := range leak.report {
				if !strings.Contains(string(out), text) {
					t.Errorf("the report lacks %q:\n%s", text, out)
				}
			}
		})
	}
}
