package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// ReentrantPoints are the named moments at which a worker at a ReentrantMutex, or at a Once, may die.
var ReentrantPoints = []string{
	"reentrant.locked", "reentrant.again", "reentrant.unlock", "once.did", "once.done",
	"lock.sleep", "lock.woken", "lock.steal", "lock.giveup", "lock.freed", "lock.nobody", "soak.writing", "soak.doing",
}

// office is what the workers share.
type office struct {
	M       *psync.ReentrantMutex
	Pair    *shm.Array[int64]  // the same twice, whenever nobody has M
	Inside  *shm.Value[uint32] // who has M
	Writes  *shm.Value[int64]  // by who lived
	Doing   *shm.Array[uint32] // by Once: who is doing it
	Done    *shm.Array[uint32] // by Once: 1 when somebody was told that it is done
	Effects *shm.Array[uint32] // by Once: how often it was done
}

type officeJob struct {
	O     office
	First int           // the number of Onces[0]
	Onces []*psync.Once // that others may be doing, or have done
	Recruit
}

var clerkAgain = multiproc.Proc("soak reentrant", func(ctx context.Context, j officeJob) error {
	return j.workAs(ctx, func(ctx context.Context, rnd *rand.Rand, member *family.Member) error {
		if rnd.IntN(4) == 0 {
			return j.once(ctx, rnd, member)
		}
		return j.file(ctx, rnd, member)
	})
})

// file writes the pair with M locked some times over, or gives up.
func (j officeJob) file(ctx context.Context, rnd *rand.Rand, member *family.Member) error {
	owner, err := psync.NewOwner()
	if err != nil {
		return err
	}
	ctx, cancel, gaveUp := j.maybeShortly(ctx, rnd)
	defer cancel()
	began := j.Floor.now()
	g, err := j.O.M.Lock(ctx, owner)
	if gaveUp(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("its Lock: %w", err)
	}
	j.Floor.waited(began)
	if n := g.Depth(); n != 1 {
		return fmt.Errorf("it is held %d times by one who has just got it", n)
	}
	pair := j.O.Pair.Slice()
	switch in := j.O.Inside.Load(); {
	case in != 0 && member.Table.State(lease.ID(in)) != lease.Gone:
		return fmt.Errorf("it has the lock with %d", in)
	case g.Abandoned():
		pair[1] = pair[0]
		g.Repaired()
	case in != 0 || pair[0] != pair[1]:
		return fmt.Errorf("%d died with the lock, %v, and it is not abandoned", in, pair)
	}
	j.O.Inside.Store(uint32(member.ID()))
	guards := []psync.ReentrantGuard{g}
	for range rnd.IntN(3) {
		again, err := j.O.M.Lock(ctx, owner)
		if err != nil {
			return fmt.Errorf("the owner's Lock: %w", err)
		}
		guards = append(guards, again)
	}
	atomic.AddInt64(&pair[0], 1)
	crashpoint.At("soak.writing")
	linger(rnd)
	atomic.AddInt64(&pair[1], 1)
	shm.Add(j.O.Writes, 1)
	for i := len(guards) - 1; i >= 0; i-- {
		if i == 0 {
			j.O.Inside.Store(0)
		}
		guards[i].Unlock()
	}
	return nil
}

// once does what is to be done once, or finds it done.
func (j officeJob) once(ctx context.Context, rnd *rand.Rand, member *family.Member) error {
	i := rnd.IntN(len(j.Onces))
	o, n := j.Onces[i], j.First+i
	doing, done, effects := &j.O.Doing.Slice()[n], &j.O.Done.Slice()[n], &j.O.Effects.Slice()[n]
	errNotNow := errors.New("not now")
	ctx, cancel, gaveUp := j.maybeShortly(ctx, rnd)
	defer cancel()
	err := o.Do(ctx, func() error {
		if by := atomic.LoadUint32(doing); by != 0 && member.Table.State(lease.ID(by)) != lease.Gone {
			return fmt.Errorf("once %d is being done by %d, too", n, by)
		}
		atomic.StoreUint32(doing, uint32(member.ID()))
		defer atomic.StoreUint32(doing, 0)
		if atomic.LoadUint32(done) != 0 {
			return fmt.Errorf("once %d was done", n)
		}
		if rnd.IntN(4) > 0 {
			return errNotNow
		}
		crashpoint.At("soak.doing")
		linger(rnd)
		atomic.AddUint32(effects, 1)
		return nil
	})
	switch {
	case errors.Is(err, errNotNow) || gaveUp(err):
		return nil
	case err != nil:
		return fmt.Errorf("its Do: %w", err)
	case !o.Done() || atomic.LoadUint32(effects) == 0:
		return fmt.Errorf("once %d is done, and was never done", n)
	}
	atomic.StoreUint32(done, 1)
	return nil
}

