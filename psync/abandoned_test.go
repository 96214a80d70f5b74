package psync_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
)

type dying struct {
	Mu  *psync.Mutex
	How string
}

// die ends while it holds a lock, in the ways that are a death in both modes.
var die = multiproc.Proc("die", func(ctx context.Context, d dying) error {
	g, err := d.Mu.Lock(ctx)
	if err != nil {
		return err
	}
	switch d.How {
	case "panic":
		panic("with a guard")
	case "Goexit":
		runtime.Goexit()
	case "error":
		return errTest
	case "try":
		g.Unlock()
		g, _ = d.Mu.TryLock()
	case "late":
		multiproc.AtExit(ctx, func() { g.Unlock() })
	}
	return nil
})

func startDying(t *testing.T, d dying) *multiproc.Process {
	t.Helper()
	p, err := multiproc.Start(t.Context(), die.With(d))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAbandoned(t *testing.T) {
	for _, how := range []string{"return", "error", "panic", "Goexit", "try"} {
		t.Run(how, func(t *testing.T) {
			mu := newMutex(t)
			p := startDying(t, dying{mu, how})
			p.Wait(modetest.Patient(t))
			g := mustLock(t, mu)
			if !g.Abandoned() {
				t.Error("not abandoned")
			}
			g.Unlock() // without a word: it stays so
			g, ok := mu.TryLock()
			if !ok || !g.Abandoned() {
				t.Fatalf("TryLock: %v; abandoned: %v", ok, ok && g.Abandoned())
			}
			g.Unlock()
			ctx := modetest.Patient(t)
			if err := mu.Do(ctx, func() error { t.Error("ran"); return nil }); !errors.Is(err, psync.ErrAbandoned) {
				t.Errorf("Do: %v", err)
			}
			if err := mu.Repair(ctx, func() error { return errTest }); err != errTest {
				t.Errorf("Repair: %v", err)
			}
			modetest.PanicOf(func() { mu.Repair(ctx, func() error { panic(errTest) }) })
			if err := mu.Do(ctx, func() error { return nil }); !errors.Is(err, psync.ErrAbandoned) {
				t.Errorf("Do after repairs that failed: %v", err)
			}
			if err := mu.Repair(ctx, func() error { return nil }); err != nil {
				t.Errorf("Repair: %v", err)
			}
			if err := mu.Do(ctx, func() error { return nil }); err != nil {
				t.Errorf("Do after Repair: %v", err)
			}
		})
	}
}

// TestAbandonedWithEndedContext: an abandoned lock is a free one.
func TestAbandonedWithEndedContext(t *testing.T) {
	mu := newMutex(t)
	startDying(t, dying{mu, "return"}).Wait(modetest.Patient(t))
	g := mustLock(t, mu)
	g.Unlock()
	g, err := mu.Lock(modetest.Ended())
	if err != nil {
		t.Fatal(err)
	}
	if !g.Abandoned() {
		t.Error("not abandoned")
	}
	g.Repaired()
	g.Unlock()
	if g = mustLock(t, mu); g.Abandoned() {
		t.Error("abandoned after Repaired")
	}
	g.Unlock()
}

// TestReleasedAtExit: exit functions still belong to the life of the child.
func TestReleasedAtExit(t *testing.T) {
	mu := newMutex(t)
	if err := startDying(t, dying{mu, "late"}).Wait(modetest.Patient(t)); err != nil {
		t.Fatal(err)
	}
	if g := mustLock(t, mu); g.Abandoned() {
		t.Error("abandoned")
	} else {
		g.Unlock()
	}
}

// TestWaitersOfTheDead: they wait while it dies, and only the first sees more than
// the lock's own memory of it.
func TestWaitersOfTheDead(t *testing.T) {
	const waiters = 8
	mu := newMutex(t)
	g := mustLock(t, mu)
	sleeping := onSleep(t)
	p := startDying(t, dying{mu, "panic"}) // waits first, and then dies
	saw := make(chan bool, waiters)
	for range waiters {
		go func() {
			g, err := mu.Lock(modetest.Patient(t))
			if err != nil {
				t.Error(err)
			} else {
				saw <- g.Abandoned()
				g.Unlock()
			}
		}()
	}
	modetest.Receive(t, sleeping, "waiter")
	g.Unlock()
	for range waiters {
		modetest.Receive(t, saw, "end of a waiter")
	}
	p.Wait(modetest.Patient(t))
	if g := mustLock(t, mu); !g.Abandoned() {
		t.Error("nobody has repaired it, and it is not abandoned")
	} else {
		g.Unlock()
	}
}

// TestGhost: a goroutine that outlives its entry holds nothing any more, and cannot give
// back what another has taken since.
func TestGhost(t *testing.T) {
	modetest.NeedGoroutines(t, "a process does not outlive itself")
	mu := newMutex(t)
	p, err := multiproc.Start(t.Context(), ghost.With(mu))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(modetest.Patient(t)); err != nil {
		t.Fatal(err)
	}
	g := mustLock(t, mu)
	if !g.Abandoned() {
		t.Error("not abandoned")
	}
	haunt <- true
	if p := modetest.Receive(t, haunted, "ghost"); p != nil {
		t.Errorf("its Unlock panics: %v", p)
	}
	if _, ok := mu.TryLock(); ok {
		t.Error("the ghost has unlocked somebody else's lock")
	}
	if !g.Abandoned() {
		t.Error("the ghost has repaired somebody else's lock")
	}
	g.Repaired()
	g.Unlock()
}

var haunt, haunted = make(chan bool), make(chan any)

var ghost = multiproc.Proc("ghost", func(ctx context.Context, mu *psync.Mutex) error {
	g, err := mu.Lock(ctx)
	go func() {
		<-haunt
		haunted <- modetest.PanicOf(func() {
			g.Repaired()
			g.Unlock()
		})
	}()
	return err
})
