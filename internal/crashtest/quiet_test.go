package crashtest

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/psync"
)

// TestKillGoingToSleep: the first who wants to sleep dies after it has said so. Where locks are released by a
// store that is before the barrier.
func TestKillGoingToSleep(t *testing.T) {
	s := newScene(t)
	point := "lock.sleep"
	if os.Getenv(lock.EnvRelease) == "store" {
		point = "lock.coming"
	}
	g := s.lock()
	victim := s.enter(player{Death: death{Point: point, Nth: 1}})
	killed(t, victim.Process)
	heir := s.enter(player{})
	s.waits(heir)
	g.Unlock()
	s.gets(heir, holding)
}

type closing struct {
	Mu    *psync.Mutex
	Death death
}

var closeMutex = multiproc.Proc("close mutex", func(_ context.Context, c closing) error {
	c.Death.arm(nil)
	return c.Mu.Close()
})

// TestKillClosing: who closes a lock dies before it has told those who wait. They learn it all the same, and
// the holder frees the lock.
func TestKillClosing(t *testing.T) {
	s := newScene(t)
	g := s.lock()
	waiter := s.enter(player{})
	s.waits(waiter)
	killed(t, start(t, closeMutex.With(closing{s.mu, death{Point: "lock.closing", Nth: 1}})))
	if err := waiter.Wait(patient(t)); err == nil || waiter.stage.Load() != waiting {
		t.Errorf("a waiter got a closed lock: %v, stage %d", err, waiter.stage.Load())
	}
	g.Unlock()
	if _, err := s.mu.Lock(patient(t)); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("Lock: %v", err)
	}
	heir, err := psync.NewMutex()
	if err != nil {
		t.Fatal(err)
	}
	defer heir.Close()
	if heir.String() != s.mu.String() {
		t.Errorf("%v was not freed by its last holder; the next is %v", s.mu, heir)
	}
}
