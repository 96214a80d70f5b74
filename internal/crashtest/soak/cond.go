package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// CondPoints are the named moments at which a worker at a condition variable may die.
var CondPoints = []string{
	"cond.node", "cond.claim", "cond.enter", "cond.unlocked", "cond.sleep", "cond.woken", "cond.told", "cond.leave", "cond.vacate", "cond.giveup",
	"cond.signal", "cond.broadcast", "cond.rung", "cond.sweep", "cond.passed", "cond.swept",
	"lock.sleep", "lock.woken", "lock.steal", "lock.freed", "blocked.writing", "blocked.written", "soak.put", "soak.taking",
}

// counter is where tokens are put and taken. All of it is under the mutex of C.
type counter struct {
	C     *psync.Cond
	Put   *shm.Value[int64] // tokens that there ever were
	Taken *shm.Value[int64]
	// Putter is who has put a token and has not signalled that yet. Whoever finds him dead does it.
	Putter *shm.Value[uint32]
	Inside *shm.Value[uint32] // who has the mutex
}

type counterJob struct {
	C counter
	Recruit
}

// Most workers take, so that often all of them wait. Then the parent puts a token. There is a signal for each, so a signal that is lost is a
// token that stays, and nobody does anything any more.
var taker = multiproc.Proc("soak taker", func(ctx context.Context, j counterJob) error {
	return j.workAs(ctx, func(ctx context.Context, rnd *rand.Rand, member *family.Member) error {
		if rnd.IntN(4) == 0 {
			return j.C.put(ctx, rnd, member)
		}
		return j.take(ctx, rnd, member)
	})
})

// lock locks the mutex, and finishes what a dead holder had begun.
func (c counter) lock(ctx context.Context, member *family.Member) (psync.Guard, error) {
	g, err := c.C.Mutex().Lock(ctx)
	if err != nil {
		return g, err
	}
	return g, c.enter(g, member)
}

// enter is called by who has got the mutex.
func (c counter) enter(g psync.Guard, member *family.Member) error {
	switch in := c.Inside.Load(); {
	case in != 0 && member.Table.State(lease.ID(in)) != lease.Gone:
		return fmt.Errorf("it has the mutex with %d", in)
	case in != 0 && !g.Abandoned():
		return fmt.Errorf("%d died with the mutex, and it is not abandoned", in)
	}
	c.Inside.Store(uint32(member.ID()))
	if g.Abandoned() {
		if c.Putter.Load() != 0 {
			c.C.Signal()
			c.Putter.Store(0)
		}
		g.Repaired()
	}
	return nil
}

func (c counter) unlock(g psync.Guard) {
	c.Inside.Store(0)
	g.Unlock()
}

// put puts a token, or two.
func (c counter) put(ctx context.Context, rnd *rand.Rand, member *family.Member) error {
	g, err := c.lock(ctx, member)
	if err != nil {
		return err
	}
	n := 1 + rnd.IntN(2)
	for range n {
		c.Putter.Store(uint32(member.ID()))
		c.Put.Store(c.Put.Load() + 1)
		crashpoint.At("soak.put")
		if rnd.IntN(8) == 0 {
			c.C.Broadcast()
		} else {
			c.C.Signal()
		}
		c.Putter.Store(0)
	}
	c.unlock(g)
	return nil
}

// take takes a token, or gives up.
func (j counterJob) take(ctx context.Context, rnd *rand.Rand, member *family.Member) error {
	c := j.C
	g, err := c.lock(context.WithoutCancel(ctx), member)
	if err != nil {
		return err
	}
	if rnd.IntN(2) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = shortly(ctx, rnd)
		defer cancel()
	}
	for c.Put.Load() == c.Taken.Load() && !j.Floor.Stop.Load() {
		c.Inside.Store(0)
		err := c.C.Wait(ctx, &g)
		began := j.Floor.now()
		if e := c.enter(g, member); e != nil {
			return e
		}
		if errors.Is(err, context.DeadlineExceeded) {
			c.unlock(g)
			return nil
		}
		if err != nil {
			return fmt.Errorf("its Wait: %w", err)
		}
		j.Floor.waited(began)
	}
	if c.Put.Load() > c.Taken.Load() {
		crashpoint.At("soak.taking")
		c.Taken.Store(c.Taken.Load() + 1)
	}
	c.unlock(g)
	return nil
}

