package crashtest

import (
	"context"
	"errors"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

type reentering struct {
	M     *psync.ReentrantMutex
	O     *psync.Once
	Stage *shm.Value[int32]
	Death death
}

// reenter locks twice and unlocks twice.
var reenter = multiproc.Proc("reenter", func(ctx context.Context, r reentering) error {
	r.Death.arm(nil)
	o, err := psync.NewOwner()
	if err != nil {
		return err
	}
	g, err := r.M.Lock(ctx, o)
	if err != nil {
		return err
	}
	h, err := r.M.Lock(ctx, o)
	if err != nil {
		return err
	}
	stage := holding
	if h.Abandoned() {
		stage = abandoned
		h.Repaired()
	}
	if g.Depth() != 2 {
		return errors.New("what a dead one had locked counts")
	}
	h.Unlock()
	g.Unlock()
	r.Stage.Store(stage)
	return nil
})

// TestKillReentrant: one dies at any depth, or on its way out. The next is told, if it was still locked.
func TestKillReentrant(t *testing.T) {
	needProcess(t)
	for _, point := range []string{"reentrant.locked", "reentrant.again", "reentrant.unlock"} {
		m, err := psync.NewReentrantMutex()
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		stage := newValue[int32](t, 0)
		for range 2 {
			killed(t, start(t, reenter.With(reentering{M: m, Stage: stage, Death: death{Point: point, Nth: 1}})))
		}
		succeeded(t, start(t, reenter.With(reentering{M: m, Stage: stage})))
		if got := stage.Load(); got != abandoned {
			t.Errorf("%s: stage %d", point, got)
		}
		succeeded(t, start(t, reenter.With(reentering{M: m, Stage: stage})))
		if got := stage.Load(); got != holding {
			t.Errorf("%s, repaired: stage %d", point, got)
		}
	}
}

// onceOnly does it and says so.
var onceOnly = multiproc.Proc("onceOnly", func(ctx context.Context, r reentering) error {
	r.Death.arm(nil)
	return r.O.Do(ctx, func() error {
		shm.Add(r.Stage, 1)
		return nil
	})
})

// TestKillOnce: who does it dies before that is recorded, or after it; another waits for it meanwhile.
func TestKillOnce(t *testing.T) {
	needProcess(t)
	for point, times := range map[string]int32{"once.did": 3, "once.done": 1} {
		o, err := psync.NewOnce()
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		stage := newValue[int32](t, 0)
		victim := reentering{O: o, Stage: stage, Death: death{Point: point, Nth: 1}}
		killed(t, start(t, onceOnly.With(victim)))
		if again := start(t, onceOnly.With(victim)); point == "once.did" {
			killed(t, again)
		} else {
			succeeded(t, again)
		}
		succeeded(t, start(t, onceOnly.With(reentering{O: o, Stage: stage})))
		succeeded(t, start(t, onceOnly.With(reentering{O: o, Stage: stage})))
		if got := stage.Load(); got != times || !o.Done() {
			t.Errorf("%s: begun %d times, want %d", point, got, times)
		}
	}
}
