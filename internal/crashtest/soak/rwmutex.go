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
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// RWMutexPoints are the named moments at which a worker at an RWMutex may die.
var RWMutexPoints = []string{
	"rwlock.set", "rwlock.opened", "rwlock.unset", "rwlock.shutting", "rwlock.shut", "rwlock.drain", "rwlock.in", "rwlock.open", "rwlock.back",
	"rwlock.tidy", "holds.claiming", "holds.grown", "lock.sleep", "lock.woken", "lock.steal", "lock.giveup", "lock.freed", "lock.nobody",
	"blocked.writing", "blocked.written", "soak.writing", "soak.reading",
}

// library is what the workers share.
type library struct {
	M     *psync.RWMutex
	Book  *shm.Array[int64]  // two numbers; they are the same whenever nobody writes
	Desks *shm.Array[uint32] // one for each goroutine that may read: whose it is while it does
	Pen   *shm.Value[uint32] // who writes
	Pages *shm.Value[int64]  // times that the book was written, and who did it lived
	Reads *shm.Value[int64]
}

type libraryJob struct {
	L library
	Recruit
}

var reader = multiproc.Proc("soak reader", func(ctx context.Context, j libraryJob) error {
	return j.workAs(ctx, func(ctx context.Context, rnd *rand.Rand, member *family.Member) error {
		if rnd.IntN(4) == 0 {
			return j.write(ctx, rnd, member)
		}
		return j.read(ctx, rnd, member)
	})
})

// read reads the book, or gives up.
func (j libraryJob) read(ctx context.Context, rnd *rand.Rand, member *family.Member) error {
	if rnd.IntN(4) == 0 {
		if g, ok := j.L.M.TryRLock(); ok {
			return j.reading(g, rnd, member)
		}
		return nil
	}
	ctx, cancel, gaveUp := j.maybeShortly(ctx, rnd)
	defer cancel()
	began := j.Floor.now()
	g, err := j.L.M.RLock(ctx)
	if gaveUp(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("its RLock: %w", err)
	}
	j.Floor.waited(began)
	return j.reading(g, rnd, member)
}

// reading is what one does who reads. It gives the lock back.
func (j libraryJob) reading(g psync.ReadGuard, rnd *rand.Rand, member *family.Member) error {
	if g.Abandoned() { // a writer's business
		g.Unlock()
		return nil
	}
	me, desks := uint32(member.ID()), j.L.Desks.Slice()
	desk := takeDesk(desks, me, member)
	if desk == nil {
		return fmt.Errorf("no desk is free for a reader")
	}
	if err := j.look(rnd); err != nil {
		return err
	}
	atomic.StoreUint32(desk, 0)
	shm.Add(j.L.Reads, 1)
	g.Unlock()
	return nil
}

// takeDesk takes a desk that is nobody's or a dead one's; unlike a seat at the turnstile, a goroutine's desk is not another's of its process.
func takeDesk(desks []uint32, me uint32, member *family.Member) *uint32 {
	for i := range desks {
		o := atomic.LoadUint32(&desks[i])
		if (o == 0 || member.Table.State(lease.ID(o)) == lease.Gone) && atomic.CompareAndSwapUint32(&desks[i], o, me) {
			return &desks[i]
		}
	}
	return nil
}

// look looks at the book, for a while: it is whole, and stays as it is.
func (j libraryJob) look(rnd *rand.Rand) error {
	book := j.L.Book.Slice()
	first := [2]int64{atomic.LoadInt64(&book[0]), atomic.LoadInt64(&book[1])}
	crashpoint.At("soak.reading")
	linger(rnd)
	then := [2]int64{atomic.LoadInt64(&book[0]), atomic.LoadInt64(&book[1])}
	if first[0] != first[1] || first != then {
		return fmt.Errorf("a reader sees %v, and then %v", first, then)
	}
	return nil
}

// write writes the book, or gives up.
func (j libraryJob) write(ctx context.Context, rnd *rand.Rand, member *family.Member) error {
	if rnd.IntN(4) == 0 {
		if g, ok := j.L.M.TryLock(); ok {
			return j.writing(g, rnd, member)
		}
		return nil
	}
	ctx, cancel, gaveUp := j.maybeShortly(ctx, rnd)
	defer cancel()
	began := j.Floor.now()
	g, err := j.L.M.Lock(ctx)
	if gaveUp(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("its Lock: %w", err)
	}
	j.Floor.waited(began)
	return j.writing(g, rnd, member)
}