// feed puts a token whenever all are taken, until it is told to stop.
func (c counter) feed(stop <-chan struct{}, f floor, member *family.Member, rnd *rand.Rand) error {
	began, waits := f.now(), false // since when the token that the parent has put is there
	for {
		select {
		case <-stop:
			return nil
		case <-time.After(time.Duration(rnd.IntN(500)) * time.Microsecond):
		}
		g, err := c.lock(context.Background(), member)
		if err != nil {
			return err
		}
		all := c.Put.Load() == c.Taken.Load()
		c.unlock(g)
		if !all {
			continue
		}
		if waits {
			f.waited(began)
		}
		if err := c.put(context.Background(), rnd, member); err != nil {
			return err
		}
		began, waits = f.now(), true
	}
}

// CondReport tells what happened at a condition variable.
type CondReport struct {
	Toll
	Tokens int64
}

func (r CondReport) String() string { return fmt.Sprintf("%v; they took %d tokens", r.Toll, r.Tokens) }

// RunCond lets processes wait for tokens and signal them while they are killed, until Kills have died or For is over. It returns an error if
// a signal was lost, if somebody waits for one who is dead, or if something was left.
func RunCond(ctx context.Context, o Options) (report CondReport, err error) {
	o = o.complete()
	err = audit(o.Patience, func() (int, error) {
		member, err := family.Current()
		if err != nil {
			return 0, err
		}
		c, closeAll, err := newCounter()
		if err != nil {
			return 0, err
		}
		var (
			feeder sync.WaitGroup
			once   sync.Once
			fed    error
			stop   = make(chan struct{})
		)
		report.Toll, err = o.shift(ctx, 4, CondPoints, func(r Recruit) (*multiproc.Process, error) {
			once.Do(func() {
				feeder.Go(func() { fed = c.feed(stop, r.Floor, member, rand.New(rand.NewPCG(o.Seed, 5))) })
			})
			return multiproc.Start(context.Background(), taker.With(counterJob{c, r}))
		}, func() {
			close(stop)
			feeder.Wait()
			if g, err := c.lock(context.Background(), member); err == nil { // the mutex, so that nobody is between his look and his wait
				c.C.Broadcast()
				c.unlock(g)
			}
		})
		report.Tokens = c.Taken.Load()
		if err = errors.Join(err, fed); err == nil {
			err = c.balance()
		}
		// Who dies with a new node that nobody else knows yet leaves a block that names it.
		return report.Deaths + report.Kills, errors.Join(err, closeAll())
	})
	return report, err
}

func newCounter() (c counter, closeAll func() error, err error) {
	var errs [5]error
	mu, err := psync.NewMutex()
	if err != nil {
		return c, nil, err
	}
	c.C, errs[0] = psync.NewCond(mu)
	c.Put, errs[1] = shm.NewValue[int64](0)
	c.Taken, errs[2] = shm.NewValue[int64](0)
	c.Putter, errs[3] = shm.NewValue[uint32](0)
	c.Inside, errs[4] = shm.NewValue[uint32](0)
	return c, func() error {
		return errors.Join(c.C.Close(), mu.Close(), c.Put.Close(), c.Taken.Close(), c.Putter.Close(), c.Inside.Close())
	}, errors.Join(errs[:]...)
}

// balance looks whether all who worked have gone.
func (c counter) balance() error {
	if list := c.C.Waiters(); len(list) > 0 {
		return fmt.Errorf("%v still wait", list)
	}
	if put, taken := c.Put.Load(), c.Taken.Load(); taken == 0 || taken > put {
		return fmt.Errorf("%d tokens were put, and %d taken", put, taken)
	}
	return nil
}
