package psync_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
)

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
		early := newMutex(t)
		if early.String() == mu.String() {
			t.Fatal("the memory of a lock that is held was given away")
		}
		g.Unlock()
		heir := newMutex(t) // where mu was, for what is free is used first
		if heir.String() != mu.String() {
			t.Fatalf("the memory of %v was not freed by its last holder", mu)
		}
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
		if p := modetest.PanicOf(h.Unlock); p != nil {
			t.Errorf("after %d locks: the guard of a closed lock has spoilt another: %v", ticket, p)
		}
		wantFree(t, heir)
		heir.Close()
		early.Close()
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

// TestCloseManyWhileWaiting: more waiters than a process has threads for; none of the locks is released.
func TestCloseManyWhileWaiting(t *testing.T) {
	const n = 40
	sleeping := onSleep(t)
	waited := make(chan error, n)
	var locks []*psync.Mutex
	var guards []psync.Guard
	for range n {
		mu := newMutex(t)
		locks, guards = append(locks, mu), append(guards, mustLock(t, mu))
		go func() {
			_, err := mu.Lock(modetest.Patient(t))
			waited <- err
		}()
		modetest.Receive(t, sleeping, "waiter")
	}
	for _, mu := range locks {
		if err := mu.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range n {
		if err := modetest.Receive(t, waited, "end of a waiter"); !errors.Is(err, psync.ErrClosed) {
			t.Fatalf("a waiter: %v", err)
		}
	}
	for _, g := range guards {
		g.Unlock()
	}
}

// TestCloseAsOneFallsAsleep: the last look of a waiter is before the Close, its sleep after it.
func TestCloseAsOneFallsAsleep(t *testing.T) {
	mu := newMutex(t)
	g := mustLock(t, mu)
	var once sync.Once
	crashpoint.Set(func(name string) {
		if name == "lock.sleep" {
			once.Do(func() { mu.Close() })
		}
	})
	defer crashpoint.Set(nil)
	waited := make(chan error, 1)
	go func() {
		_, err := mu.Lock(modetest.Patient(t))
		waited <- err
	}()
	if err := modetest.Receive(t, waited, "end of the waiter"); !errors.Is(err, psync.ErrClosed) {
		t.Error(err)
	}
	g.Unlock()
}

// TestLockBeforeFinish: the lock was closed and released, and is not freed yet.
func TestLockBeforeFinish(t *testing.T) {
	mu := newMutex(t)
	sleeping := onSleep(t)
	g := mustLock(t, mu)
	waited := make(chan error, 1)
	go func() {
		_, err := mu.Lock(modetest.Patient(t))
		waited <- err
	}()
	modetest.Receive(t, sleeping, "waiter")
	mu.Close()
	var begun atomic.Bool // not a Once: what is called here comes by again
	crashpoint.Set(func(name string) {
		if name == "lock.freed" && begun.CompareAndSwap(false, true) {
			if _, err := mu.Lock(t.Context()); !errors.Is(err, psync.ErrClosed) {
				t.Errorf("Lock: %v", err)
			}
			if _, ok := mu.TryLock(); ok {
				t.Error("TryLock")
			}
		}
	})
	defer crashpoint.Set(nil)
	g.Unlock()
	if err := modetest.Receive(t, waited, "end of the waiter"); !errors.Is(err, psync.ErrClosed) {
		t.Error(err)
	}
	if _, err := mu.MarshalBinary(); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("MarshalBinary: %v", err)
	}
}

// TestCloseBesideSlowWait: a Close finds one who has got a permit that nobody will release, and who has not left the queue yet. Then that
// one frees the semaphore.
func TestCloseBesideSlowWait(t *testing.T) {
	s := newSemaphore(t, 0)
	sleeping := make(chan struct{}, 1)
	var closing atomic.Bool
	crashpoint.Set(func(name string) {
		switch {
		case name == "sema.sleep":
			select {
			case sleeping <- struct{}{}:
			default:
			}
		case name == "sema.leave" && closing.CompareAndSwap(false, true):
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	defer crashpoint.Set(nil)
	waited := make(chan error, 1)
	go func() { waited <- s.Wait(modetest.Patient(t)) }()
	modetest.Receive(t, sleeping, "waiter")
	must(t, s.Post())
	must(t, modetest.Receive(t, waited, "end of the waiter"))
	if !closing.Load() {
		t.Fatal("the waiter did not come by")
	}
	if heir := newSemaphore(t, 0); heir.String() != s.String() { // what is free is used first
		t.Errorf("the memory of %v was not freed: the next is %v", s, heir)
	}
}
