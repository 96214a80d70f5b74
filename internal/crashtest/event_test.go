package crashtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

type eventJob struct {
	E     *psync.Event
	Do    string // "wait", "set" or "close"
	Stage *shm.Value[int32]
	Death death
}

var useEvent = multiproc.Proc("use event", func(ctx context.Context, j eventJob) error {
	j.Death.arm(nil)
	if j.Stage != nil {
		j.Stage.Store(waiting)
	}
	switch j.Do {
	case "set":
		return j.E.Set()
	case "close":
		return j.E.Close()
	}
	err := j.E.Wait(ctx)
	if errors.Is(err, psync.ErrClosed) {
		j.Stage.Store(abandoned)
		return nil
	}
	j.Stage.Store(finished)
	return err
})

func newEvent(t *testing.T) *psync.Event {
	t.Helper()
	needProcess(t)
	e, err := psync.NewEvent()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// eventWaiter is a process that sleeps until e is set.
func eventWaiter(t *testing.T, e *psync.Event, d death) actor {
	t.Helper()
	a := actor{stage: newValue[int32](t, 0)}
	a.Process = start(t, useEvent.With(eventJob{e, "wait", a.stage, d}))
	reach(t, a.stage, waiting)
	return a
}

// TestKillEventSetter: who sets an event dies before, or after, he wakes those who wait.
func TestKillEventSetter(t *testing.T) {
	for _, point := range []string{"event.set", "event.woke"} {
		e := newEvent(t)
		var all []actor
		for range 3 {
			a := eventWaiter(t, e, death{})
			asleep(t, a.Process)
			all = append(all, a)
		}
		killed(t, start(t, useEvent.With(eventJob{E: e, Do: "set", Death: death{Point: point, Nth: 1}})))
		for _, a := range all {
			succeeded(t, a.Process)
		}
		if !e.IsSet() {
			t.Errorf("%s: not set", point)
		}
	}
}

// TestKillEventWaiter: one dies in the middle of falling asleep, or of waking up. The others do not notice.
func TestKillEventWaiter(t *testing.T) {
	for _, point := range []string{"event.sleep", "event.woken"} {
		e := newEvent(t)
		heir := eventWaiter(t, e, death{})
		asleep(t, heir.Process)
		victim := eventWaiter(t, e, death{Point: point, Nth: 1})
		if point == "event.sleep" {
			killed(t, victim.Process)
		} else {
			asleep(t, victim.Process)
		}
		if heir.stage.Load() != waiting {
			t.Fatalf("%s: another has returned", point)
		}
		if err := e.Set(); err != nil {
			t.Fatal(err)
		}
		succeeded(t, heir.Process)
		killed(t, victim.Process)
	}
}

// TestKillEventCloser: who closes an event dies before he tells anybody. Those who wait learn it, and another Close
// frees the memory.
func TestKillEventCloser(t *testing.T) {
	e := newEvent(t)
	a := eventWaiter(t, e, death{})
	asleep(t, a.Process)
	killed(t, start(t, useEvent.With(eventJob{E: e, Do: "close", Death: death{Point: "event.closed", Nth: 1}})))
	succeeded(t, a.Process)
	if got := a.stage.Load(); got != abandoned {
		t.Errorf("the waiter ended in stage %d", got)
	}
	if _, err := e.MarshalBinary(); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("MarshalBinary: %v", err)
	}
	if err := e.Close(); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("Close: %v", err)
	}
	if heir := newEvent(t); heir.String() != e.String() {
		t.Errorf("%v was not freed; the next is %v", e, heir)
	}
}

// TestKillEventStorm: setters and waiters are killed at random moments, and at named ones; every Set that returned is seen.
func TestKillEventStorm(t *testing.T) {
	needProcess(t)
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	points := []string{"", "event.sleep", "event.woken", "event.set", "event.woke"}
	deaths := 0
	for end := time.Now().Add(killFor(t)); deaths == 0 || time.Now().Before(end); deaths += 2 {
		e := newEvent(t)
		at := death{Point: points[rnd.IntN(len(points))], Nth: 1}
		a, b := eventWaiter(t, e, death{}), eventWaiter(t, e, at)
		setter := start(t, useEvent.With(eventJob{E: e, Do: "set", Death: at}))
		if rnd.IntN(2) == 0 { // that it reaches something
			time.Sleep(time.Duration(rnd.IntN(3000)) * time.Microsecond)
		}
		b.Kill()
		setter.Kill() // before it, in it or after it
		<-setter.Done()
		<-b.Done()
		if !e.IsSet() {
			if err := e.Set(); err != nil {
				t.Fatal(err)
			}
		}
		succeeded(t, a.Process)
		if err := e.Wait(modetest.Ended()); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		e.Close()
	}
	t.Logf("seed %d: %d deaths", seed, deaths)
}
