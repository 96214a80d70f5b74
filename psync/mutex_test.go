package psync_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

var errTest = errors.New("test")

type counting struct {
	Mu    *psync.Mutex
	Total *shm.Value[int64]
	Times int
}

// increment is the lost update, unless the lock does what it is for.
var increment = multiproc.Proc("increment", func(ctx context.Context, c counting) error {
	for range c.Times {
		g, err := c.Mu.Lock(ctx)
		if err != nil {
			return err
		}
		c.Total.Store(c.Total.Load() + 1)
		g.Unlock()
	}
	return nil
})

func TestMutexBetweenProcesses(t *testing.T) {
	total, err := shm.NewValue[int64](0)
	if err != nil {
		t.Fatal(err)
	}
	defer total.Close()
	c := counting{newMutex(t), total, 3000}
	const children, goroutines = 4, 3
	var started []*multiproc.Process
	for range children {
		p, err := multiproc.Start(t.Context(), increment.With(c))
		if err != nil {
			t.Fatal(err)
		}
		started = append(started, p)
	}
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range c.Times {
				if err := c.Mu.Do(modetest.Patient(t), func() error { total.Store(total.Load() + 1); return nil }); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, p := range started {
		if err := p.Wait(modetest.Patient(t)); err != nil {
			t.Error(err)
		}
	}
	if got, want := total.Load(), int64((children+goroutines)*c.Times); got != want {
		t.Errorf("%d, want %d", got, want)
	}
}

func TestTryLock(t *testing.T) {
	mu := newMutex(t)
	g, ok := mu.TryLock()
	if !ok {
		t.Fatal("a new lock is held")
	}
	if g.Abandoned() {
		t.Error("a new lock is abandoned")
	}
	if h, ok := mu.TryLock(); ok || modetest.PanicOf(h.Unlock) == nil {
		t.Errorf("taken twice: %v; or the guard of a failure can be unlocked", ok)
	}
	g.Unlock()
	wantFree(t, mu)
	g = mustLock(t, mu)
	if _, ok := mu.TryLock(); ok {
		t.Error("taken while locked")
	}
	g.Unlock()
	wantFree(t, mu)
}

func TestDo(t *testing.T) {
	mu := newMutex(t)
	ctx := modetest.Patient(t)
	ran := 0
	if err := mu.Do(ctx, func() error {
		ran++
		if _, ok := mu.TryLock(); ok {
			t.Error("not locked inside")
		}
		return nil
	}); err != nil || ran != 1 {
		t.Errorf("%v, ran %d times", err, ran)
	}
	wantFree(t, mu)
	if err := mu.Do(ctx, func() error { return errTest }); err != errTest {
		t.Error(err)
	}
	wantFree(t, mu)
	if p := modetest.PanicOf(func() { mu.Do(ctx, func() error { panic(errTest) }) }); p != errTest {
		t.Errorf("panic %v", p)
	}
	wantAbandoned(t, mu)
	ended := make(chan bool)
	go func() {
		defer close(ended)
		mu.Do(ctx, func() error { runtime.Goexit(); return nil })
	}()
	<-ended
	wantAbandoned(t, mu)
	if err := mu.Do(modetest.Ended(), never); !errors.Is(err, context.Canceled) {
		t.Errorf("Do with an ended context: %v", err)
	}
}

func never() error { panic("it must not run") }

// wantAbandoned repairs what a panic has left.
func wantAbandoned(t *testing.T, mu *psync.Mutex) {
	t.Helper()
	ctx := modetest.Patient(t)
	if err := mu.Do(ctx, never); !errors.Is(err, psync.ErrAbandoned) {
		t.Errorf("Do: %v; want ErrAbandoned", err)
	}
	if err := mu.Repair(ctx, func() error { return nil }); err != nil {
		t.Error(err)
	}
	wantFree(t, mu)
}

func TestRepairOfTheUnbroken(t *testing.T) {
	mu := newMutex(t)
	ctx := modetest.Patient(t)
	if err := mu.Repair(ctx, func() error { return nil }); err != nil {
		t.Error(err)
	}
	if err := mu.Repair(ctx, func() error { return errTest }); err != errTest {
		t.Error(err)
	}
	if p := modetest.PanicOf(func() { mu.Repair(ctx, func() error { panic(errTest) }) }); p != errTest {
		t.Errorf("panic %v", p)
	}
	g := mustLock(t, mu)
	if !g.Abandoned() {
		t.Error("not abandoned after a repair that panicked")
	}
	g.Repaired()
	g.Repaired()
	if g.Abandoned() {
		t.Error("abandoned")
	}
	g.Unlock()
}

// wantGuardError checks that f panics with what names op.
func wantGuardError(t *testing.T, what, op string, f func()) {
	t.Helper()
	p := modetest.PanicOf(f)
	if e, ok := p.(*psync.GuardError); !ok || e.Op != op || !strings.Contains(e.Error(), op) {
		t.Errorf("%s: panic %v", what, p)
	}
}

func TestUsedGuards(t *testing.T) {
	mu := newMutex(t)
	g := mustLock(t, mu)
	clone := g
	g.Unlock()
	check := func(what string, g psync.Guard) {
		t.Helper()
		wantGuardError(t, what, "Unlock", g.Unlock)
		wantGuardError(t, what, "Repaired", g.Repaired)
	}
	check("twice", g)
	check("a copy", clone)
	check("the zero guard", psync.Guard{})
	wantGuardError(t, "the zero guard", "Abandoned", func() { psync.Guard{}.Abandoned() })

	held := mustLock(t, mu) // by the same process: the owner word is the same again
	check("after another acquisition", g)
	check("its copy", clone)
	if _, ok := mu.TryLock(); ok {
		t.Error("a used guard has unlocked what somebody else holds")
	}
	copied := held
	copied.Unlock() // a copy is as good, once
	check("whose copy was unlocked", held)
	wantFree(t, mu)

	// A ticket that is one behind, two behind, and many.
	var old []psync.Guard
	for range 10 {
		g := mustLock(t, mu)
		g.Unlock()
		old = append(old, g)
	}
	g = mustLock(t, mu)
	for i, o := range old {
		check(fmt.Sprint("guard ", i, " of 10"), o)
	}
	g.Unlock()

	other := newMutex(t)
	h := mustLock(t, other)
	check("of another lock", old[0])
	h.Unlock()
}

func TestMutexString(t *testing.T) {
	a, b := newMutex(t), newMutex(t)
	if a.String() == b.String() || fmt.Sprint(a) != a.String() || !strings.HasPrefix(a.String(), "mutex@") {
		t.Errorf("%v and %v", a, b)
	}
	if !a.Equal(a) || a.Equal(b) || b.Equal(a) || a.Equal(new(psync.Mutex)) {
		t.Error("Equal is wrong")
	}
	handle := a.String()
	a.Close()
	if c := newMutex(t); c.Equal(a) { // in the same place
		t.Errorf("%v is equal to the closed %v", c, handle)
	}
}
