package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// EventPoints are the named moments at which a worker at an Event may die.
var EventPoints = []string{
	"event.set", "event.sleep", "event.woke", "event.woken", "blocked.writing", "blocked.written", "soak.cleared",
}

// gate is what the workers share: they pass when it is set, and the parent sets it when all wait.
type gate struct {
	E      *psync.Event
	Passed *shm.Array[uint32] // by place
}

type gateJob struct {
	G gate
	Recruit
}

var passer = multiproc.Proc("soak passer", func(ctx context.Context, j gateJob) error {
	return j.work(ctx, func(ctx context.Context, rnd *rand.Rand) error {
		if rnd.IntN(16) == 0 {
			return j.flap()
		}
		wait, cancel := ctx, context.CancelFunc(func() {})
		if rnd.IntN(3) == 0 {
			wait, cancel = shortly(ctx, rnd)
		}
		defer cancel()
		err := j.G.E.Wait(wait)
		if wait != ctx && errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("its Wait: %w", err)
		}
		atomic.AddUint32(&j.G.Passed.Slice()[j.Place], 1)
		linger(rnd)
		return nil
	})
})

// flap clears the event and sets it again, if it was set.
func (j gateJob) flap() error {
	if !j.G.E.IsSet() {
		return nil
	}
	if err := j.G.E.Clear(); err != nil {
		return err
	}
	crashpoint.At("soak.cleared")
	return j.G.E.Set()
}

// rule lets all pass, and stops them again, until it is told to stop: whoever waits when the event is set, and is set, passes.
func (g gate) rule(stop <-chan struct{}, f floor, patience time.Duration, rnd *rand.Rand) error {
	before := make([]uint32, g.Passed.Len())
	for {
		if err := g.E.Clear(); err != nil {
			return err
		}
		time.Sleep(time.Duration(rnd.IntN(1000)) * time.Microsecond)
		for i := range before {
			before[i] = atomic.LoadUint32(&g.Passed.Slice()[i])
		}
		began := f.now()
		for {
			if !g.E.IsSet() { // somebody who flapped may have died before he set it again
				if err := g.E.Set(); err != nil {
					return err
				}
			}
			select {
			case <-stop:
				return nil
			case <-time.After(50 * time.Microsecond):
			}
			missing := -1
			for i, n := range before {
				if atomic.LoadUint32(&g.Passed.Slice()[i]) == n {
					missing = i
				}
			}
			if missing < 0 {
				break
			}
			if f.now()-began > patience {
				return fmt.Errorf("the event is set for %v, and nobody at place %d has passed", patience, missing)
			}
		}
		f.waited(began)
	}
}

// EventReport tells what happened at an Event.
type EventReport struct {
	Toll
	Passed int64
}

func (r EventReport) String() string {
	return fmt.Sprintf("%v; they passed %d times", r.Toll, r.Passed)
}

// RunEvent lets processes wait for an Event and set it while they are killed, until Kills have died or For is over. It returns an error if
// somebody still waits when it is set, or if something was left.
func RunEvent(ctx context.Context, o Options) (report EventReport, err error) {
	o = o.complete()
	err = audit(o.Patience, func() (int, error) {
		var g gate
		var errs [2]error
		g.E, errs[0] = psync.NewEvent()
		g.Passed, errs[1] = shm.NewArray[uint32](o.Processes)
		if err := errors.Join(errs[:]...); err != nil {
			return 0, err
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		var (
			ruler sync.WaitGroup
			once  sync.Once
			ruled error
			stop  = make(chan struct{})
			end   = func() {}
		)
		report.Toll, err = o.shift(ctx, 7, EventPoints, func(r Recruit) (*multiproc.Process, error) {
			once.Do(func() {
				ruler.Go(func() {
					if ruled = g.rule(stop, r.Floor, o.Patience, rand.New(rand.NewPCG(o.Seed, 8))); ruled != nil {
						cancel(ruled)
					}
				})
			})
			return multiproc.Start(context.Background(), passer.With(gateJob{g, r}))
		}, func() {
			close(stop)
			ruler.Wait()
			end = repeat(g.E.Set) // somebody may be about to clear it
		})
		end()
		if err = errors.Join(err, ruled); err == nil {
			err = g.E.Set() // one who died may have cleared it
		}
		if list := g.E.Waiters(); err == nil && len(list) > 0 {
			err = fmt.Errorf("%v still wait", list)
		}
		for i := range g.Passed.Len() {
			report.Passed += int64(g.Passed.At(i))
		}
		if err == nil && report.Passed == 0 {
			err = errors.New("nobody has ever passed")
		}
		return 0, errors.Join(err, g.E.Close(), g.Passed.Close())
	})
	return report, err
}