// writing is what one does who writes. It gives the lock back, some of the times by way of reading.
func (j libraryJob) writing(g psync.WriteGuard, rnd *rand.Rand, member *family.Member) error {
	me, book := uint32(member.ID()), j.L.Book.Slice()
	if pen := j.L.Pen.Load(); pen != 0 && member.Table.State(lease.ID(pen)) != lease.Gone {
		return fmt.Errorf("a writer is in with writer %d", pen)
	}
	j.L.Pen.Store(me)
	for i := range j.L.Desks.Len() {
		if o := atomic.LoadUint32(&j.L.Desks.Slice()[i]); o != 0 && member.Table.State(lease.ID(o)) != lease.Gone {
			return fmt.Errorf("a writer is in with reader %d", o)
		}
	}
	switch {
	case g.Abandoned():
		book[1] = book[0]
		g.Repaired()
	case book[0] != book[1]:
		return fmt.Errorf("the book is torn, %v, and not said to be abandoned", book)
	}
	atomic.AddInt64(&book[0], 1)
	crashpoint.At("soak.writing")
	linger(rnd)
	atomic.AddInt64(&book[1], 1)
	shm.Add(j.L.Pages, 1)
	j.L.Pen.Store(0)
	if rnd.IntN(3) > 0 {
		g.Unlock()
		return nil
	}
	r, err := g.Downgrade()
	if err != nil {
		return err
	}
	return j.reading(r, rnd, member)
}

// linger passes some time, most often none.
func linger(rnd *rand.Rand) {
	if rnd.IntN(4) == 0 {
		time.Sleep(time.Duration(rnd.IntN(50)) * time.Microsecond)
	}
}

// RWMutexReport tells what happened at an RWMutex.
type RWMutexReport struct {
	Toll
	Reads, Pages int64
}

func (r RWMutexReport) String() string {
	return fmt.Sprintf("%v; they read %d times and wrote %d times", r.Toll, r.Reads, r.Pages)
}

// RunRWMutex lets processes read and write while they are killed, until Kills have died or For is over. It returns an error if a writer
// was in with somebody else, if somebody read what was half-written without being told, if somebody waits for one who is dead, or is starved,
// or if something was left.
func RunRWMutex(ctx context.Context, o Options) (report RWMutexReport, err error) {
	o = o.complete()
	err = audit(o.Patience, func() (int, error) {
		l, closeAll, err := newLibrary(hands * o.Processes)
		if err != nil {
			return 0, err
		}
		report.Toll, err = o.shift(ctx, 3, RWMutexPoints, func(r Recruit) (*multiproc.Process, error) {
			return multiproc.Start(context.Background(), reader.With(libraryJob{l, r}))
		}, nil)
		report.Reads, report.Pages = l.Reads.Load(), l.Pages.Load()
		if err == nil {
			patient, cancel := context.WithTimeout(context.Background(), o.Patience)
			err = l.balance(patient)
			cancel()
		}
		// Who dies while it makes room for holds leaves a block that names it.
		return report.Deaths + report.Kills, errors.Join(err, closeAll())
	})
	return report, err
}

// newLibrary has twice as many desks as there are readers: the dead do not leave theirs until they are proven dead.
func newLibrary(readers int) (l library, closeAll func() error, err error) {
	var errs [6]error
	l.M, errs[0] = psync.NewRWMutex()
	l.Book, errs[1] = shm.NewArray[int64](2)
	l.Desks, errs[2] = shm.NewArray[uint32](2 * readers)
	l.Pen, errs[3] = shm.NewValue[uint32](0)
	l.Pages, errs[4] = shm.NewValue[int64](0)
	l.Reads, errs[5] = shm.NewValue[int64](0)
	return l, func() error {
		return errors.Join(l.M.Close(), l.Book.Close(), l.Desks.Close(), l.Pen.Close(), l.Pages.Close(), l.Reads.Close())
	}, errors.Join(errs[:]...)
}

// balance looks whether all who worked have let go.
func (l library) balance(ctx context.Context) error {
	if holders, waiters := l.M.Holders(), l.M.Waiters(); len(holders)+len(waiters) > 0 {
		return fmt.Errorf("%v hold it, and %v wait", holders, waiters)
	}
	g, err := l.M.Lock(ctx)
	if err != nil {
		return err
	}
	defer g.Unlock()
	book, pages := l.Book.Slice(), l.Pages.Load()
	if torn := book[0] != book[1]; torn && !g.Abandoned() || book[0] < pages {
		return fmt.Errorf("the book says %v, abandoned %v; %d pages were written", book, g.Abandoned(), pages)
	}
	if l.Reads.Load() == 0 || pages == 0 {
		return errors.New("nobody has read, or nobody has written")
	}
	return nil
}
