package pool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
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

// TestKillsAtRandom: whatever is killed, each task ends exactly once, and runs no more often than it says.
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
	const n = 20000
	p := newPool(t, o)
	runs, err := shm.NewArray[int32](n)
	if err != nil {
		t.Fatal(err)
	}
	defer runs.Close()
	end := make(chan struct{})
	var killer sync.WaitGroup
	seed := r.Uint64()
	var killed, results atomic.Int64
	killer.Go(func() {
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
	for i, err := range pool.MapUnordered(modetest.Patient(t), p, count, inputs) {
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
	close(end)
	killer.Wait()
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

func kill(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	defer p.Release()
	return p.Kill()
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
