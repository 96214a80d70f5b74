package psync_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
)

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
