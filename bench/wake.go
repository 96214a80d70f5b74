package main

import (
	"context"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
)

// settle is how long a waiter is given to fall asleep.
const settle = 300 * time.Microsecond

func wakeWorkloads(s size) []workload {
	n := pick(s, 100, 20)
	return []workload{{
		name: "wake", title: "From Unlock to the run of a waiter that slept", unit: nanoseconds,
		rounds: pick(s, 10, 2),
		system: []system{
			{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return wakeOnce(ctx, n) }},
			{"glibc robust", func(ctx context.Context, p *peers) ([]float64, error) { return p.runC(ctx, "wake", "robust", n) }},
			{"bare futex", func(ctx context.Context, p *peers) ([]float64, error) { return p.runC(ctx, "wake", "futex", n) }},
		},
		note: "Between two processes, wherever the kernel puts them.",
	}}
}

type sleeping struct {
	Board board
	Mu    *psync.Mutex
	N     uint64
}

// sleeper waits for the lock N times and tells when it had it.
var sleeper = multiproc.Func("sleeper", func(ctx context.Context, w sleeping) (times []int64, err error) {
	for i := range w.N {
		if err := w.Board.await(ctx, start, i+1); err != nil {
			return nil, err
		}
		g, err := w.Mu.Lock(ctx)
		if err != nil {
			return nil, err
		}
		times = append(times, monotonic())
		g.Unlock()
		w.Board.word(done).Store(i + 1)
	}
	return times, nil
})

func wakeOnce(ctx context.Context, n int) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	b, err := newBoard()
	if err != nil {
		return nil, err
	}
	defer b.close()
	mu, err := psync.NewMutex()
	if err != nil {
		return nil, err
	}
	defer mu.Close()
	call, err := sleeper.Start(ctx, sleeping{b, mu, uint64(n)})
	if err != nil {
		return nil, err
	}
	var unlocked []int64
	for i := range n {
		g, err := mu.Lock(ctx)
		if err != nil {
			return nil, err
		}
		b.word(start).Store(uint64(i) + 1)
		time.Sleep(settle)
		unlocked = append(unlocked, monotonic())
		g.Unlock()
		if err := b.await(ctx, done, uint64(i)+1); err != nil {
			return nil, err
		}
	}
	locked, err := call.Result(ctx)
	var samples []float64
	for i := range locked {
		samples = append(samples, float64(locked[i]-unlocked[i]))
	}
	return samples, err
}
