package expect

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// watchdog bounds a run; it says nothing about speed.
const watchdog = 2 * time.Minute

// A Mode is what children are.
type Mode string

// The modes. Processes is what a program gets that is run without further ado.
const (
	Processes  Mode = ""
	Goroutines Mode = "goroutines"
)

// InBothModes runs test in a subtest for each mode.
func InBothModes(t *testing.T, test func(*testing.T, Mode)) {
	t.Run("processes", func(t *testing.T) {
		NeedProcesses(t)
		test(t, Processes)
	})
	t.Run("goroutines", func(t *testing.T) { test(t, Goroutines) })
}

// NeedProcesses skips the test where children are goroutines.
func NeedProcesses(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skipf("NOT RUN: there are no child processes on %s", runtime.GOOS)
	}
}

// A Program is an example that was built.
type Program struct {
	path string
	Env  []string // in addition to the test's own
}

// A built is a program that several tests share: to link it takes longer than to run it.
type built struct {
	path   string
	output string
	err    error
}

// buildDir is where the programs of one run of the tests are, until Main removes it.
var buildDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir) // as /proc/*/exe will name it
})

var (
	plain    = sync.OnceValue(func() built { return build("plain.exe") })
	withRace = sync.OnceValue(func() built { return build("race.exe", "-race") })
)

// Main is the TestMain of an example: it runs the tests, and removes what they have built.
func Main(m *testing.M) {
	code := m.Run()
	if dir, err := buildDir(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// Build builds the program in the current folder, once for all tests. It skips the test under the race detector, which would
// see nothing of it.
func Build(t testing.TB) Program {
	t.Helper()
	return use(t, plain)
}

// BuildRace builds it with the race detector, or skips the test where there is none.
func BuildRace(t testing.TB) Program {
	t.Helper()
	return use(t, withRace)
}

func use(t testing.TB, get func() built) Program {
	t.Helper()
	if raceEnabled {
		t.Skip("NOT RUN under the race detector: the program is another one, built as without it")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("NOT RUN: no program can be built: %v", err)
	}
	b := get()
	if b.err != nil {
		if noDetector(b.output) {
			t.Skipf("NOT RUN: the race detector cannot be had here: %s", strings.TrimSpace(b.output))
		}
		t.Fatalf("go build: %v\n%s", b.err, b.output)
	}
	return Program{path: b.path}
}

func build(name string, flags ...string) built {
	dir, err := buildDir()
	if err != nil {
		return built{err: err}
	}
	path := filepath.Join(dir, name)
	output, err := exec.Command("go", slices.Concat([]string{"build", "-buildvcs=false", "-o", path}, flags)...).CombinedOutput()
	return built{path, string(output), err}
}

// noDetector knows what go build says where there is no race detector: no cgo, no
// C compiler or no headers for it, no such architecture.
func noDetector(output string) bool {
	for _, said := range []string{"-race requires cgo", "-race is ", "# runtime/cgo"} {
		if strings.Contains(output, said) {
			return true
		}
	}
	return false
}

// An Output is what became of a run.
type Output struct {
	Pid            int
	Code           int // -1 if a signal ended the program
	Stdout, Stderr string
}

// Run runs the program to its end. It fails the test if that does not come, or if children
// outlive the program.
func (p Program) Run(t testing.TB, mode Mode, args ...string) Output {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.WaitDelay = 20 * time.Second // the program's children have its pipes
	cmd.Env = slices.Concat(environment(), []string{"MULTIPROC_MODE=" + string(mode)}, p.Env)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	out := Output{cmd.ProcessState.Pid(), cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	if strings.Contains(out.Stderr, "FATAL: ThreadSanitizer") {
		t.Skipf("NOT RUN: the race detector was built, but does not work here: %s", out.Stderr)
	}
	if ctx.Err() != nil {
		t.Fatalf("still running after %v\n%s%s", watchdog, out.Stdout, out.Stderr)
	}
	if left := p.running(); left != nil {
		t.Fatalf("left behind by the program: %v\n%s%s", left, out.Stdout, out.Stderr)
	}
	return out
}

// Prints runs the program and fails the test unless it succeeds and prints what the
// file says, and nothing to standard error.
func (p Program) Prints(t testing.TB, file string, mode Mode, args ...string) Output {
	t.Helper()
	out := p.Run(t, mode, args...)
	if out.Code != 0 || out.Stderr != "" {
		t.Errorf("exit code %d, and on standard error:\n%s", out.Code, out.Stderr)
	}
	Match(t, file, out.Stdout)
	return out
}

// environment is the test's own without what changes the examples' output.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"MULTIPROC_MODE", "LC_ALL", "LC_MESSAGES", "LANG", "GORACE"}, name)
	})
}

// running finds the processes of the program, where there is a /proc.
func (p Program) running() (pids []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == p.path {
			pids = append(pids, filepath.Base(filepath.Dir(link)))
		}
	}
	return pids
}
