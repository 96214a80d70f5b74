package multiproc_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/multiproctest"
)

// programEnv makes this test binary be one of the programs instead.
const programEnv = "MULTIPROC_TEST_PROGRAM"

// addrEnv tells a program where the post is.
const addrEnv = "MULTIPROC_TEST_ADDR"

func TestMain(m *testing.M) {
	if name := os.Getenv(programEnv); name != "" {
		programs[name]()
		return
	}
	multiproctest.Main(m)
}

// watchdog bounds every wait of these tests; it says nothing about speed.
const watchdog = 60 * time.Second

// patient is a context for waits that are expected to end.
func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	t.Cleanup(cancel)
	return ctx
}

// processOnly lists the tests that make no sense in goroutine mode, and why.
var processOnly = map[string]string{
	"TestExitCodes":                "os.Exit in a goroutine ends everything",
	"TestNoMain":                   "a goroutine has no main function",
	"TestWaitingTakesNoThreads":    "a goroutine is not waited for by a thread",
	"TestPanicElsewhere":           "a panic of another goroutine ends everything",
	"TestSignalDeath":              "a goroutine has no signals",
	"TestKill":                     "a goroutine cannot be killed",
	"TestGraceKill":                "a goroutine cannot be killed",
	"TestStuckBeforeArgument":      "the argument does not travel",
	"TestDaemonKilled":             "a goroutine cannot be killed",
	"TestSignalReachesEntry":       "a goroutine has no signals",
	"TestInterruptIsDropped":       "a goroutine has no signals",
	"TestStdio":                    "a goroutine has no descriptors of its own",
	"TestDirAndEnv":                "a goroutine has no directory and environment of its own",
	"TestLimits":                   "a goroutine has no limits of its own",
	"TestCPULimit":                 "a goroutine has no limits of its own",
	"TestChildArguments":           "a goroutine has no arguments of its own",
	"TestDescriptorsOfChild":       "a goroutine has no descriptors of its own",
	"TestExecByChild":              "exec in a goroutine replaces everything",
	"TestParentDeath":              "a goroutine's parent cannot be killed",
	"TestTreeDeath":                "a goroutine's parent cannot be killed",
	"TestOrphanDoesNotHeed":        "a goroutine's parent cannot be killed",
	"TestSignalsEndProgram":        "the signals' effect on processes",
	"TestSecondInterrupt":          "the signals' effect on processes",
	"TestMarkInheritedByForeigner": "there is no mark",
	"TestProgramsStartedByInit":    "there is no mark",
	"TestDeletedExecutable":        "nothing is executed",
	"TestUnknownEntry":             "there is one registry",
	"TestForeignMark":              "there is no mark",
	"TestKilledBeforeFiles":        "the argument does not travel",
	"TestTooManyFilesForChild":     "a goroutine has no limits of its own",
	"TestTooManyFilesForParent":    "the result does not travel",
	"TestInGoroutineMode":          "this is it",
}

// needProcess skips a test in goroutine mode. The reason is in the list above,
// for all to see.
func needProcess(t testing.TB) {
	t.Helper()
	reason, ok := processOnly[t.Name()]
	if !ok {
		t.Fatalf("%s is not in the list of tests that need a process", t.Name())
	}
	if family.ModeOf() == family.Goroutines {
		t.Skipf("NOT RUN in goroutine mode: %s", reason)
	}
}

// TestInGoroutineMode runs all the tests over again.
func TestInGoroutineMode(t *testing.T) {
	needProcess(t)
	args := []string{"-test.count=1", "-test.v", "-test.timeout=5m"}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	cmd := exec.Command(executable(t), args...)
	cmd.Env = append(os.Environ(), "MULTIPROC_MODE=goroutines")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	skipped := strings.Count(string(out), "NOT RUN")
	t.Logf("%d tests passed, %d need a process", strings.Count(string(out), "\n--- PASS"), skipped)
	if skipped != len(processOnly) {
		t.Errorf("the list of tests that need a process has %d names, but %d were skipped", len(processOnly), skipped)
	}
}

func executable(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}
