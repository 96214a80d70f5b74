package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// BarrierPoints are the named moments at which a member of a barrier may die.
var BarrierPoints = []string{
	"barrier.join", "barrier.arrived", "barrier.ring", "barrier.rung", "barrier.sleep", "barrier.woken", "barrier.broken", "barrier.reset",
	"barrier.repair", "barrier.repaired", "barrier.acted", "barrier.withdraw", "barrier.leave",
	"lock.sleep", "lock.steal", "lock.freed", "blocked.writing", "blocked.written", "soak.acting",
}

// court is where the members meet.
type court struct {
	B *psync.Barrier
	// At says by place who is at the barrier. A dead one stays there until his successor comes.
	At     *shm.Array[uint32]
	Round  *shm.Value[int64] // rounds that all have reached
	Seen   *shm.Array[int64] // by index: the last round in which somebody got it
	Astray *shm.Value[int64] // a round before which an arrival was taken back, so that those after it have counted it
	Broken *shm.Value[int64] // times that somebody was told that it is broken
	Full   *shm.Value[int64] // rounds that ended well, with all places taken
}

type courtJob struct {
	C court
	Recruit
}

var member = multiproc.Proc("soak member", func(ctx context.Context, j courtJob) error {
	w := worker{job: job{Point: j.Point, Nth: j.Nth}}
	w.arm()
	me, err := family.Current()
	if err != nil {
		return err
	}
	rnd := rand.New(rand.NewPCG(j.Seed, 0))
	if err := j.join(ctx); err != nil {
		return fmt.Errorf("its Join: %w", err)
	}
	for !j.Floor.Stop.Load() && ctx.Err() == nil {
		if err := j.meet(ctx, rnd, uint32(me.ID())); err != nil {
			return err
		}
		shm.Add(j.Floor.Work, 1)
	}
	if err := j.C.B.Leave(ctx); !errors.Is(err, psync.ErrNoSeat) {
		return err
	}
	return nil
})

// join takes the seat of one who died, as soon as the others have been told that and have repaired the barrier. If there are no
// others, it does it for them.
func (j courtJob) join(ctx context.Context) error {
	b, all := j.C.B, j.C.At.Len()
	for ; ; time.Sleep(100 * time.Microsecond) {
		err := b.Join(ctx)
		if !errors.Is(err, psync.ErrFull) {
			return err
		}
		if j.Floor.Stop.Load() {
			return nil
		}
		if b.Parties() < all || len(b.Members()) == 0 {
			if err := b.Reset(ctx); err != nil {
				return err
			}
		}
	}
}

// meet is one round, or what comes of it.
func (j courtJob) meet(ctx context.Context, rnd *rand.Rand, me uint32) error {
	c, wait := j.C, ctx
	if rnd.IntN(64) == 0 { // not everybody: they would hardly ever meet
		var cancel context.CancelFunc
		wait, cancel = shortly(ctx, rnd)
		defer cancel()
	}
	at := &c.At.Slice()[j.Place]
	atomic.StoreUint32(at, me)
	var acted error
	began := j.Floor.now()
	index, err := c.B.Do(wait, func() error { acted = c.act(); return nil })
	j.Floor.waited(began)
	if err == nil && !j.Floor.Stop.Load() { // one who leaves at the end may end a round without an action
		err = errors.Join(acted, c.note(index))
	}
	atomic.StoreUint32(at, 0)
	switch {
	case err == nil:
		return nil
	case wait != ctx && errors.Is(err, context.DeadlineExceeded):
		c.Astray.Store(c.Round.Load() + 3)
		return nil
	case !errors.Is(err, psync.ErrBroken):
		return err
	}
	shm.Add(c.Broken, 1)
	if j.Floor.Stop.Load() {
		return nil
	}
	if rnd.IntN(4*c.At.Len()) == 0 { // breaks it for those who wait already, so not everybody does
		return c.B.Reset(ctx)
	}
	return c.B.Repair(ctx)
}

