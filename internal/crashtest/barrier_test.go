package crashtest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

type barrierJob struct {
	B     *psync.Barrier
	Do    string // "wait", "act", "join", "give up", "abort", "repair", "reset", "leave" or "close"
	Stage *shm.Value[int32]
	Cue   *shm.Value[int32]
	Death death
}

// useBarrier joins first, unless it is to Repair, Reset or Close from outside. It ends in stage finished,
// abandoned if the barrier was broken, or holding if it was closed.
var useBarrier = multiproc.Proc("use barrier", func(ctx context.Context, j barrierJob) error {
	j.Death.arm(j.Cue)
	switch j.Do {
	case "abort":
		return j.B.Abort()
	case "repair":
		return j.B.Repair(ctx)
	case "reset":
		return j.B.Reset(ctx)
	case "close":
		return j.B.Close()
	}
	if err := j.B.Join(ctx); err != nil {
		return err
	}
	j.Stage.Store(waiting)
	var err error
	switch j.Do {
	case "join":
		<-ctx.Done()
	case "leave":
		err = j.B.Leave(ctx)
	case "give up":
		err = cancelled(j, func(ctx context.Context) error { _, err := j.B.Wait(ctx); return err })
	case "act":
		_, err = j.B.Do(ctx, func() error { return nil })
	default:
		_, err = j.B.Wait(ctx)
	}
	switch {
	case errors.Is(err, psync.ErrBroken):
		j.Stage.Store(abandoned)
		return nil
	case errors.Is(err, psync.ErrClosed):
		j.Stage.Store(holding)
		return nil
	}
	j.Stage.Store(finished)
	for j.Cue.Load() < 9 { // a process that ends is a member that dies
		nap()
	}
	return err
})

// cancelled runs f under a context that ends at cue 2.
func cancelled(j barrierJob, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for j.Cue.Load() < 2 {
			nap()
		}
		cancel()
	}()
	return f(ctx)
}

type barrierScene struct {
	t   *testing.T
	b   *psync.Barrier
	cue *shm.Value[int32]
}

func newBarrierScene(t *testing.T, parties int) *barrierScene {
	t.Helper()
	needProcess(t)
	b, err := psync.NewBarrier(parties)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return &barrierScene{t, b, newValue[int32](t, 0)}
}

func (s *barrierScene) enter(do string, d death) actor {
	s.t.Helper()
	a := actor{stage: newValue[int32](s.t, 0)}
	a.Process = start(s.t, useBarrier.With(barrierJob{s.b, do, a.stage, s.cue, d}))
	return a
}

// waits sees that an actor sleeps in Wait.
func (s *barrierScene) waits(a actor) {
	s.t.Helper()
	reach(s.t, a.stage, waiting)
	asleep(s.t, a.Process)
	if got := a.stage.Load(); got != waiting {
		s.t.Fatalf("%v is not waiting, but in stage %d", a, got)
	}
}

// end sees that actors come to a stage.
func (s *barrierScene) end(want int32, all ...actor) {
	s.t.Helper()
	for _, a := range all {
		eventually(s.t, func() error {
			if got := a.stage.Load(); got != want {
				return fmt.Errorf("%v is in stage %d, want %d", a, got, want)
			}
			return nil
		})
	}
}

// TestKillBarrierMember: a member dies that waits, that has not come yet, or that is on its way. All who wait learn it, and
// go on without it when somebody has repaired the barrier.
func TestKillBarrierMember(t *testing.T) {
	for _, test := range []struct{ do, point string }{
		{"wait", ""}, {"join", ""}, {"join", "barrier.join"}, {"wait", "barrier.arrived"}, {"wait", "barrier.sleep"},
		{"give up", "barrier.withdraw"},
	} {
		t.Run(test.do+" "+test.point, func(t *testing.T) {
			s := newBarrierScene(t, 4)
			one, two := s.enter("wait", death{}), s.enter("wait", death{})
			s.waits(one)
			s.waits(two)
			victim := s.enter(test.do, death{Point: test.point, Nth: 1})
			s.cue.Store(2)
			if test.point == "" {
				s.waits(victim)
				victim.Kill()
			}
			killed(t, victim.Process)
			s.end(abandoned, one, two)
			if !s.b.Broken() {
				t.Error("not broken")
			}
			one.Wait(patient(t))
			two.Wait(patient(t))
			if err := s.b.Repair(patient(t)); err != nil || s.b.Broken() || s.b.Parties() != 1 {
				t.Fatalf("Repair: %v; broken %v, %d parties", err, s.b.Broken(), s.b.Parties())
			}
			if i, err := s.b.Wait(patient(t)); i != 0 || err != nil {
				t.Errorf("the one that is left: %d, %v", i, err)
			}
		})
	}
}

