// Package modetest is for tests that hold in all the modes of a family: real processes
// with futex_waitv, real processes without it, and goroutines.
package modetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/wait"
)

// Watchdog bounds every wait of a test; it says nothing about speed.
const Watchdog = time.Minute

// Patient is a context for waits that are expected to end.
func Patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Watchdog)
	t.Cleanup(cancel)
	return ctx
}

// Ended is a context that has ended.
func Ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// Receive waits for c, or fails the test.
func Receive[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case x := <-c:
		return x
	case <-time.After(Watchdog):
		t.Fatalf("no %s came", what)
		panic("unreachable")
	}
}

// NeedProcess skips a test in goroutine mode, where what it needs does not exist.
func NeedProcess(t testing.TB, reason string) {
	t.Helper()
	if family.ModeOf() == family.Goroutines {
		t.Skip("NOT RUN in goroutine mode:", reason)
	}
}

// NeedGoroutines skips a test in process mode.
func NeedGoroutines(t testing.TB, reason string) {
	t.Helper()
	if family.ModeOf() == family.Processes {
		t.Skip("NOT RUN in process mode:", reason)
	}
}

// chosen are the settings by which somebody runs the tests in a mode of their choice.
func chosen() []string { return []string{family.EnvMode, wait.EnvVar, lock.EnvRelease} }

// RunInOtherModes runs all tests of the calling binary again in the modes that are not
// the default. One test of a package calls it; skip is a pattern of tests that
// deal with the modes themselves.
func RunInOtherModes(t *testing.T, skip string) {
	args := []string{}
	if skip != "" {
		args = append(args, "-test.skip="+skip)
	}
	if ready(t) {
		again(t, args, family.EnvMode+"=goroutines", wait.EnvVar+"=futex", lock.EnvRelease+"=store")
	}
}

// RunSomeInOtherModes is RunInOtherModes for the tests that match a pattern.
func RunSomeInOtherModes(t *testing.T, pattern string) {
	if ready(t) {
		again(t, []string{"-test.run=" + pattern}, family.EnvMode+"=goroutines", wait.EnvVar+"=futex", lock.EnvRelease+"=store")
	}
}

// RunWith runs the tests of the calling binary that do not match skip again, with each of the settings in the environment.
func RunWith(t *testing.T, skip string, settings ...string) {
	if ready(t) {
		again(t, []string{"-test.skip=" + skip}, settings...)
	}
}

// RunInOtherWays runs the tests of the calling binary that match a pattern again in the other ways of
// real processes.
func RunInOtherWays(t *testing.T, pattern string) {
	if ready(t) {
		again(t, []string{"-test.run=" + pattern}, wait.EnvVar+"=futex", lock.EnvRelease+"=store")
	}
}

func ready(t *testing.T) bool {
	t.Helper()
	for _, env := range chosen() {
		if os.Getenv(env) != "" {
			t.Skipf("NOT RUN: %s is set: somebody runs the tests in the mode of their choice", env)
		}
	}
	NeedProcess(t, "there is no other mode")
	return true
}

func again(t *testing.T, args []string, settings ...string) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args = append(args, "-test.count=1", "-test.v", "-test.timeout=5m")
	if testing.Short() {
		args = append(args, "-test.short")
	}
	for _, setting := range settings {
		t.Run(setting, func(t *testing.T) {
			t.Parallel() // most tests wait most of the time
			cmd := exec.Command(exe, args...)
			cmd.Env = append(os.Environ(), setting)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, withoutPassed(string(out)))
			}
			passed := strings.Count(string(out), "\n--- PASS")
			if passed == 0 {
				t.Fatalf("no test ran:\n%s", out)
			}
			t.Logf("%d tests passed, %d did not run here", passed, strings.Count(string(out), "NOT RUN"))
		})
	}
}

// withoutPassed leaves of a verbose run's output what is worth reading.
func withoutPassed(out string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		if s := strings.TrimSpace(line); !strings.HasPrefix(s, "=== ") && !strings.HasPrefix(s, "--- PASS") && !strings.HasPrefix(s, "--- SKIP") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// programEnv makes a test binary be one of its programs instead.
const programEnv = "MULTIPROC_TEST_MAIN"

// RunProgram is for TestMain: in a process that [Program] describes, it runs the main
// function of that name, of a family of its own, and does not return.
func RunProgram(programs map[string]func() error) {
	name := os.Getenv(programEnv)
	if name == "" {
		return
	}
	if err := programs[name](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Program is the calling test binary as one of its programs, with more in its environment.
func Program(t testing.TB, name string, env ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(append(os.Environ(), programEnv+"="+name), env...)
	return cmd
}

// PanicOf is what f panics with.
func PanicOf(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}
