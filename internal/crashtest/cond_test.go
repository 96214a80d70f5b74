package crashtest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

type condJob struct {
	C     *psync.Cond
	Do    string // "wait", "give up", "signal", "broadcast" or "close"
	Times int
	Stage *shm.Value[int32]
	Cue   *shm.Value[int32]
	Death death
}

// Stages of a waiter: waiting is stored under the mutex, before Wait.
var useCond = multiproc.Proc("use cond", func(ctx context.Context, j condJob) error {
	j.Death.arm(j.Cue)
	switch j.Do {
	case "signal":
		j.C.Signal()
		return nil
	case "broadcast":
		j.C.Broadcast()
		return nil
	case "close":
		return j.C.Close()
	case "give up":
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() {
			for j.Cue.Load() < 2 {
				nap()
			}
			cancel()
		}()
	}
	g, err := j.C.Mutex().Lock(ctx)
	if err != nil {
		return err
	}
	defer func() { g.Unlock() }()
	for range max(j.Times, 1) {
		j.Stage.Store(waiting)
		err := j.C.Wait(ctx, &g)
		if g.Abandoned() {
			g.Repaired()
		}
		switch {
		case errors.Is(err, psync.ErrClosed):
			j.Stage.Store(abandoned)
			return nil
		case err != nil:
			return err
		}
	}
	j.Stage.Store(finished)
	return nil
})

// condScene is a condition variable and who plays with it.
type condScene struct {
	t   *testing.T
	c   *psync.Cond
	cue *shm.Value[int32]
}

func newCondScene(t *testing.T) *condScene {
	t.Helper()
	needProcess(t)
	mu, err := psync.NewMutex()
	if err != nil {
		t.Fatal(err)
	}
	c, err := psync.NewCond(mu)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); mu.Close() })
	return &condScene{t, c, newValue[int32](t, 0)}
}

func (s *condScene) enter(do string, d death) actor {
	s.t.Helper()
	a := actor{stage: newValue[int32](s.t, 0)}
	a.Process = start(s.t, useCond.With(condJob{C: s.c, Do: do, Stage: a.stage, Cue: s.cue, Death: d}))
	return a
}

// waits sees that an actor sleeps in Wait.
func (s *condScene) waits(a actor) {
	s.t.Helper()
	reach(s.t, a.stage, waiting)
	asleep(s.t, a.Process)
	if got := a.stage.Load(); got != waiting {
		s.t.Fatalf("%v is not waiting, but in stage %d", a, got)
	}
}

// TestKillCondSignalled: a waiter dies that was signalled, at every step of its way back. The signal goes to another.
func TestKillCondSignalled(t *testing.T) {
	for _, point := range []string{"cond.woken", "cond.told", "cond.leave"} {
		t.Run(point, func(t *testing.T) {
			s := newCondScene(t)
			heir := s.enter("wait", death{})
			s.waits(heir)
			victim := s.enter("wait", death{Point: point, Nth: 1, Stage: 1})
			s.waits(victim) // the newest node is the first in turn
			s.cue.Store(1)
			s.c.Signal()
			killed(t, victim.Process)
			succeeded(t, heir.Process)
		})
	}
}

// TestKillCondWaiting: a waiter dies that nobody has signalled. No signal is lost to it.
func TestKillCondWaiting(t *testing.T) {
	for _, point := range []string{"cond.node", "cond.enter", "cond.unlocked", "cond.sleep"} {
		t.Run(point, func(t *testing.T) {
			s := newCondScene(t)
			heir := s.enter("wait", death{})
			s.waits(heir)
			killed(t, s.enter("wait", death{Point: point, Nth: 1}).Process)
			if heir.stage.Load() != waiting {
				t.Fatal("another has returned")
			}
			s.c.Signal()
			succeeded(t, heir.Process)
		})
	}
}

// TestKillCondAsleep: the same for one that sleeps, signalled at any moment of its death.
func TestKillCondAsleep(t *testing.T) {
	for i := range 5 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s := newCondScene(t)
			heir := s.enter("wait", death{})
			s.waits(heir)
			victim := s.enter("wait", death{})
			s.waits(victim)
			victim.Kill()
			time.Sleep(time.Duration(i) * 100 * time.Microsecond)
			s.c.Signal()
			succeeded(t, heir.Process)
			<-victim.Done()
		})
	}
}

