package crashtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/wait"
	"github.com/multiproc-go/multiproc/multiproctest"
	"github.com/multiproc-go/multiproc/shm"
)

// dieInInit makes a child die before it has joined its family.
const dieInInit = "MULTIPROC_TEST_DIE_IN_INIT"

func init() {
	if os.Getenv(dieInInit) != "" {
		dieNow()
	}
}

// The environment of the children, and of this process if it is one, or in TestOtherWays.
var (
	_ = os.Setenv(wait.EnvLastResort, "1h")
	_ = os.Setenv(blocked.EnvPatience, "100ms")
)

func TestMain(m *testing.M) {
	if os.Getenv(limitedProgram) != "" {
		multiproc.Config{ArenaLimit: 12 << 20}.Main(runLimited)
	}
	beStray()
	multiproctest.Main(m)
}

// watchdog bounds every wait; it says nothing about speed.
const watchdog = 60 * time.Second

func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), watchdog)
	t.Cleanup(cancel)
	return ctx
}

// needProcess skips a test that kills where there is nothing to kill.
func needProcess(t testing.TB) *family.Member {
	t.Helper()
	if family.ModeOf() != family.Processes {
		t.Skip("needs a real process: a goroutine cannot be killed")
	}
	m, err := family.Current()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestOtherWays runs all tests again without futex_waitv, and with locks that are released by
// a store wherever that can be.
func TestOtherWays(t *testing.T) {
	needProcess(t)
	modetest.RunInOtherWays(t, "^TestKill")
}

func dieNow() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		self.Kill()
	}
	select {}
}

// A death says where a victim dies.
type death struct {
	Point string // of crashpoint.At
	Nth   int    // at the nth time, from 1
	Stage int32  // counted only once the stage has come that far
}

// arm makes this process die there.
func (d death) arm(stage *shm.Value[int32]) {
	n := 0
	crashpoint.Set(func(name string) {
		if name != d.Point || stage != nil && stage.Load() < d.Stage {
			return
		}
		if n++; n == d.Nth {
			dieNow()
		}
	})
}

func newValue[T any](t testing.TB, x T) *shm.Value[T] {
	t.Helper()
	v, err := shm.NewValue(x)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// reach waits until a stage is n or later.
func reach(t testing.TB, v *shm.Value[int32], n int32) {
	t.Helper()
	eventually(t, func() error {
		if got := v.Load(); got < n {
			return fmt.Errorf("stage %d, want %d", got, n)
		}
		return nil
	})
}

// eventually polls until f is content.
func eventually(t testing.TB, f func() error) {
	t.Helper()
	for deadline := time.Now().Add(watchdog); ; time.Sleep(500 * time.Microsecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// asleep waits until every thread of a process sleeps, or is no more.
func asleep(t testing.TB, p *multiproc.Process) {
	t.Helper()
	calm := 0
	eventually(t, func() error {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.Pid()))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it has died where it was to, without a wake: of a sleep that is cut into slices
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range tasks {
			stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/stat", p.Pid(), task.Name()))
			if _, rest, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(rest, "S") {
				calm = 0
				return errors.New("a thread is running")
			}
		}
		if calm++; calm < 4 {
			return errors.New("calm, but not for long")
		}
		return nil
	})
}

// nap is a pause between two looks.
func nap() { time.Sleep(100 * time.Microsecond) }

func start(t testing.TB, task multiproc.Task) *multiproc.Process {
	t.Helper()
	p, err := multiproc.Start(context.WithoutCancel(t.Context()), task)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		<-p.Done()
	})
	return p
}

// killed waits for a victim and makes sure that it died as it should.
func killed(t testing.TB, p *multiproc.Process) {
	t.Helper()
	err := p.Wait(patient(t))
	if sig, ok := errors.AsType[*multiproc.SignalError](err); !ok || sig.Signal != syscall.SIGKILL {
		t.Fatalf("%v ended with %v; want a SIGKILL", p, err)
	}
}

func succeeded(t testing.TB, p *multiproc.Process) {
	t.Helper()
	if err := p.Wait(patient(t)); err != nil {
		t.Fatalf("%v: %v", p, err)
	}
}

// killFor is how long a test kills at random: MULTIPROC_KILL_SECONDS, or a second.
func killFor(t testing.TB) time.Duration {
	if n, err := strconv.Atoi(os.Getenv("MULTIPROC_KILL_SECONDS")); err == nil {
		return time.Duration(n) * time.Second
	}
	if testing.Short() {
		return 300 * time.Millisecond
	}
	return time.Second
}
