package psync_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/sys"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// permitOp is an operation of a history: N permits taken, or given back if it is negative; or none, because there were fewer than Missed.
type permitOp struct {
	Client          int
	N, Missed       int
	Called, Returns int64
}

type permitsJob struct {
	S       *psync.Semaphore
	Process int
	Seed    uint64
	Ready   *shm.Value[int64] // processes that are, so that all begin at the same time
	Try     bool              // do not wait, and say what could not be had; else wait, and forget what was given up
}

const (
	permitProcesses = 3
	permitClients   = 2 // goroutines of each process
)

// usePermits takes and gives back at random, and returns what happened when. What was given up has not happened.
var usePermits = multiproc.Func("usePermits", func(ctx context.Context, j permitsJob) ([]permitOp, error) {
	return together(ctx, j.Ready, permitProcesses, permitClients, func(g int) ([]permitOp, error) {
		c := permitClient{job: j, id: j.Process*permitClients + g}
		c.rnd = rand.New(rand.NewPCG(j.Seed, uint64(c.id)))
		err := c.run(ctx)
		return c.ops, err
	})
})

// together waits until there are as many processes as ready is to count, has n clients act at the same time, and returns what all of them did.
func together[Op any](ctx context.Context, ready *shm.Value[int64], processes int64, n int, act func(client int) ([]Op, error)) ([]Op, error) {
	for shm.Add(ready, 1); shm.Add(ready, 0) < processes && ctx.Err() == nil; {
		runtime.Gosched()
	}
	did, errs := make([][]Op, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { did[i], errs[i] = act(i) })
	}
	wg.Wait()
	return slices.Concat(did...), errors.Join(errs...)
}

type permitClient struct {
	job  permitsJob
	id   int
	rnd  *rand.Rand
	held []psync.Permit
	lost int // permits that were taken by Wait
	ops  []permitOp
}

// did notes what f did, if it did something.
func (c *permitClient) did(f func() (n, missed int, err error)) error {
	op := permitOp{Client: c.id, Called: int64(sys.Monotonic())}
	var err error
	op.N, op.Missed, err = f()
	op.Returns = int64(sys.Monotonic())
	switch {
	case err == nil:
		c.ops = append(c.ops, op)
	case !errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return nil
}

func (c *permitClient) run(ctx context.Context) error {
	steps := 30
	if c.job.Try { // which waits for nobody
		steps = 120
	}
	for range steps {
		if err := c.did(func() (int, int, error) { return c.step(ctx, 1+c.rnd.IntN(3)) }); err != nil {
			return err
		}
	}
	for len(c.held) > 0 || c.lost > 0 {
		if err := c.did(c.give); err != nil {
			return err
		}
	}
	return nil
}

// step does something. A Post is a permit given back, too.
func (c *permitClient) step(ctx context.Context, n int) (took, missed int, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(1+c.rnd.IntN(2000))*time.Microsecond)
	defer cancel()
	switch do := c.rnd.IntN(5); {
	case do < 2 && len(c.held)+c.lost > 0:
		return c.give()
	case do == 2 && c.job.Try:
		if !c.job.S.TryWait() {
			return 0, 1, nil
		}
		c.lost++
		return 1, 0, nil
	case do == 2:
		if err := c.job.S.Wait(ctx); err != nil {
			return 0, 0, err
		}
		c.lost++
		return 1, 0, nil
	case c.job.Try:
		p, ok := c.job.S.TryAcquireN(n)
		if !ok {
			return 0, n, nil
		}
		c.held = append(c.held, p)
		return n, 0, nil
	default:
		p, err := c.job.S.AcquireN(ctx, n)
		if err != nil {
			return 0, 0, err
		}
		c.held = append(c.held, p)
		return n, 0, nil
	}
}

// give gives something back.
func (c *permitClient) give() (n, missed int, err error) {
	if c.lost > 0 {
		c.lost--
		return -1, 0, c.job.S.Post()
	}
	p := c.held[0]
	c.held = c.held[1:]
	p.Release()
	return -p.Count(), 0, nil
}

// countingPermits is a semaphore, as the checker sees it.
func countingPermits(permits int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return permits },
		Step: func(state, input, _ any) (bool, any) {
			free, op := state.(int), input.(permitOp)
			return free >= op.N && (op.Missed == 0 || free < op.Missed), free - op.N
		},
		DescribeOperation: func(input, _ any) string {
			op := input.(permitOp)
			return fmt.Sprintf("took %d, missed %d", op.N, op.Missed)
		},
	}
}

// TestSemaphoreIsLinearizable: each history is one that a counter can have, also what TryAcquire says could not be had.
func TestSemaphoreIsLinearizable(t *testing.T) {
	const permits = 4
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for round := range rounds {
		seed := rand.Uint64()
		s := newSemaphore(t, permits)
		var calls []*multiproc.Call[[]permitOp]
		ready := newValue(t)
		for i := range permitProcesses {
			call, err := usePermits.Start(t.Context(), permitsJob{s, i, seed, ready, round%2 == 0})
			must(t, err)
			calls = append(calls, call)
		}
		var history []porcupine.Operation
		for _, call := range calls {
			ops, err := call.Result(modetest.Patient(t))
			must(t, err)
			for _, op := range ops {
				history = append(history, porcupine.Operation{ClientId: op.Client, Input: op, Call: op.Called, Return: op.Returns})
			}
		}
		linearizable(t, countingPermits(permits), history, "semaphore", seed)
		wantPermits(t, s, permits)
	}
}