// TestKillCondReuse: one dies that has just taken over, or given back, the node of another.
func TestKillCondReuse(t *testing.T) {
	for _, point := range []string{"cond.claim", "cond.vacate"} {
		t.Run(point, func(t *testing.T) {
			s := newCondScene(t)
			first := s.enter("wait", death{})
			s.waits(first)
			s.c.Signal()
			succeeded(t, first.Process)
			victim := s.enter("wait", death{Point: point, Nth: 1})
			if point == "cond.vacate" {
				s.waits(victim)
				s.c.Signal()
			}
			killed(t, victim.Process)
			heir := s.enter("wait", death{})
			s.waits(heir)
			s.c.Signal()
			succeeded(t, heir.Process)
		})
	}
}

// TestKillCondSignaller: who signals dies before he wakes anybody.
func TestKillCondSignaller(t *testing.T) {
	for _, point := range []string{"cond.signal", "cond.rung"} {
		t.Run(point, func(t *testing.T) {
			s := newCondScene(t)
			a := s.enter("wait", death{})
			s.waits(a)
			killed(t, s.enter("signal", death{Point: point, Nth: 1}).Process)
			succeeded(t, a.Process)
		})
	}
}

// TestKillCondBroadcaster: who broadcasts dies at the second of three processes. The two wake; to the third it has not
// happened, and it can be woken by others.
func TestKillCondBroadcaster(t *testing.T) {
	s := newCondScene(t)
	var all []actor
	for range 3 {
		a := s.enter("wait", death{})
		s.waits(a)
		all = append(all, a)
	}
	killed(t, s.enter("broadcast", death{Point: "cond.broadcast", Nth: 2}).Process)
	succeeded(t, all[2].Process)
	succeeded(t, all[1].Process)
	s.waits(all[0])
	s.c.Broadcast()
	succeeded(t, all[0].Process)
}

// TestKillCondSweeper: who passes the signal of a dead one on dies at it. The third one gets it.
func TestKillCondSweeper(t *testing.T) {
	for _, point := range []string{"cond.sweep", "cond.passed", "cond.swept"} {
		t.Run(point, func(t *testing.T) {
			s := newCondScene(t)
			sweeper := s.enter("wait", death{Point: point, Nth: 1})
			s.waits(sweeper)
			heir := s.enter("wait", death{})
			s.waits(heir)
			victim := s.enter("wait", death{Point: "cond.told", Nth: 1})
			s.waits(victim)
			s.c.Signal()
			killed(t, victim.Process)
			// Either of them may be the first at it. If the signal went to the sweeper, the other one waits on.
			eventually(t, func() error {
				if heir.stage.Load() == finished || sweeper.stage.Load() == finished {
					return nil
				}
				return errors.New("nobody was woken")
			})
			s.c.Broadcast()
			succeeded(t, heir.Process)
			<-sweeper.Done()
		})
	}
}

// TestKillCondGivingUp: one whose context ends dies while it gives up, and a signal comes at the same time.
func TestKillCondGivingUp(t *testing.T) {
	for i := range 5 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s := newCondScene(t)
			heir := s.enter("wait", death{})
			s.waits(heir)
			victim := s.enter("give up", death{Point: "cond.giveup", Nth: 1})
			s.waits(victim)
			s.cue.Store(2)
			s.c.Signal() // the victim may have returned with it
			<-victim.Done()
			if victim.stage.Load() == finished {
				s.c.Signal()
			}
			succeeded(t, heir.Process)
		})
	}
}

// TestKillCondCloser: who closes it dies before he tells anybody.
func TestKillCondCloser(t *testing.T) {
	s := newCondScene(t)
	a := s.enter("wait", death{})
	s.waits(a)
	killed(t, s.enter("close", death{Point: "cond.closed", Nth: 1}).Process)
	succeeded(t, a.Process)
	if got := a.stage.Load(); got != abandoned {
		t.Errorf("the waiter ended in stage %d", got)
	}
	if err := s.c.Close(); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("Close: %v", err)
	}
	heir, err := psync.NewCond(s.c.Mutex())
	if err != nil {
		t.Fatal(err)
	}
	defer heir.Close()
	if _, err := heir.MarshalText(); err != nil {
		t.Error(err)
	}
}

// TestKillCondNotifyAll: nobody waits for the dead, nor for the stopped, as CPython's notify_all does.
func TestKillCondNotifyAll(t *testing.T) {
	s := newCondScene(t)
	stopped, dead, alive := s.enter("wait", death{}), s.enter("wait", death{}), s.enter("wait", death{})
	for _, a := range []actor{stopped, dead, alive} {
		s.waits(a)
	}
	if err := stopOther(stopped.Process); err != nil {
		t.Fatal(err)
	}
	dead.Kill()
	var ended atomic.Bool
	go func() {
		s.c.Broadcast()
		s.c.Signal()
		ended.Store(true)
	}()
	succeeded(t, alive.Process)
	eventually(t, func() error {
		if !ended.Load() {
			return errors.New("Broadcast waits")
		}
		return nil
	})
}
