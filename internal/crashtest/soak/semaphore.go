package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// SemaphorePoints are the named moments at which a worker at a semaphore may die.
var SemaphorePoints = []string{
	"sema.claimed", "sema.recorded", "sema.taken", "sema.given", "sema.grabbed", "sema.shut", "sema.announced", "sema.sleep", "sema.woken",
	"sema.freed", "sema.posted", "sema.tell", "sema.giveup", "sema.leave", "sema.relieve", "sema.bury", "sema.buried", "sema.redo", "sema.redone",
	"holds.grown", "lock.sleep", "lock.woken", "lock.steal", "lock.freed",
}

const permits = 5

// turnstile is what the workers share.
type turnstile struct {
	S     *psync.Semaphore   // of permits
	Seats *shm.Array[uint32] // one for each permit: who holds it
	Tally *psync.Semaphore   // of signals, which nobody owns
	Given *shm.Array[int32]  // by worker: signals that it has posted, for certain
	Taken *shm.Array[int32]  // by worker: signals that it has got, for certain
	Doing *shm.Array[int32]  // by worker: +1 while it posts, -1 while it waits
	Held  *shm.Value[int64]  // times that permits were held
}

type turnstileJob struct {
	T turnstile
	Recruit
}

var gatekeeper = multiproc.Proc("soak gatekeeper", func(ctx context.Context, j turnstileJob) error {
	member, err := family.Current()
	if err != nil {
		return err
	}
	w := worker{job: job{Point: j.Point, Nth: j.Nth}}
	w.arm()
	rnd := rand.New(rand.NewPCG(j.Seed, uint64(j.Index)))
	for !j.Floor.Stop.Load() && ctx.Err() == nil {
		do := j.T.hold
		if rnd.IntN(4) == 0 {
			do = j.T.signal
		}
		began := j.Floor.now()
		if err := do(ctx, rnd, member, j.Index); err != nil {
			return err
		}
		j.Floor.waited(began)
		shm.Add(j.Floor.Work, 1)
	}
	return nil
})

// hold takes some permits, or gives up, and sits down with them.
func (t turnstile) hold(ctx context.Context, rnd *rand.Rand, member *family.Member, _ int) error {
	if rnd.IntN(2) == 0 { // else it waits for as long as it must
		var cancel context.CancelFunc
		ctx, cancel = shortly(ctx, rnd)
		defer cancel()
	}
	n := 1
	if rnd.IntN(3) == 0 {
		n = 1 + rnd.IntN(permits)
	}
	p, err := t.S.AcquireN(ctx, n)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	if err != nil {
		return err
	}
	shm.Add(t.Held, 1)
	me, seats := uint32(member.ID()), t.Seats.Slice()
	for sat := 0; sat < n; sat++ {
		if !sit(seats, me, member) {
			return fmt.Errorf("with %d permits there are more than %d", n, permits)
		}
	}
	if rnd.IntN(2) == 0 {
		time.Sleep(time.Duration(rnd.IntN(50)) * time.Microsecond)
	}
	for i := range seats {
		atomic.CompareAndSwapUint32(&seats[i], me, 0)
	}
	p.Release()
	return nil
}

// sit takes a seat that is nobody's or a dead one's.
func sit(seats []uint32, me uint32, member *family.Member) bool {
	for i := range seats {
		o := atomic.LoadUint32(&seats[i])
		if o == me || o != 0 && member.Table.State(lease.ID(o)) == lease.Alive {
			continue
		}
		if atomic.CompareAndSwapUint32(&seats[i], o, me) {
			return true
		}
	}
	return false
}

