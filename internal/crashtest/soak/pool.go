package soak

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/pool"
	"github.com/multiproc-go/multiproc/shm"
)

// PoolPoints are the named moments at which a worker of a pool may die: at a task, and in the queues that it shares with its owner.
var PoolPoints = []string{
	"pool.begun", "pool.ran", "pool.logged", "pool.sent",
	"queue.claimed", "queue.copied", "queue.placing", "queue.placed", "queue.committed", "queue.wake",
	"queue.taking", "queue.held", "queue.taken", "queue.gone", "queue.sleep", "queue.woken", "arena.pending", "arena.applied",
}

const (
	mapped    = 3000 // tasks of a round that a Map runs
	submitted = 300  // and each of those who submit
	clients   = 2    // who submit
	tasks     = mapped + clients*submitted
)

// slate is what the workers of one round share.
type slate struct {
	Runs *shm.Array[int32] // by task: how often it was begun
	Own  *shm.Value[int64] // deaths by a worker's own hand
	Seed uint64
}

// poolChore is one task.
type poolChore struct {
	N     int
	Slate slate
}

var errChore = multiproc.Sentinel("soak: a task that fails")

var chore = multiproc.Func("soak chore", func(_ context.Context, c poolChore) ([]byte, error) {
	atomic.AddInt32(&c.Slate.Runs.Slice()[c.N], 1)
	switch rnd := c.rnd(); rnd.IntN(50) {
	case 0:
		return nil, errChore
	case 1:
		time.Sleep(time.Duration(rnd.IntN(3000)) * time.Microsecond)
	}
	return c.result(), nil
})

func (c poolChore) rnd() *rand.Rand { return rand.New(rand.NewPCG(c.Slate.Seed, uint64(c.N))) }

func (c poolChore) fails() bool { return c.rnd().IntN(50) == 0 }

// result begins with the task's number. It is short, or too long for a queue's ring, or for a worker's log.
func (c poolChore) result() []byte {
	n := 8
	switch c.N % 100 {
	case 17:
		n = 5000
	case 71:
		n = 100_000
	}
	b := bytes.Repeat([]byte{byte(c.N)}, n)
	binary.LittleEndian.PutUint64(b, uint64(c.N))
	return b
}

// arm makes half of the workers die at some point, each at one that its name and the seed say.
var arm = multiproc.Proc("soak arm", func(ctx context.Context, s slate) error {
	h := fnv.New64a()
	h.Write([]byte(multiproc.Self(ctx).Name))
	rnd := rand.New(rand.NewPCG(s.Seed, h.Sum64()))
	if rnd.IntN(2) == 0 {
		return nil
	}
	point, nth := PoolPoints[rnd.IntN(len(PoolPoints))], int64(3+rnd.IntN(100))
	var passed atomic.Int64
	crashpoint.Set(func(name string) {
		if name != point || passed.Add(1) != nth {
			return
		}
		shm.Add(s.Own, 1)
		die()
	})
	return nil
})

// PoolReport tells what happened to pools.
type PoolReport struct {
	Kills, Deaths          int // by the parent, and at named moments
	Rounds, Tasks          int
	Failed, Retried, Began int // tasks that a death has failed; times that one was run again; workers
}

func (r PoolReport) String() string {
	return fmt.Sprintf("%d deaths: %d at random, %d at named moments; %d pools with %d restarts, %d tasks, of which %d failed by a death, and %d were retried",
		r.Kills+r.Deaths, r.Kills, r.Deaths, r.Rounds, r.Began, r.Tasks, r.Failed, r.Retried)
}

// RunPool lets pools run tasks while their workers are killed, until Kills have died or For is over. It returns an error if a task ended
// not once, ran more often than it may, or failed without a death; if somebody hangs; or if memory or a process was left.
func RunPool(ctx context.Context, o Options) (report PoolReport, err error) {
	o = o.complete()
	err = audit(o.Patience, func() (int, error) {
		rnd := rand.New(rand.NewPCG(o.Seed, 2))
		for began := time.Now(); o.Kills == 0 || report.Kills+report.Deaths < o.Kills; {
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			if o.For > 0 && time.Since(began) >= o.For {
				break
			}
			if err := poolRound(ctx, rnd, o, &report); err != nil {
				return 0, fmt.Errorf("round %d: %w", report.Rounds, err)
			}
		}
		return 0, nil
	})
	return report, err
}

