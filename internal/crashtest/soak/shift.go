package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/shm"
)

// Toll is how many workers there were and how many of them died: by the parent, and at named moments.
type Toll struct {
	Kills, Deaths, Workers int
	Work                   int64         // what they did, in steps of theirs
	Stall                  time.Duration // the longest wait, for any of what they do
}

func (t Toll) String() string {
	return fmt.Sprintf("%d deaths: %d at random, %d at named moments; %d workers, longest wait %v", t.Kills+t.Deaths, t.Kills, t.Deaths, t.Workers, t.Stall)
}

// A Recruit is what a new worker is told.
type Recruit struct {
	Index int // of all that there ever were
	Place int // of those who live, from 0
	Seed  uint64
	Point string // where it dies, at its Nth arrival; "" if not by itself
	Nth   int
	Floor floor
	// Patience is how long a worker waits for what it must get.
	Patience time.Duration
}

// hands is how many goroutines a worker has, so that those of one process meet, too.
const hands = 2

// work lets a worker's goroutines act until they are told to stop, or one of them fails.
func (r Recruit) work(ctx context.Context, act func(ctx context.Context, rnd *rand.Rand) error) error {
	w := worker{job: job{Point: r.Point, Nth: r.Nth}}
	w.arm()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var staff sync.WaitGroup
	for hand := range uint64(hands) {
		staff.Go(func() {
			rnd := rand.New(rand.NewPCG(r.Seed, hand))
			for !r.Floor.Stop.Load() && ctx.Err() == nil {
				if err := act(ctx, rnd); err != nil {
					cancel(fmt.Errorf("worker %d: %w", r.Index, err))
				}
				shm.Add(r.Floor.Work, 1)
			}
		})
	}
	staff.Wait()
	return context.Cause(ctx)
}

// workAs is work for who asks which of the others are alive.
func (r Recruit) workAs(ctx context.Context, act func(ctx context.Context, rnd *rand.Rand, member *family.Member) error) error {
	member, err := family.Current()
	if err != nil {
		return err
	}
	return r.work(ctx, func(ctx context.Context, rnd *rand.Rand) error { return act(ctx, rnd, member) })
}

// maybeShortly is a context that ends soon, for one of two; else it ends when the one who waits should have got what it waits for long ago.
func (r Recruit) maybeShortly(ctx context.Context, rnd *rand.Rand) (_ context.Context, cancel context.CancelFunc, gaveUp func(error) bool) {
	if rnd.IntN(2) == 0 {
		ctx, cancel = context.WithTimeout(ctx, r.Patience)
		return ctx, cancel, func(error) bool { return false }
	}
	ctx, cancel = shortly(ctx, rnd)
	return ctx, cancel, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }
}

// mostWorkers is how many there may be in a shift.
func (o Options) mostWorkers() int {
	if o.Kills == 0 {
		return 1 << 16
	}
	return 4*o.Kills + 16*o.Processes + 1
}

// shift keeps o.Processes workers at work, kills them at random and puts another in the place of each that has died, until o.Kills have
// died or o.For is over. Between two kills some work is done, since a machine that is busy with starting others must get on, too. Then
// it tells the rest to stop, calls stop, if it is not nil, and waits for them. It returns an error if a worker ends otherwise, or does
// not end, or if nobody does anything any more.
func (o Options) shift(ctx context.Context, stream uint64, points []string, start func(Recruit) (*multiproc.Process, error), stop func()) (toll Toll, err error) {
	most := o.mostWorkers()
	floor, closeFloor, err := newFloor()
	if err != nil {
		return toll, err
	}
	defer func() {
		toll.Work, toll.Stall = floor.Work.Load(), time.Duration(floor.Stall.Load())
		err = errors.Join(err, closeFloor())
	}()
	rnd := rand.New(rand.NewPCG(o.Seed, stream))
	staff, ended := make([]hired, o.Processes), make(chan int, o.Processes)
	hire := func(i int) error {
		r := Recruit{Index: toll.Workers, Place: i, Seed: rnd.Uint64(), Floor: floor, Patience: o.Patience}
		if rnd.IntN(2) == 0 {
			r.Point, r.Nth = points[rnd.IntN(len(points))], 1+rnd.IntN(30)
		}
		toll.Workers++
		p, err := start(r)
		if err != nil {
			return err
		}
		staff[i] = hired{Process: p, point: r.Point}
		go func() {
			<-p.Done()
			ended <- i
		}()
		return nil
	}
	for i := range staff {
		if err = hire(i); err != nil {
			break
		}
	}
	var timeUp <-chan time.Time
	if o.For > 0 {
		timeUp = time.After(o.For)
	}
	due, seen, since := int64(0), int64(0), floor.now()
	for next := time.NewTimer(0); err == nil && toll.Workers < most && (o.Kills == 0 || toll.Kills+toll.Deaths < o.Kills); {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-timeUp:
			most = 0
		case i := <-ended:
			h := staff[i]
			e := h.Wait(context.Background())
			if sig, ok := errors.AsType[*multiproc.SignalError](e); !ok || sig.Signal != syscall.SIGKILL {
				err = fmt.Errorf("%v ended with %w", h.Process, e)
				break
			}
			if h.killed {
				toll.Kills++
			} else {
				toll.Deaths++
			}
			err = hire(i)
		case <-next.C:
			next.Reset(time.Duration(rnd.IntN(6000)) * time.Microsecond)
			done := floor.Work.Load()
			if done != seen {
				seen, since = done, floor.now()
			}
			if done < due {
				if floor.now()-since > o.Patience {
					err = fmt.Errorf("nobody has done anything for %v, after %d steps", o.Patience, done)
				}
				break
			}
			due = done + rnd.Int64N(int64(4*o.Processes))
			if h := &staff[rnd.IntN(len(staff))]; !h.killed && h.Alive() {
				h.killed = h.Kill() == nil
			}
		}
	}
	floor.Stop.Store(true)
	if stop != nil {
		stop()
	}
	patient, cancel := context.WithTimeout(context.Background(), o.Patience)
	defer cancel()
	for _, h := range staff {
		if h.Process == nil {
			continue
		}
		e := h.Wait(patient)
		if _, ok := errors.AsType[*multiproc.SignalError](e); e != nil && !ok {
			err = errors.Join(err, fmt.Errorf("stuck, or failed: %v: %w", h.Process, e))
			h.Kill()
			<-h.Done()
		}
	}
	return toll, err
}

// repeat calls f now and then until the function that it returns is called, for what a worker may undo once more before it ends.
func repeat(f func() error) (end func()) {
	ended := make(chan struct{})
	var caller sync.WaitGroup
	caller.Go(func() {
		for f() == nil {
			select {
			case <-ended:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	return func() {
		close(ended)
		caller.Wait()
	}
}
