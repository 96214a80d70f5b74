package crashtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// killFor is how long a test kills at random: MULTIPROC_KILL_SECONDS, or a second.
func killFor(t testing.TB) time.Duration {
	if n, err := strconv.Atoi(os.Getenv("MULTIPROC_KILL_SECONDS")); err == nil {
		return time.Duration(n) * time.Second
	}
	if testing.Short() {
		return 300 * time.Millisecond
	}
	return time.Second
}

type consumeJob struct {
	C      *psync.Cond
	Tokens *shm.Value[int64]
	Death  death
}

// consume takes tokens for ever.
var consume = multiproc.Proc("consume", func(ctx context.Context, j consumeJob) error {
	j.Death.arm(nil)
	for {
		err := j.C.When(ctx, func() bool { return j.Tokens.Load() > 0 }, func() error { shm.Add(j.Tokens, -1); return nil })
		if errors.Is(err, psync.ErrAbandoned) { // an addition is whole, or has not happened
			err = j.C.Mutex().Repair(ctx, func() error { return nil })
		}
		if err != nil {
			return err
		}
	}
})

// TestKillCondAtRandom: consumers die at random, at random moments and at named ones. Each token that is put, with one
// Signal, is taken by somebody who lives: a signal that a death has swallowed would be a token that stays.
func TestKillCondAtRandom(t *testing.T) {
	s := newCondScene(t)
	tokens := newValue[int64](t, 0)
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	points := []string{"", "cond.node", "cond.claim", "cond.enter", "cond.unlocked", "cond.sleep", "cond.woken", "cond.told",
		"cond.leave", "cond.vacate", "cond.sweep", "cond.passed", "cond.swept"}
	hire := func() *multiproc.Process {
		return start(t, consume.With(consumeJob{s.c, tokens, death{Point: points[rnd.IntN(len(points))], Nth: 1 + rnd.IntN(8)}}))
	}
	staff := make([]*multiproc.Process, 4)
	for i := range staff {
		staff[i] = hire()
	}
	put, dead := 0, 0
	for end := time.Now().Add(killFor(t)); time.Now().Before(end); put++ {
		err := s.c.Mutex().Repair(patient(t), func() error { shm.Add(tokens, 1); return nil })
		if err != nil {
			t.Fatal(err)
		}
		s.c.Signal()
		if rnd.IntN(8) == 0 {
			time.Sleep(time.Duration(rnd.IntN(300)) * time.Microsecond)
			staff[rnd.IntN(len(staff))].Kill()
		}
		eventually(t, func() error {
			for i, p := range staff {
				if !p.Alive() {
					dead++
					staff[i] = hire()
				}
			}
			if n := tokens.Load(); n > 0 {
				return fmt.Errorf("seed %d: %d tokens are left, after %d, and %d deaths", seed, n, put, dead)
			}
			return nil
		})
	}
	t.Logf("seed %d: %d tokens, %d deaths", seed, put, dead)
	if dead == 0 {
		t.Error("nobody died")
	}
}

type walkJob struct {
	B     *psync.Barrier
	Steps *shm.Value[int64]
	Death death
}

// walk goes from round to round, and repairs.
var walk = multiproc.Proc("walk", func(ctx context.Context, j walkJob) error {
	j.Death.arm(nil)
	if err := j.B.Join(ctx); err != nil {
		return err
	}
	for {
		_, err := j.B.Wait(ctx)
		switch {
		case errors.Is(err, psync.ErrBroken):
			if err := j.B.Repair(ctx); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			shm.Add(j.Steps, 1)
		}
	}
})

// TestKillBarrierAtRandom: members die one after another, at random and at named moments, until one is left; those who
// live always go on.
func TestKillBarrierAtRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	points := []string{"", "", "barrier.join", "barrier.arrived", "barrier.ring", "barrier.rung", "barrier.sleep", "barrier.woken",
		"barrier.broken", "barrier.repair", "barrier.repaired"}
	families, steps := 0, int64(0)
	for end := time.Now().Add(killFor(t)); time.Now().Before(end); families++ {
		const members = 5
		s := newBarrierScene(t, members)
		count := newValue[int64](t, 0)
		var staff []*multiproc.Process
		for i := range members {
			d := death{Point: points[rnd.IntN(len(points))], Nth: 1 + rnd.IntN(20)}
			if i == 0 {
				d.Point = ""
			}
			staff = append(staff, start(t, walk.With(walkJob{s.b, count, d})))
		}
		for _, p := range staff[1:] {
			time.Sleep(time.Duration(rnd.IntN(3000)) * time.Microsecond)
			p.Kill()
			<-p.Done()
		}
		// Some may have died before they joined: then the others wait for them, and rightly so. Who
		// notices that, as their parent, says so.
		eventually(t, func() error {
			before := count.Load()
			if s.b.Parties() > 1 {
				_ = s.b.Abort()
				if err := s.b.Repair(patient(t)); err != nil {
					return err
				}
				for range s.b.Parties() - 1 { // the seats that nobody took
					if s.b.Join(patient(t)) != nil || s.b.Leave(patient(t)) != nil {
						break
					}
				}
			}
			time.Sleep(time.Millisecond)
			if count.Load() == before {
				return fmt.Errorf("seed %d, family %d: the one that is left does not go on; %d parties, %d wait, broken %v",
					seed, families, s.b.Parties(), s.b.Waiting(), s.b.Broken())
			}
			return nil
		})
		steps += count.Load()
		staff[0].Kill()
		<-staff[0].Done()
	}
	t.Logf("seed %d: %d families, %d steps", seed, families, steps)
}