// act is the action of the last to arrive: all are there, and stay there until it has ended. If the round is broken meanwhile, what it
// returns is not looked at.
func (c court) act() error {
	shm.Add(c.Round, 1)
	crashpoint.At("soak.acting")
	there := 0
	for i := range c.At.Slice() {
		if atomic.LoadUint32(&c.At.Slice()[i]) != 0 {
			there++
		}
	}
	if n := c.B.Parties(); there < n {
		return fmt.Errorf("%d are at the barrier, and it lets %d go", there, n)
	}
	if there == c.At.Len() {
		shm.Add(c.Full, 1)
	}
	return nil
}

// note looks whether nobody else got the same index in this round. As long as it has not come to the next one, there is none.
func (c court) note(index int) error {
	if index < 0 || index >= c.Seen.Len() {
		return fmt.Errorf("index %d of %d", index, c.Seen.Len())
	}
	if round := c.Round.Load(); atomic.SwapInt64(&c.Seen.Slice()[index], round) == round && round > c.Astray.Load() {
		return fmt.Errorf("two have got index %d in round %d", index, round)
	}
	return nil
}

// BarrierReport tells what happened at a barrier.
type BarrierReport struct {
	Toll
	Rounds, Full, Broken int64 // rounds that all had reached; of these, those with nobody missing; times that one was told that it is broken
}

func (r BarrierReport) String() string {
	return fmt.Sprintf("%v; %d rounds, %d of them with nobody missing, broken for %d", r.Toll, r.Rounds, r.Full, r.Broken)
}

// RunBarrier lets processes meet while they are killed, until Kills have died or For is over. It returns an error if somebody waits for a
// member who is dead, if a round ends before all have come, if two get the same index, or if something was left.
func RunBarrier(ctx context.Context, o Options) (report BarrierReport, err error) {
	o = o.complete()
	err = audit(o.Patience, func() (int, error) {
		c, closeAll, err := newCourt(o.Processes)
		if err != nil {
			return 0, err
		}
		end := func() {}
		report.Toll, err = o.shift(ctx, 6, BarrierPoints, func(r Recruit) (*multiproc.Process, error) {
			return multiproc.Start(context.Background(), member.With(courtJob{c, r}))
		}, func() {
			end = repeat(c.B.Abort) // somebody may be about to repair it
		})
		end()
		report.Rounds, report.Full, report.Broken = c.Round.Load(), c.Full.Load(), c.Broken.Load()
		if err == nil {
			err = c.balance()
		}
		return 0, errors.Join(err, closeAll())
	})
	return report, err
}

func newCourt(places int) (c court, closeAll func() error, err error) {
	var errs [7]error
	c.B, errs[0] = psync.NewBarrier(places)
	c.At, errs[1] = shm.NewArray[uint32](places)
	c.Round, errs[2] = shm.NewValue[int64](0)
	c.Seen, errs[3] = shm.NewArray[int64](places)
	c.Broken, errs[4] = shm.NewValue[int64](0)
	c.Full, errs[5] = shm.NewValue[int64](0)
	c.Astray, errs[6] = shm.NewValue[int64](0)
	return c, func() error {
		return errors.Join(c.B.Close(), c.Astray.Close(), c.At.Close(), c.Round.Close(), c.Seen.Close(), c.Broken.Close(), c.Full.Close())
	}, errors.Join(errs[:]...)
}

// balance looks whether all have gone, and whether the barrier is as at the beginning after a Reset.
func (c court) balance() error {
	if members, waiters := c.B.Members(), c.B.Waiters(); len(members)+len(waiters) > 0 {
		return fmt.Errorf("%v are members, and %v wait", members, waiters)
	}
	if err := c.B.Reset(context.Background()); err != nil {
		return err
	}
	if n := c.B.Parties(); n != c.At.Len() || c.B.Waiting() != 0 || c.B.Broken() {
		return fmt.Errorf("after a Reset: %d parties of %d, %d wait, broken %v", n, c.At.Len(), c.B.Waiting(), c.B.Broken())
	}
	for range c.At.Len() {
		if err := c.B.Join(context.Background()); err != nil {
			return fmt.Errorf("after a Reset: %w", err)
		}
	}
	if c.Full.Load() == 0 {
		return errors.New("they have never all met")
	}
	return nil
}