// ReentrantReport tells what happened at a ReentrantMutex and at Onces.
type ReentrantReport struct {
	Toll
	Writes        int64
	Onces, Effect int // that were made; times that one was done
}

func (r ReentrantReport) String() string {
	return fmt.Sprintf("%v; they wrote %d times; %d Onces were done %d times", r.Toll, r.Writes, r.Onces, r.Effect)
}

// RunReentrant lets processes use a ReentrantMutex, and Onces, while they are killed, until Kills have died or For is over. It returns an
// error if two were inside, if a death was not told, if what is done was done again, if somebody waits for one who is dead, or if something was left.
func RunReentrant(ctx context.Context, o Options) (report ReentrantReport, err error) {
	o = o.complete()
	const perGroup = 8 // workers for whom there is a Once
	err = audit(o.Patience, func() (int, error) {
		s, closeAll, err := newOffice(o.mostWorkers()/perGroup + 2)
		if err != nil {
			return 0, err
		}
		var onces []*psync.Once
		report.Toll, err = o.shift(ctx, 9, ReentrantPoints, func(r Recruit) (*multiproc.Process, error) {
			for len(onces) < r.Index/perGroup+2 { // the next one, too
				o, err := psync.NewOnce()
				if err != nil {
					return nil, err
				}
				onces = append(onces, o)
			}
			first := r.Index / perGroup
			return multiproc.Start(context.Background(), clerkAgain.With(officeJob{s, first, onces[first : first+2], r}))
		}, nil)
		report.Writes, report.Onces = s.Writes.Load(), len(onces)
		if err == nil {
			patient, cancel := context.WithTimeout(context.Background(), o.Patience)
			err = s.balance(patient, onces, &report)
			cancel()
		}
		for _, o := range onces {
			err = errors.Join(err, o.Close())
		}
		return 0, errors.Join(err, closeAll())
	})
	return report, err
}

func newOffice(onces int) (s office, closeAll func() error, err error) {
	var errs [7]error
	s.M, errs[0] = psync.NewReentrantMutex()
	s.Pair, errs[1] = shm.NewArray[int64](2)
	s.Inside, errs[2] = shm.NewValue[uint32](0)
	s.Writes, errs[3] = shm.NewValue[int64](0)
	s.Doing, errs[4] = shm.NewArray[uint32](onces)
	s.Done, errs[5] = shm.NewArray[uint32](onces)
	s.Effects, errs[6] = shm.NewArray[uint32](onces)
	return s, func() error {
		return errors.Join(s.M.Close(), s.Pair.Close(), s.Inside.Close(), s.Writes.Close(), s.Doing.Close(), s.Done.Close(), s.Effects.Close())
	}, errors.Join(errs[:]...)
}

// balance looks whether all have let go, and does what is not done.
func (s office) balance(ctx context.Context, onces []*psync.Once, report *ReentrantReport) error {
	if holders, waiters := s.M.Holders(), s.M.Waiters(); len(holders)+len(waiters) > 0 {
		return fmt.Errorf("%v hold it, and %v wait", holders, waiters)
	}
	owner, err := psync.NewOwner()
	if err != nil {
		return err
	}
	g, err := s.M.Lock(ctx, owner)
	if err != nil {
		return err
	}
	defer g.Unlock()
	if pair := s.Pair.Slice(); pair[0] != pair[1] && !g.Abandoned() || pair[0] < report.Writes || report.Writes == 0 {
		return fmt.Errorf("%v, and %d writes, abandoned %v", pair, report.Writes, g.Abandoned())
	}
	for n, o := range onces {
		told := s.Done.At(n) != 0
		if told != o.Done() && told {
			return fmt.Errorf("once %d is not done any more", n)
		}
		err := o.Do(ctx, func() error {
			s.Effects.Set(n, s.Effects.At(n)+1)
			return nil
		})
		if err != nil {
			return err
		}
		report.Effect += int(s.Effects.At(n))
	}
	if report.Effect > report.Onces+report.Kills+report.Deaths {
		return errors.New("more was done again than died")
	}
	return nil
}
