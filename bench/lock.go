package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc/psync"
)

func lockWorkloads(s size) []workload {
	const d = 30 * time.Millisecond
	list := []workload{{
		name: "lock-1", title: "Lock and Unlock, nobody else there", unit: nanoseconds, chart: true,
		rounds: pick(s, 31, 3),
		system: []system{
			{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return lockAlone(ctx, d) }},
			{"sync.Mutex", func(context.Context, *peers) ([]float64, error) { return stdAlone(d) }},
			cPair("glibc plain", "plain", d),
			cPair("glibc robust", "robust", d),
			cPair("sem_t", "sem", d),
			{"CPython Lock", func(ctx context.Context, p *peers) ([]float64, error) {
				return p.runPython(ctx, "pair", d.Milliseconds())
			}},
		},
		bars: []bar{{against: "glibc robust", times: 0.7}, {against: "sync.Mutex", times: 1.3}},
		note: "A pair of both, on one CPU, around nothing.",
	}}
	for _, processes := range []int{2, 5} {
		pinned := processes == 2
		how := "wherever the kernel puts them"
		if pinned {
			how = "each on a CPU of its own"
		}
		d := pick(s, 300*time.Millisecond, 100*time.Millisecond)
		list = append(list, workload{
			name: fmt.Sprintf("lock-%d", processes), title: fmt.Sprintf("Lock and Unlock, %d processes hammering", processes),
			unit: nanoseconds, chart: true,
			rounds: pick(s, 15, 3),
			system: []system{
				{ours, func(ctx context.Context, _ *peers) ([]float64, error) {
					mu, err := psync.NewMutex()
					if err != nil {
						return nil, err
					}
					defer mu.Close()
					return each(together(ctx, processes, hammering{What: "lock", Pin: pinned, Mu: mu}, lasting(d)))
				}},
				cHammer("glibc plain", "plain", processes, pinned, d),
				cHammer("glibc robust", "robust", processes, pinned, d),
				cHammer("sem_t", "sem", processes, pinned, d),
				{"CPython Lock", func(ctx context.Context, p *peers) ([]float64, error) {
					return p.runPython(ctx, "hammer", processes, d.Milliseconds())
				}},
				{"sync.Mutex, goroutines", func(ctx context.Context, _ *peers) ([]float64, error) {
					return each(stdHammer(ctx, processes, d))
				}},
			},
			bars: []bar{{against: "glibc robust", times: 1}},
			note: "The time of the whole divided by the operations of all; each increments a number that is shared, " + how + ". " +
				"None of these locks is fair: much of what is counted are locks that their last holder took again at once.",
		})
	}
	return list
}

func lockAlone(ctx context.Context, d time.Duration) ([]float64, error) {
	mu, err := psync.NewMutex()
	if err != nil {
		return nil, err
	}
	defer mu.Close()
	unpin, err := pinThread(0)
	if err != nil {
		return nil, err
	}
	defer unpin()
	return perOp(d, func() {
		for range batch {
			g, err := mu.Lock(ctx)
			if err != nil {
				panic(err) // nobody closes it
			}
			g.Unlock()
		}
	}), nil
}

func stdAlone(d time.Duration) ([]float64, error) {
	var mu sync.Mutex
	unpin, err := pinThread(0)
	if err != nil {
		return nil, err
	}
	defer unpin()
	return perOp(d, func() {
		for range batch {
			mu.Lock()
			mu.Unlock() //lint:ignore SA2001 that is what is measured
		}
	}), nil
}

func cPair(name, kind string, d time.Duration) system {
	return system{name, func(ctx context.Context, p *peers) ([]float64, error) {
		return p.runC(ctx, "pair", kind, d.Milliseconds())
	}}
}

func cHammer(name, kind string, processes int, pinned bool, d time.Duration) system {
	return system{name, func(ctx context.Context, p *peers) ([]float64, error) {
		return p.runC(ctx, "hammer", kind, processes, d.Milliseconds(), flag01(pinned))
	}}
}

func flag01(b bool) int {
	if b {
		return 1
	}
	return 0
}

// stdHammer is what together does, between goroutines.
func stdHammer(ctx context.Context, goroutines int, d time.Duration) (ops uint64, took time.Duration, err error) {
	var (
		mu       sync.Mutex
		counted  uint64
		all      atomic.Uint64
		stopping atomic.Bool
		wait     sync.WaitGroup
	)
	begin := time.Now()
	for range goroutines {
		wait.Go(func() {
			ops := uint64(0)
			for ; !stopping.Load(); ops++ {
				mu.Lock()
				counted++
				mu.Unlock()
			}
			all.Add(ops)
		})
	}
	err = nap(ctx, d)
	stopping.Store(true)
	took = time.Since(begin)
	wait.Wait()
	if err == nil {
		err = agree(counted, all.Load())
	}
	return all.Load(), took, err
}

// agree makes sure that a lock has done its work.
func agree(counted, ops uint64) error {
	if counted != ops {
		return fmt.Errorf("%d increments, counted %d: the lock does not exclude", ops, counted)
	}
	return nil
}
