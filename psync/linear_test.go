package psync_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

// ring is a bounded queue: two numbers and some places, under one mutex with two condition variables.
type ring struct {
	NotEmpty, NotFull *psync.Cond
	Ends              *shm.Array[int64] // how many were taken, how many put
	Places            *shm.Array[int64]
}

func (r ring) put(ctx context.Context, x int64) error {
	err := r.NotFull.When(ctx, func() bool { return r.Ends.At(1)-r.Ends.At(0) < int64(r.Places.Len()) }, func() error {
		r.Places.Set(int(r.Ends.At(1))%r.Places.Len(), x)
		r.Ends.Set(1, r.Ends.At(1)+1)
		return nil
	})
	if err == nil {
		r.NotEmpty.Signal()
	}
	return err
}

func (r ring) get(ctx context.Context) (x int64, err error) {
	err = r.NotEmpty.When(ctx, func() bool { return r.Ends.At(1) > r.Ends.At(0) }, func() error {
		x = r.Places.At(int(r.Ends.At(0)) % r.Places.Len())
		r.Ends.Set(0, r.Ends.At(0)+1)
		return nil
	})
	if err == nil {
		r.NotFull.Signal()
	}
	return x, err
}

// event of a history; a Get has Put 0.
type ringOp struct {
	Client          int
	Put, Got        int64
	Called, Returns int64
}

type ringJob struct {
	Ring    ring
	Process int
	Seed    uint64
}

const ringClients = 2 // goroutines of each process

// useRing puts and gets at random, and returns what happened when. What was given up has not happened.
var useRing = multiproc.Func("useRing", func(ctx context.Context, j ringJob) ([]ringOp, error) {
	var (
		mu   sync.Mutex
		ops  []ringOp
		errs []error
		wg   sync.WaitGroup
	)
	for g := range ringClients {
		client := j.Process*ringClients + g
		rnd := rand.New(rand.NewPCG(j.Seed, uint64(client)))
		wg.Go(func() {
			for n := range int64(40) {
				ctx, cancel := context.WithTimeout(ctx, time.Duration(1+rnd.IntN(2000))*time.Microsecond)
				op, err := ringOp{Client: client, Called: int64(sys.Monotonic())}, error(nil)
				if rnd.IntN(2) == 0 {
					op.Put = int64(client)*1000 + n + 1
					err = j.Ring.put(ctx, op.Put)
				} else {
					op.Got, err = j.Ring.get(ctx)
				}
				op.Returns = int64(sys.Monotonic())
				cancel()
				mu.Lock()
				switch {
				case err == nil:
					ops = append(ops, op)
				case !errors.Is(err, context.DeadlineExceeded):
					errs = append(errs, err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return ops, errors.Join(errs...)
})

// fifo is a bounded queue, as the checker sees it.
func fifo(places int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return []int64(nil) },
		Step: func(state, input, _ any) (bool, any) {
			queue, op := state.([]int64), input.(ringOp)
			if op.Put != 0 {
				return len(queue) < places, append(slices.Clone(queue), op.Put)
			}
			if len(queue) == 0 || queue[0] != op.Got {
				return false, state
			}
			return true, queue[1:]
		},
		Equal: func(a, b any) bool { return slices.Equal(a.([]int64), b.([]int64)) },
		DescribeOperation: func(input, _ any) string {
			if op := input.(ringOp); op.Put != 0 {
				return fmt.Sprintf("put %d", op.Put)
			}
			return fmt.Sprintf("got %d", input.(ringOp).Got)
		},
	}
}

// TestCondQueueIsLinearizable: each history of a queue built on condition variables is one that a queue can have.
func TestCondQueueIsLinearizable(t *testing.T) {
	const processes, places = 3, 2
	rounds := 5
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		seed := rand.Uint64()
		mu := newMutex(t)
		var r ring
		var err error
		for _, c := range []**psync.Cond{&r.NotEmpty, &r.NotFull} {
			*c, err = psync.NewCond(mu)
			must(t, err)
			defer (*c).Close()
		}
		r.Ends, err = shm.NewArray[int64](2)
		must(t, err)
		defer r.Ends.Close()
		r.Places, err = shm.NewArray[int64](places)
		must(t, err)
		defer r.Places.Close()
		var calls []*multiproc.Call[[]ringOp]
		for i := range processes {
			call, err := useRing.Start(t.Context(), ringJob{r, i, seed})
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
		linearizable(t, fifo(places), history, "queue", seed)
	}
}

// linearizable fails t unless history, of which seed tells how to make it again, is one that the model of such an object can have.
func linearizable(t *testing.T, model porcupine.Model, history []porcupine.Operation, object string, seed uint64) {
	t.Helper()
	if len(history) < 20 {
		t.Errorf("seed %d: only %d operations", seed, len(history))
	}
	switch porcupine.CheckOperationsTimeout(model, history, modetest.Watchdog) {
	case porcupine.Illegal:
		t.Fatalf("seed %d: no %s has this history: %+v", seed, object, history)
	case porcupine.Unknown:
		t.Fatalf("seed %d: a history of %d operations is too long to check", seed, len(history))
	}
	t.Logf("seed %d: %d operations", seed, len(history))
}
