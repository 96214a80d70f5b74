package psync_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
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
	if h, ok := mu.TryLock(); ok || panicOf(h.Unlock) == nil {
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
	if p := panicOf(func() { mu.Do(ctx, func() error { panic(errTest) }) }); p != errTest {
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
	if p := panicOf(func() { mu.Repair(ctx, func() error { panic(errTest) }) }); p != errTest {
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
	p := panicOf(f)
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

// onSleep counts the goroutines that are about to sleep for a lock.
func onSleep(t *testing.T) <-chan bool {
	sleeping := make(chan bool, 1000)
	crashpoint.Set(func(name string) {
		if name == "lock.sleep" {
			select {
			case sleeping <- true:
			default:
			}
		}
	})
	t.Cleanup(func() { crashpoint.Set(nil) })
	return sleeping
}

func TestContextBefore(t *testing.T) {
	mu := newMutex(t)
	for range 3 {
		g, err := mu.Lock(modetest.Ended())
		if err != nil {
			t.Fatalf("a free lock, and ctx has ended: %v", err)
		}
		g.Unlock()
	}
	g := mustLock(t, mu)
	cause, cancel := context.WithCancelCause(t.Context())
	cancel(errTest)
	past, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer stop()
	for ctx, want := range map[context.Context]error{modetest.Ended(): context.Canceled, cause: context.Canceled, past: context.DeadlineExceeded} {
		h, err := mu.Lock(ctx)
		if err != want || h != (psync.Guard{}) {
			t.Errorf("a held lock: %v, %v, want %v", h, err, want)
		}
		if err := mu.Do(ctx, func() error { t.Error("ran"); return nil }); err != want {
			t.Errorf("Do: %v", err)
		}
		if err := mu.Repair(ctx, func() error { t.Error("ran"); return nil }); err != want {
			t.Errorf("Repair: %v", err)
		}
	}
	g.Unlock()
	wantFree(t, mu)
}

// TestContextWhileWaiting: of several waiters each second one gives up, the one that
// waits in the kernel for the others included.
func TestContextWhileWaiting(t *testing.T) {
	mu := newMutex(t)
	sleeping := onSleep(t)
	g := mustLock(t, mu)
	const waiters = 10
	gaveUp, served := make(chan error, waiters), make(chan error, waiters)
	ctx, cancel := context.WithCancelCause(t.Context())
	for i := range waiters {
		go func() {
			if i%2 == 0 {
				_, err := mu.Lock(ctx)
				gaveUp <- err
				return
			}
			g, err := mu.Lock(modetest.Patient(t))
			if err == nil {
				g.Unlock()
			}
			served <- err
		}()
		if i == 0 {
			modetest.Receive(t, sleeping, "first waiter") // it is the one in the kernel
		}
	}
	cancel(errTest)
	for range waiters / 2 {
		if err := modetest.Receive(t, gaveUp, "end of a waiter"); err != context.Canceled {
			t.Errorf("its ctx ended: %v", err)
		}
	}
	if _, ok := mu.TryLock(); ok {
		t.Error("the lock is not held any more")
	}
	g.Unlock()
	for range waiters / 2 {
		if err := modetest.Receive(t, served, "end of a waiter"); err != nil {
			t.Errorf("its ctx had not ended: %v", err)
		}
	}
	wantFree(t, mu)
}

// TestUnlockAgainstCancel lets the two meet again and again: either the waiter has the
// lock, or the lock is free; and the third one gets it either way.
func TestUnlockAgainstCancel(t *testing.T) {
	mu := newMutex(t)
	sleeping := onSleep(t)
	for range 300 {
		g := mustLock(t, mu)
		ctx, cancel := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() {
			g, err := mu.Lock(ctx)
			if err == nil {
				g.Unlock()
			}
			first <- err
		}()
		modetest.Receive(t, sleeping, "waiter")
		go func() {
			g, err := mu.Lock(modetest.Patient(t))
			if err == nil {
				g.Unlock()
			}
			second <- err
		}()
		go cancel()
		g.Unlock()
		if err := modetest.Receive(t, first, "end of the first"); err != nil && err != context.Canceled {
			t.Fatal(err)
		}
		if err := modetest.Receive(t, second, "end of the second"); err != nil {
			t.Fatal(err)
		}
		for len(sleeping) > 0 {
			<-sleeping
		}
	}
	wantFree(t, mu)
}

// TestStress: many goroutines on one lock, some of which lose their patience at a
// random moment; nobody is ever inside with another, and nobody is forgotten.
func TestStress(t *testing.T) {
	const goroutines, rounds = 200, 40
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	mu := newMutex(t)
	var inside, entered, cancelled atomic.Int64
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for range rounds {
				ctx, cancel := modetest.Patient(t), context.CancelFunc(func() {})
				impatient := r.IntN(3) == 0
				if impatient {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(r.IntN(2_000_000)))
				}
				var g psync.Guard
				var err error
				if ok := r.IntN(10) == 0; ok {
					g, ok = mu.TryLock()
					if !ok {
						cancel()
						continue
					}
				} else {
					g, err = mu.Lock(ctx)
				}
				cancel()
				if err != nil {
					cancelled.Add(1)
					if !impatient || err != context.DeadlineExceeded {
						t.Errorf("seed %d: %v", seed, err)
					}
					continue
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("seed %d: %d inside", seed, n)
				}
				entered.Add(1)
				for range r.IntN(3) {
					runtime.Gosched()
				}
				inside.Add(-1)
				g.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("entered %d times, cancelled %d times", entered.Load(), cancelled.Load())
	if entered.Load() == 0 {
		t.Error("nobody ever got in")
	}
	wantFree(t, mu)
}

func TestMutexAfterClose(t *testing.T) {
	mu := newMutex(t)
	text, err := mu.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	g := mustLock(t, mu)
	g.Unlock()
	if err := mu.Close(); err != nil {
		t.Fatal(err)
	}
	for name, mu := range map[string]*psync.Mutex{"closed": mu, "zero": {}} {
		ctx := t.Context()
		_, lock := mu.Lock(ctx)
		_, binary := mu.MarshalBinary()
		_, texted := mu.MarshalText()
		for how, err := range map[string]error{
			"Lock": lock, "MarshalBinary": binary, "MarshalText": texted,
			"Do":     mu.Do(ctx, func() error { t.Error("ran"); return nil }),
			"Repair": mu.Repair(ctx, func() error { t.Error("ran"); return nil }),
			"Close":  mu.Close(), "Close again": mu.Close(),
		} {
			if !errors.Is(err, psync.ErrClosed) {
				t.Errorf("%s of a %s lock: %v", how, name, err)
			}
		}
		if _, ok := mu.TryLock(); ok {
			t.Errorf("TryLock of a %s lock", name)
		}
		_ = mu.String()
	}
	if err := new(psync.Mutex).UnmarshalText(text); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("UnmarshalText: %v", err)
	}
}

// TestCloseWhileHeld: the holder's guard must do no harm to whoever gets the block next.
func TestCloseWhileHeld(t *testing.T) {
	mu := newMutex(t)
	g := mustLock(t, mu)
	if err := mu.Close(); err != nil {
		t.Fatal(err)
	}
	g.Repaired()
	g.Unlock()
	g.Unlock() // without effect, and so is this

	for _, ticket := range []int{0, 1, 2, 3} { // however often the next one has been locked
		mu := newMutex(t)
		g := mustLock(t, mu)
		mu.Close()
		heir := newMutex(t) // where mu was, for what is free is used first
		for range ticket {
			h := mustLock(t, heir)
			h.Unlock()
		}
		h := mustLock(t, heir)
		g.Unlock()
		g.Repaired()
		if _, ok := heir.TryLock(); ok {
			t.Errorf("after %d locks: the guard of a closed lock has unlocked another lock", ticket)
		}
		if p := panicOf(h.Unlock); p != nil {
			t.Errorf("after %d locks: the guard of a closed lock has spoilt another: %v", ticket, p)
		}
		wantFree(t, heir)
		heir.Close()
	}
}

// TestCloseWhileWaiting: all get ErrClosed, also those who look when the block
// is another lock's already.
func TestCloseWhileWaiting(t *testing.T) {
	for range 30 {
		mu := newMutex(t)
		sleeping := onSleep(t)
		g := mustLock(t, mu)
		const waiters = 10
		waited := make(chan error, waiters)
		for range waiters {
			go func() {
				_, err := mu.Lock(modetest.Patient(t))
				waited <- err
			}()
		}
		modetest.Receive(t, sleeping, "waiter")
		if err := mu.Close(); err != nil {
			t.Fatal(err)
		}
		heir := newMutex(t)
		for range waiters {
			if err := modetest.Receive(t, waited, "end of a waiter"); !errors.Is(err, psync.ErrClosed) {
				t.Fatalf("a waiter: %v", err)
			}
		}
		g.Unlock()
		h := mustLock(t, heir)
		if h.Abandoned() {
			t.Fatal("the next lock in that place is abandoned")
		}
		h.Unlock()
		heir.Close()
	}
}

// TestCloseWhileWaitingHeirHeld: nor do they wait for that other lock.
func TestCloseWhileWaitingHeirHeld(t *testing.T) {
	sleeping := onSleep(t)
	for range 10 {
		mu := newMutex(t)
		g := mustLock(t, mu)
		waited := make(chan error, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		go func() {
			_, err := mu.Lock(ctx)
			waited <- err
		}()
		modetest.Receive(t, sleeping, "waiter")
		if err := mu.Close(); err != nil {
			t.Fatal(err)
		}
		heir := newMutex(t)
		h := mustLock(t, heir)
		err := modetest.Receive(t, waited, "end of the waiter")
		cancel()
		g.Unlock()
		h.Unlock()
		heir.Close()
		if !errors.Is(err, psync.ErrClosed) {
			t.Fatalf("it waited for another lock in the same place: %v", err)
		}
	}
}

// closeIt closes the lock of its parent.
var closeIt = multiproc.Proc("closeIt", func(_ context.Context, mu *psync.Mutex) error { return mu.Close() })

func TestCloseByAnotherProcess(t *testing.T) {
	mu := newMutex(t)
	sleeping := onSleep(t)
	g := mustLock(t, mu)
	waited := make(chan error, 1)
	go func() {
		_, err := mu.Lock(modetest.Patient(t))
		waited <- err
	}()
	modetest.Receive(t, sleeping, "waiter")
	p, err := multiproc.Start(t.Context(), closeIt.With(mu))
	if err != nil {
		t.Fatal(err)
	}
	if err := modetest.Receive(t, waited, "end of the waiter"); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("a waiter: %v", err)
	}
	if err := p.Wait(modetest.Patient(t)); err != nil {
		t.Error(err)
	}
	g.Unlock()
	if err := mu.Close(); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("Close after that: %v", err)
	}
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
