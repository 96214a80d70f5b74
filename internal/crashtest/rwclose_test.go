package crashtest

import (
	"context"
	"errors"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
)

// rwStep is one thing that a process does with a lock, and may die of.
type rwStep struct {
	M     *psync.RWMutex
	Do    string
	Death death
}

var rwDo = multiproc.Proc("rwDo", func(ctx context.Context, s rwStep) error {
	s.Death.arm(nil)
	switch s.Do {
	case "close":
		return s.M.Close()
	case "read":
		g, err := s.M.RLock(ctx)
		if err == nil {
			g.Unlock()
		}
		return closedIsFine(err)
	case "try":
		for range 2 { // the second finds its hold open
			if g, ok := s.M.TryRLock(); ok {
				g.Unlock()
			}
		}
		return nil
	default:
		g, err := s.M.Lock(ctx)
		if err == nil {
			g.Unlock()
		}
		return closedIsFine(err)
	}
})

func closedIsFine(err error) error {
	if errors.Is(err, psync.ErrClosed) {
		return nil
	}
	return err
}

// TestKillRWCloser: who closes a lock dies in the middle. Those who wait for it learn that it is closed, whoever reads can
// end that, and the memory is freed by whoever comes.
func TestKillRWCloser(t *testing.T) {
	needProcess(t)
	for _, point := range []string{"rwlock.closing", "rwlock.finish", "holds.freed"} {
		t.Run(point, func(t *testing.T) {
			m := newRWPlayer(t).M
			var waiters []*multiproc.Process
			var reading psync.ReadGuard
			if point == "rwlock.closing" { // else there is nobody left whom it would have to wait for
				var err error
				if reading, err = m.RLock(patient(t)); err != nil {
					t.Fatal(err)
				}
				for _, do := range []string{"write", "read"} { // for the reader, and for that writer
					w := start(t, rwDo.With(rwStep{M: m, Do: do}))
					asleep(t, w)
					waiters = append(waiters, w)
				}
			}
			if point == "holds.freed" { // which needs more holds than lie in the lock
				stage := newValue[int32](t, 0)
				var crowd []*multiproc.Process
				for i := range int32(6) {
					crowd = append(crowd, start(t, readFor.With(manyLocks{[]*psync.RWMutex{m}, stage})))
					reach(t, stage, i+1)
				}
				for _, c := range crowd {
					c.Kill()
					killed(t, c)
				}
			}
			killed(t, start(t, rwDo.With(rwStep{m, "close", death{Point: point, Nth: 1}})))
			for _, w := range waiters {
				succeeded(t, w)
			}
			if len(waiters) > 0 {
				reading.Unlock()
			}
			if _, err := m.RLock(patient(t)); !errors.Is(err, psync.ErrClosed) {
				t.Errorf("RLock: %v", err)
			}
			if err := m.Close(); !errors.Is(err, psync.ErrClosed) {
				t.Errorf("Close: %v", err)
			}
			heir, err := psync.NewRWMutex()
			if err != nil {
				t.Fatal(err)
			}
			defer heir.Close()
			if heir.String() != m.String() {
				t.Errorf("%v was not freed; the next is %v", m, heir)
			}
		})
	}
}

// TestKillRWHeir: the one dies that finds what a dead writer has left, before it has seen to that. The next one does, and is told
// only if there was something to be told.
func TestKillRWHeir(t *testing.T) {
	needProcess(t)
	for first, abandoned := range map[string]bool{"rwlock.shut": false, "rwlock.in": true} {
		m := newRWPlayer(t).M
		killed(t, start(t, rwDo.With(rwStep{m, "write", death{Point: first, Nth: 1}})))
		killed(t, start(t, rwDo.With(rwStep{m, "write", death{Point: "rwlock.tidy", Nth: 1}})))
		g, err := m.Lock(patient(t))
		if err != nil {
			t.Fatal(err)
		}
		if g.Abandoned() != abandoned {
			t.Errorf("dead at %s: abandoned %v", first, g.Abandoned())
		}
		g.Unlock()
	}
}

// TestKillRWReading: one dies that has just begun to read, by an open hold. It is subtracted.
func TestKillRWReading(t *testing.T) {
	needProcess(t)
	m := newRWPlayer(t).M
	killed(t, start(t, rwDo.With(rwStep{m, "try", death{Point: "rwlock.set", Nth: 1}})))
	g, err := m.Lock(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	if g.Abandoned() {
		t.Error("a reader has left it abandoned")
	}
	g.Unlock()
}
