package crashtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

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

// reentrantCrowd is what those share that do everything with a reentrant mutex and with a Once, until they die.
type reentrantCrowd struct {
	M     *psync.ReentrantMutex
	O     *psync.Once
	Begun *shm.Value[int64] // by whoever does what O is for
	A, B  *shm.Value[int64] // equal, unless M is abandoned
	Stop  *shm.Value[int32]
	Death death
}

var reenterAlways = multiproc.Proc("reenterAlways", func(ctx context.Context, c reentrantCrowd) error {
	c.Death.arm(nil)
	owner, err := psync.NewOwner()
	if err != nil {
		return err
	}
	err = c.O.Do(ctx, func() error {
		if c.O.Done() {
			return errors.New("done, and done again")
		}
		shm.Add(c.Begun, 1)
		return nil
	})
	if err != nil {
		return err
	}
	for i := 0; c.Stop.Load() == 0; i++ {
		var guards []psync.ReentrantGuard
		for range 1 + i%3 {
			g, err := c.M.Lock(ctx, owner)
			if err != nil {
				return err
			}
			guards = append(guards, g)
		}
		last := guards[len(guards)-1]
		if last.Depth() != len(guards) {
			return errors.New("what another has locked counts")
		}
		if last.Abandoned() {
			c.B.Store(c.A.Load())
			last.Repaired()
		}
		if c.A.Load() != c.B.Load() {
			return errors.New("half a change, and it is not abandoned")
		}
		c.A.Store(c.A.Load() + 1)
		c.B.Store(c.A.Load())
		for i := range guards {
			guards[len(guards)-1-i].Unlock()
		}
	}
	return nil
})

// TestKillReentrantAtRandom: processes die at random and at named moments, of a reentrant mutex that they have locked up to three times, or of
// a Once. The others go on, and are told of what is half done; what is done once is done, and is not begun again.
func TestKillReentrantAtRandom(t *testing.T) {
	needProcess(t)
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	points := []string{"", "once.did", "once.done", "reentrant.locked", "reentrant.again", "reentrant.unlock", "lock.sleep", "lock.woken", "lock.freed"}
	deaths, rounds := 0, 0
	for end := time.Now().Add(killFor(t)); rounds == 0 || time.Now().Before(end); rounds++ {
		m, err := psync.NewReentrantMutex()
		if err != nil {
			t.Fatal(err)
		}
		o, err := psync.NewOnce()
		if err != nil {
			t.Fatal(err)
		}
		c := reentrantCrowd{M: m, O: o, Begun: newValue[int64](t, 0), A: newValue[int64](t, 0), B: newValue[int64](t, 0), Stop: newValue[int32](t, 0)}
		crew := make([]*multiproc.Process, 4)
		for i := range crew {
			hired := c
			if i > 0 { // one lives
				hired.Death = death{Point: points[rnd.IntN(len(points))], Nth: 1 + rnd.IntN(5)}
			}
			crew[i] = start(t, reenterAlways.With(hired))
		}
		for _, p := range crew[1:] {
			time.Sleep(time.Duration(rnd.IntN(3000)) * time.Microsecond)
			p.Kill()
			killed(t, p)
			deaths++
		}
		now := c.A.Load()
		eventually(t, func() error {
			if c.A.Load() < now+20 || !o.Done() {
				return errors.New("the one that lives does not go on")
			}
			return nil
		})
		begun := c.Begun.Load()
		if begun < 1 || begun > 4 {
			t.Errorf("seed %d: begun %d times", seed, begun)
		}
		late := c
		late.Stop = newValue[int32](t, 1)
		succeeded(t, start(t, reenterAlways.With(late)))
		if c.Begun.Load() != begun {
			t.Errorf("seed %d: done, and begun again", seed)
		}
		c.Stop.Store(1)
		succeeded(t, crew[0])
		if a, b := c.A.Load(), c.B.Load(); a != b {
			t.Errorf("seed %d: %d and %d", seed, a, b)
		}
		m.Close()
		o.Close()
	}
	t.Logf("seed %d: %d deaths in %d crews", seed, deaths, rounds)
}
