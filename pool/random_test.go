package pool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/pool"
	"github.com/multiproc-go/multiproc/shm"
)

// counted counts how often each input is run.
type counted struct {
	Runs *shm.Array[int32]
	N    int
}

var count = multiproc.Func("count", func(_ context.Context, c counted) (int, error) {
	g := c.Runs.Slice()
	g[c.N]++ // no two tasks have one N at a time
	return c.N, nil
})

// TestKillsAtRandom: whatever is killed, each task ends exactly once, and runs no more often than it says. It may take as long as it wants, for to
// start hundreds of processes does on a busy machine; but something must go on.
func TestKillsAtRandom(t *testing.T) {
	modetest.NeedProcess(t, "a goroutine cannot be killed")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, retry := range []int{0, 3} {
		for _, chunk := range []int{0, 1, 16} {
			killAtRandom(t, r, pool.Options{Workers: 3, Chunk: chunk, Retry: retry, Spares: r.IntN(2)})
		}
	}
}

func killAtRandom(t *testing.T, r *rand.Rand, o pool.Options) {
	n := 20000
	if race.Enabled {
		n = 8000 // where each start of a process takes ten times as long
	}
	p := newPool(t, o)
	runs, err := shm.NewArray[int32](n)
	if err != nil {
		t.Fatal(err)
	}
	defer runs.Close()
	end := make(chan struct{})
	var side sync.WaitGroup
	stop := sync.OnceFunc(func() {
		close(end)
		side.Wait()
	})
	defer stop()
	seed := r.Uint64()
	var killed, results atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	side.Go(func() {
		watchOver(t, p, end, func() int64 { return results.Load() + killed.Load() })
		cancel()
	})
	side.Go(func() {
		r := rand.New(rand.NewPCG(seed, 1))
		for due := int64(0); ; {
			select {
			case <-end:
				return
			case <-time.After(time.Duration(r.IntN(8000)) * time.Microsecond):
			}
			// On a busy machine too, the workers get on with it between two kills.
			if results.Load() < due {
				continue
			}
			due = results.Load() + r.Int64N(100)
			w := p.Stats().Workers
			if victim := w[r.IntN(len(w))]; victim.Pid != 0 {
				if kill(victim.Pid) == nil {
					killed.Add(1)
				}
			}
		}
	})
	ended := make([]int, n)
	failures := 0
	inputs := func(yield func(counted) bool) {
		for i := range n {
			if !yield(counted{runs, i}) {
				return
			}
		}
	}
	for i, err := range pool.MapUnordered(ctx, p, count, inputs) {
		if err != nil {
			item, ok := errors.AsType[*pool.ItemError](err)
			if !ok || !errors.Is(err, pool.ErrWorkerDied) {
				t.Fatalf("%v: %d kills, %+v", err, killed.Load(), p.Stats())
			}
			i = item.Index
			failures++
		} else if runs := runs.Slice()[i]; runs < 1 || int(runs) > 1+o.Retry {
			t.Errorf("task %d ran %d times", i, runs)
		}
		ended[i]++
		results.Add(1)
	}
	stop()
	for i, times := range ended {
		if times != 1 {
			t.Errorf("task %d ended %d times", i, times)
		}
	}
	if failures > int(killed.Load()) {
		t.Errorf("%d tasks failed of %d kills", failures, killed.Load())
	}
	t.Logf("chunk %d, retry %d, spares %d: %d kills, %d failures, %d retried", o.Chunk, o.Retry, o.Spares, killed.Load(), failures, p.Stats().Retried)
}

// watchOver returns at the end, or when nothing has gone on for very long. Then it tells all that there is to know, here and of the workers, which write it
// to their standard error and end. It counts its own looks: they are as rare as the machine is slow, and there are none while all of us are stopped.
func watchOver(t *testing.T, p *pool.Pool, end <-chan struct{}, steps func() int64) {
	const pause = modetest.Watchdog / 1000
	last := int64(-1)
	for looks := 0; looks < 1000; looks++ {
		if now := steps(); now != last {
			last, looks = now, 0
		}
		select {
		case <-end:
			return
		case <-time.After(pause):
		}
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	t.Errorf("nothing goes on:\n%s\n%s", p.Explain(), stacks)
	for _, pid := range p.Pids() {
		if err := send(pid, syscall.SIGQUIT); err != nil {
			t.Log(pid, err)
		}
	}
	time.Sleep(time.Second) // so that they can
}

func kill(pid int) error { return send(pid, os.Kill) }

func send(pid int, sig os.Signal) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	defer p.Release()
	return p.Signal(sig)
}

// TestEndsAtRandom: however a pool ends, and whenever, all tasks end and nothing hangs.
func TestEndsAtRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 12 {
		ctx, cancel := context.WithCancel(t.Context())
		p, err := pool.New(ctx, pool.Options{Workers: 2, Worker: multiproc.Options{Grace: time.Second}})
		if err != nil {
			t.Fatal(err)
		}
		var users sync.WaitGroup
		for range 3 {
			users.Go(func() {
				results := 0
				for _, err := range pool.MapSeq(modetest.Patient(t), p, square, slices.Values(numbers(20000))) {
					if err == nil {
						results++
					} else if !errors.Is(err, pool.ErrClosed) && !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
				}
			})
			users.Go(func() {
				for i := range 300 {
					if _, err := pool.Submit(t.Context(), p, square, i).Result(modetest.Patient(t)); err != nil {
						if !errors.Is(err, pool.ErrClosed) && !errors.Is(err, context.Canceled) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(r.IntN(10000)) * time.Microsecond)
		switch r.IntN(4) {
		case 0:
			p.Close()
		case 1:
			p.Cancel()
		case 2:
			p.Terminate()
		case 3:
			cancel()
		}
		if err := p.Wait(modetest.Patient(t)); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		users.Wait()
		cancel()
	}
}
