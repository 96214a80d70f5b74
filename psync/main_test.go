package psync_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/multiproctest"
	"github.com/multiproc-go/multiproc/psync"
)

// programs are main functions of families of their own.
var programs = map[string]func() error{
	"handle": func() error { // prints a handle that means nothing elsewhere
		m, err := psync.NewMutex()
		if err != nil {
			return err
		}
		text, err := m.MarshalText()
		fmt.Println(string(text))
		return err
	},
}

// Here, and in all children, deadlocks are looked for sooner than usual.
var _ = os.Setenv(blocked.EnvPatience, "100ms")

func TestMain(m *testing.M) {
	modetest.RunProgram(programs)
	multiproctest.Main(m)
}

func TestInOtherModes(t *testing.T) {
	t.Parallel()
	modetest.RunInOtherModes(t, "^Test(InOtherModes|WithGoroutinesRecorded|Kill|Crash)")
}

// TestWithGoroutinesRecorded runs all tests with mutexes that belong to goroutines: nobody but the tests of deadlocks sees a difference.
func TestWithGoroutinesRecorded(t *testing.T) {
	t.Parallel()
	modetest.RunWith(t, "^Test(InOtherModes|WithGoroutinesRecorded|Suspected|Kill|Crash)", psync.EnvDeadlock+"=1")
}

// newMutex makes a lock that is closed at the end of the test.
func newMutex(t testing.TB) *psync.Mutex {
	t.Helper()
	mu, err := psync.NewMutex()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mu.Close() })
	return mu
}

// mustLock takes a lock that is free or will be.
func mustLock(t testing.TB, mu *psync.Mutex) psync.Guard {
	t.Helper()
	g, err := mu.Lock(modetest.Patient(t))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// wantFree checks that nobody holds mu.
func wantFree(t testing.TB, mu *psync.Mutex) {
	t.Helper()
	g, ok := mu.TryLock()
	if !ok {
		t.Error("the lock is held")
		return
	}
	g.Unlock()
}