// TestKillBarrierLast: the last to arrive dies. When it had completed the round, that is so for all; when it was in its
// action, for nobody.
func TestKillBarrierLast(t *testing.T) {
	for _, test := range []struct {
		do, point string
		want      int32
	}{
		{"wait", "barrier.arrived", finished}, {"wait", "barrier.ring", finished}, {"wait", "barrier.rung", finished},
		{"act", "barrier.arrived", abandoned}, {"act", "barrier.acted", abandoned},
	} {
		t.Run(test.do+" "+test.point, func(t *testing.T) {
			s := newBarrierScene(t, 3)
			one, two := s.enter("wait", death{}), s.enter("wait", death{})
			s.waits(one)
			s.waits(two)
			killed(t, s.enter(test.do, death{Point: test.point, Nth: 1}).Process)
			s.end(test.want, one, two)
			eventually(t, func() error {
				if !s.b.Broken() {
					return errors.New("a member is dead, and the barrier is whole")
				}
				return nil
			})
			s.cue.Store(9)
		})
	}
}

// TestKillBarrierWoken: one dies whose round is complete. The others do not notice before the next round.
func TestKillBarrierWoken(t *testing.T) {
	s := newBarrierScene(t, 3)
	one := s.enter("wait", death{})
	victim := s.enter("wait", death{Point: "barrier.woken", Nth: 1, Stage: 1})
	s.waits(one)
	s.waits(victim)
	s.cue.Store(1)
	if _, err := s.b.Wait(patient(t)); err != nil {
		t.Error(err)
	}
	killed(t, victim.Process)
	s.end(finished, one)
	if _, err := s.b.Wait(patient(t)); !errors.Is(err, psync.ErrBroken) {
		t.Errorf("the next round: %v", err)
	}
	s.cue.Store(9)
}

// TestKillBarrierBreaker: who breaks it, or closes it, dies before anybody is told.
func TestKillBarrierBreaker(t *testing.T) {
	for _, test := range []struct {
		do, point string
		want      int32
	}{
		{"abort", "barrier.broken", abandoned}, {"abort", "barrier.ring", abandoned}, {"close", "barrier.closed", holding},
	} {
		t.Run(test.do+" "+test.point, func(t *testing.T) {
			s := newBarrierScene(t, 3)
			one, two := s.enter("wait", death{}), s.enter("wait", death{})
			s.waits(one)
			s.waits(two)
			killed(t, s.enter(test.do, death{Point: test.point, Nth: 1}).Process)
			s.end(test.want, one, two)
			if test.do == "close" {
				if err := s.b.Close(); !errors.Is(err, psync.ErrClosed) {
					t.Errorf("Close: %v", err)
				}
			}
		})
	}
}

// TestKillBarrierMender: who repairs or resets it, from outside, dies at it. Another does it.
func TestKillBarrierMender(t *testing.T) {
	for _, do := range []string{"repair", "reset"} {
		for _, point := range []string{"barrier.reset", "barrier.repair", "barrier.repaired"} {
			if do == "repair" && point == "barrier.reset" {
				continue
			}
			t.Run(do+" "+point, func(t *testing.T) {
				s := newBarrierScene(t, 3)
				one := s.enter("wait", death{})
				s.waits(one)
				victim := s.enter("join", death{})
				s.waits(victim)
				victim.Kill()
				killed(t, victim.Process)
				s.end(abandoned, one)
				one.Wait(patient(t))
				killed(t, s.enter(do, death{Point: point, Nth: 1}).Process)
				if want := point != "barrier.repaired"; s.b.Broken() != want {
					t.Errorf("broken: %v", !want)
				}
				mend, parties := s.b.Repair, 1
				if do == "reset" {
					mend, parties = s.b.Reset, 3
				}
				if err := mend(patient(t)); err != nil || s.b.Broken() || s.b.Parties() != parties {
					t.Errorf("%v, broken %v, %d parties", err, s.b.Broken(), s.b.Parties())
				}
			})
		}
	}
}

// TestKillBarrierLeaver: one that leaves dies between the two steps of that; it is a member that died.
func TestKillBarrierLeaver(t *testing.T) {
	s := newBarrierScene(t, 3)
	one := s.enter("wait", death{})
	s.waits(one)
	killed(t, s.enter("leave", death{Point: "barrier.leave", Nth: 1}).Process)
	s.end(abandoned, one)
	one.Wait(patient(t))
	if err := s.b.Repair(patient(t)); err != nil || s.b.Parties() != 1 {
		t.Errorf("%v, %d parties", err, s.b.Parties())
	}
}

// TestKillBarrierStopped: a stopped member is alive. The others wait for it.
func TestKillBarrierStopped(t *testing.T) {
	s := newBarrierScene(t, 3)
	one, stopped := s.enter("wait", death{}), s.enter("wait", death{})
	s.waits(one)
	s.waits(stopped)
	if err := stopOther(stopped.Process); err != nil {
		t.Fatal(err)
	}
	if s.b.Broken() || s.b.Waiting() != 2 {
		t.Errorf("broken %v, %d wait", s.b.Broken(), s.b.Waiting())
	}
	if _, err := s.b.Wait(patient(t)); err != nil {
		t.Error(err)
	}
	s.end(finished, one)
	stopped.Kill()
	killed(t, stopped.Process)
	s.cue.Store(9)
}