// signal posts a signal or takes one, and says what it does.
func (t turnstile) signal(ctx context.Context, rnd *rand.Rand, _ *family.Member, index int) error {
	doing := &t.Doing.Slice()[index]
	if rnd.IntN(2) == 0 {
		atomic.StoreInt32(doing, 1)
		if err := t.Tally.Post(); err != nil {
			return err
		}
		atomic.AddInt32(&t.Given.Slice()[index], 1)
		atomic.StoreInt32(doing, 0)
		return nil
	}
	ctx, cancel := shortly(ctx, rnd)
	defer cancel()
	atomic.StoreInt32(doing, -1)
	err := t.Tally.Wait(ctx)
	if err == nil {
		atomic.AddInt32(&t.Taken.Slice()[index], 1)
	}
	atomic.StoreInt32(doing, 0)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// SemaphoreReport tells what happened at a semaphore.
type SemaphoreReport struct {
	Toll
	Held    int64
	Signals int // that were posted for certain
	InDoubt int // of which only a dead process knew
}

func (r SemaphoreReport) String() string {
	return fmt.Sprintf("%v; they held permits %d times and posted %d signals, %d in doubt", r.Toll, r.Held, r.Signals, r.InDoubt)
}

// RunSemaphore lets processes hold permits and pass signals while they are killed, until Kills have died or For is over. It returns an error
// if a permit or a signal was lost or doubled, if somebody hangs, or if memory was lost.
func RunSemaphore(ctx context.Context, o Options) (report SemaphoreReport, err error) {
	o = o.complete()
	err = audit(o.Patience, func() (int, error) {
		t, closeAll, err := newTurnstile(o.mostWorkers())
		if err != nil {
			return 0, err
		}
		report.Toll, err = o.shift(ctx, 2, SemaphorePoints, func(r Recruit) (*multiproc.Process, error) {
			return multiproc.Start(context.Background(), gatekeeper.With(turnstileJob{t, r}))
		}, nil)
		if err == nil {
			patient, cancel := context.WithTimeout(context.Background(), o.Patience)
			err = t.balance(patient, &report)
			cancel()
		}
		// Who dies while it makes room for holds leaves a block that names it.
		return report.Deaths + report.Kills, errors.Join(err, closeAll())
	})
	return report, err
}

func newTurnstile(workers int) (t turnstile, closeAll func() error, err error) {
	var errs [7]error
	t.S, errs[0] = psync.NewSemaphore(permits)
	t.Seats, errs[1] = shm.NewArray[uint32](permits)
	t.Tally, errs[2] = psync.NewSemaphore(0)
	t.Given, errs[3] = shm.NewArray[int32](workers)
	t.Taken, errs[4] = shm.NewArray[int32](workers)
	t.Doing, errs[5] = shm.NewArray[int32](workers)
	t.Held, errs[6] = shm.NewValue[int64](0)
	return t, func() error {
		return errors.Join(t.S.Close(), t.Seats.Close(), t.Tally.Close(), t.Given.Close(), t.Taken.Close(), t.Doing.Close(), t.Held.Close())
	}, errors.Join(errs[:]...)
}

// balance looks whether all permits and signals are there, and no more.
func (t turnstile) balance(ctx context.Context, report *SemaphoreReport) error {
	p, err := t.S.AcquireN(ctx, permits)
	if err != nil {
		return fmt.Errorf("%d of %d permits are there: %w", t.S.Value(), permits, err)
	}
	defer p.Release()
	if _, ok := t.S.TryAcquire(); ok {
		return fmt.Errorf("there are more permits than %d", permits)
	}
	if report.Held = t.Held.Load(); report.Held == 0 {
		return errors.New("nobody ever held a permit")
	}
	least, most := 0, 0
	for i, doing := range t.Doing.Slice() {
		sure := int(t.Given.At(i) - t.Taken.At(i))
		least, most = least+sure+min(int(doing), 0), most+sure+max(int(doing), 0)
		report.Signals += int(t.Given.At(i))
		if doing != 0 {
			report.InDoubt++
		}
	}
	left := 0
	for t.Tally.TryWait() {
		left++
	}
	if left < least || left > most {
		return fmt.Errorf("%d signals are left; there must be %d to %d", left, least, most)
	}
	return nil
}