// poolRound is a pool from its beginning to its end.
func poolRound(ctx context.Context, rnd *rand.Rand, o Options, report *PoolReport) error {
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	s := slate{Seed: rnd.Uint64()}
	var errs [2]error
	s.Runs, errs[0] = shm.NewArray[int32](tasks)
	s.Own, errs[1] = shm.NewValue[int64](0)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	defer s.Runs.Close()
	defer s.Own.Close()
	pick := func(of ...int) int { return of[rnd.IntN(len(of))] }
	options := pool.Options{
		Workers: o.Processes, Chunk: pick(0, 0, 1, 16), Retry: pick(0, 3), Spares: pick(-1, 0, 1), MaxTasksPerWorker: pick(0, 0, 0, 500),
		Init: arm.With(s), Worker: multiproc.Options{Grace: grace},
	}
	p, err := pool.New(ctx, options)
	if err != nil {
		return err
	}
	r := &round{p: p, slate: s, retry: options.Retry}
	stop := make(chan struct{})
	var killer sync.WaitGroup
	seed := rnd.Uint64()
	killer.Go(func() { r.kill(stop, rand.New(rand.NewPCG(seed, 0))) })
	leave := mapped
	if rnd.IntN(6) == 0 {
		leave = rnd.IntN(mapped)
	}
	err = r.use(ctx, rnd, leave)
	close(stop)
	killer.Wait()
	stats := p.Stats()
	p.Close()
	if e := p.Wait(ctx); err == nil && e != nil {
		err = fmt.Errorf("its Wait: %w", e)
	}
	if err != nil {
		p.Terminate()
		return fmt.Errorf("%+v: %w; %+v", options, err, stats)
	}
	own := int(shm.Add(s.Own, 0))
	report.Rounds++
	report.Kills += int(r.kills.Load())
	report.Deaths += own
	report.Failed += int(r.failed.Load())
	report.Retried += stats.Retried
	for _, w := range stats.Workers {
		report.Began += w.Restarts
	}
	for i := range r.ended {
		report.Tasks += int(r.ended[i].Load())
	}
	return r.check(leave, int(r.kills.Load())+own)
}

type round struct {
	p      *pool.Pool
	slate  slate
	retry  int
	kills  atomic.Int64
	failed atomic.Int64
	ended  [tasks]atomic.Int32
	all    atomic.Int64
}

// kill kills workers at random, with some results in between: a machine that is busy with starting others must get on too.
func (r *round) kill(stop <-chan struct{}, rnd *rand.Rand) {
	killed := make(map[int]bool)
	for due := int64(0); ; {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(rnd.IntN(4000)) * time.Microsecond):
		}
		if r.all.Load() < due {
			continue
		}
		w := r.p.Stats().Workers
		victim := w[rnd.IntN(len(w))].Pid
		if victim == 0 || killed[victim] {
			continue
		}
		process, err := os.FindProcess(victim)
		if err == nil && process.Kill() == nil {
			killed[victim] = true
			r.kills.Add(1)
			due = r.all.Load() + rnd.Int64N(150)
		}
	}
}

// use runs the tasks.
func (r *round) use(ctx context.Context, rnd *rand.Rand, leave int) error {
	var users sync.WaitGroup
	errs := make([]error, clients+1)
	for i := range clients {
		users.Go(func() {
			for n := range submitted {
				c := poolChore{mapped + i*submitted + n, r.slate}
				b, err := pool.Submit(ctx, r.p, chore, c).Result(ctx)
				if errs[i] = r.note(c, b, err); errs[i] != nil {
					return
				}
			}
		})
	}
	form := pool.MapUnordered[poolChore, []byte]
	ordered := rnd.IntN(2) == 0
	if ordered {
		form = pool.MapSeq[poolChore, []byte]
	}
	inputs := func(yield func(poolChore) bool) {
		for n := 0; n < mapped && yield(poolChore{n, r.slate}); n++ {
		}
	}
	results := 0
	for b, err := range form(ctx, r.p, chore, inputs) {
		if results++; results > leave {
			break
		}
		n := results - 1 // ordered
		if item, ok := errors.AsType[*pool.ItemError](err); ok {
			if ordered && item.Index != n {
				errs[clients] = fmt.Errorf("result %d is that of %d", n, item.Index)
			}
			n = item.Index
		} else if err != nil {
			errs[clients] = err
		} else if !ordered && len(b) >= 8 {
			n = int(min(binary.LittleEndian.Uint64(b), tasks-1))
		}
		if errs[clients] == nil {
			errs[clients] = r.note(poolChore{n, r.slate}, b, err)
		}
		if errs[clients] != nil {
			break
		}
	}
	users.Wait()
	return errors.Join(errs...)
}

// note looks at what came of a task.
func (r *round) note(c poolChore, b []byte, err error) error {
	if n := r.ended[c.N].Add(1); n != 1 {
		return fmt.Errorf("task %d ended %d times", c.N, n)
	}
	r.all.Add(1)
	runs := int(atomic.LoadInt32(&r.slate.Runs.Slice()[c.N]))
	if runs > 1+r.retry {
		return fmt.Errorf("task %d ran %d times", c.N, runs)
	}
	switch {
	case errors.Is(err, pool.ErrWorkerDied):
		r.failed.Add(1)
	case runs == 0:
		return fmt.Errorf("task %d ended without having run: %w", c.N, err)
	case c.fails():
		if !errors.Is(err, errChore) {
			return fmt.Errorf("task %d: %w, where it fails itself", c.N, err)
		}
	case err != nil:
		return fmt.Errorf("task %d: %w", c.N, err)
	case !bytes.Equal(b, c.result()):
		return fmt.Errorf("task %d: another result, of %d bytes", c.N, len(b))
	}
	return nil
}

// check looks at all tasks together.
func (r *round) check(leave, deaths int) error {
	if n := int(r.failed.Load()); n > deaths {
		return fmt.Errorf("%d tasks failed by %d deaths", n, deaths)
	}
	missing := 0
	for n := range tasks {
		if r.ended[n].Load() == 0 {
			missing++
		}
		if runs := r.slate.Runs.At(n); int(runs) > 1+r.retry {
			return fmt.Errorf("task %d ran %d times", n, runs)
		}
	}
	if missing != mapped-leave {
		return fmt.Errorf("%d tasks have not ended, want %d", missing, mapped-leave)
	}
	return nil
}
