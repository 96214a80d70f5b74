package crashtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// crowded is a process in which so many goroutines sleep that one thread looks after the next one's word among others'.
type crowded struct {
	Events []*psync.Event // that nobody sets before the end
	S      *psync.Semaphore
	M      *psync.RWMutex
}

const crowd = 20 // more than sleep in the kernel for themselves

// waitCrowded waits for a permit, or to write, when the others sleep.
var waitCrowded = multiproc.Proc("waitCrowded", func(ctx context.Context, c crowded) error {
	crashpoint.Set(nil)
	for _, e := range c.Events {
		go e.Wait(ctx)
	}
	for _, e := range c.Events {
		for len(e.Waiters()) == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	if c.S != nil {
		return c.S.Wait(ctx)
	}
	g, err := c.M.Lock(ctx)
	if err == nil {
		g.Unlock()
	}
	return err
})

// readerLeaving reads until it is told to leave, and dies while it does.
type readerLeaving struct {
	M     *psync.RWMutex
	Stage *shm.Value[int32] // 1: it reads; 2: it is to leave
	Death death
}

var leaveReading = multiproc.Proc("leaveReading", func(ctx context.Context, r readerLeaving) error {
	g, err := r.M.RLock(ctx)
	if err != nil {
		return err
	}
	r.Death.arm(nil)
	r.Stage.Store(1)
	for r.Stage.Load() != 2 {
		time.Sleep(100 * time.Microsecond)
	}
	g.Unlock()
	return errors.New("it is alive")
})

func newCrowd(t *testing.T) (c crowded) {
	t.Helper()
	needProcess(t)
	for range crowd {
		e, err := psync.NewEvent()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		c.Events = append(c.Events, e)
	}
	return c
}

// asleepFor waits until a process sleeps because of what waiters are listed of.
func asleepFor(t *testing.T, p *multiproc.Process, waiters func() []psync.Party) {
	t.Helper()
	eventually(t, func() error {
		if len(waiters()) == 0 {
			return errors.New("it does not wait yet")
		}
		return nil
	})
	asleep(t, p)
}

// TestKillCrowdedPoster: who posts dies before it has told one who waits in a crowd. Nothing of the dead one tells of it by then, but
// that it is dead.
func TestKillCrowdedPoster(t *testing.T) {
	c, p := newCrowd(t), newSemaPlayer(t, 0)
	c.S = p.S
	waiter := start(t, waitCrowded.With(c))
	asleepFor(t, waiter, p.S.Waiters)
	p.Do = "post"
	p.dies(t, "sema.posted", 1)
	succeeded(t, waiter)
	p.wantPermits(t, 0)
}

// TestKillCrowdedReader: the same of a reader, who has ended its reading and told no writer.
func TestKillCrowdedReader(t *testing.T) {
	c := newCrowd(t)
	m, err := psync.NewRWMutex()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	c.M = m
	stage := newValue[int32](t, 0)
	reader := start(t, leaveReading.With(readerLeaving{m, stage, death{Point: "rwlock.unset", Nth: 1}}))
	reach(t, stage, 1)
	waiter := start(t, waitCrowded.With(c))
	asleepFor(t, waiter, m.Waiters)
	stage.Store(2)
	killed(t, reader)
	succeeded(t, waiter)
}
