package main

import (
	"context"
	"sync"
	"time"

	"github.com/multiproc-go/multiproc/psync"
)

func rwlockWorkloads(s size) []workload {
	const d = 30 * time.Millisecond
	mutex := "multiproc Mutex"
	many := pick(s, 300*time.Millisecond, 100*time.Millisecond)
	list := []workload{{
		name: "read-1", title: "RWMutex: RLock and Unlock, nobody else there", unit: nanoseconds, chart: true,
		rounds: pick(s, 31, 3),
		system: []system{
			{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return readAlone(ctx, d) }},
			{mutex, func(ctx context.Context, _ *peers) ([]float64, error) { return lockAlone(ctx, d) }},
			{"sync.RWMutex", func(context.Context, *peers) ([]float64, error) { return stdReadAlone(d) }},
			cPair("glibc rwlock", "read", d),
		},
		bars: []bar{{against: mutex, times: 1.5}},
		note: "A pair of both, on one CPU, around nothing.",
	}, {
		name: "write-1", title: "RWMutex: Lock and Unlock, nobody else there", unit: nanoseconds,
		rounds: pick(s, 31, 3),
		system: []system{
			{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return writeAlone(ctx, d) }},
			cPair("glibc rwlock", "write", d),
		},
		note: "The price of readers that do not share a cache line: a writer looks at each process's.",
	}}
	for _, processes := range []int{1, 2} {
		w := workload{
			name: "read-shared-" + string(rune('0'+processes)), title: "RWMutex: readers, each on a CPU of its own: " + string(rune('0'+processes)), unit: nanoseconds,
			rounds: pick(s, 15, 3),
			system: []system{
				{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return readTogether(ctx, processes, many) }},
				cHammer("glibc rwlock", "read", processes, true, many),
			},
			note: "The time of the whole divided by the reads of all.",
		}
		if processes == 2 {
			one := "multiproc, one process"
			w.system = append(w.system, system{one, func(ctx context.Context, _ *peers) ([]float64, error) { return readTogether(ctx, 1, many) }})
			w.bars = []bar{{against: one, times: 1 / 1.8}}
		}
		list = append(list, w)
	}
	return list
}

func readTogether(ctx context.Context, processes int, d time.Duration) ([]float64, error) {
	m, err := psync.NewRWMutex()
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return each(together(ctx, processes, hammering{What: "read", Pin: true, RW: m}, lasting(d)))
}

func withRWMutex(d time.Duration, pair func(*psync.RWMutex)) ([]float64, error) {
	m, err := psync.NewRWMutex()
	if err != nil {
		return nil, err
	}
	defer m.Close()
	unpin, err := pinThread(0)
	if err != nil {
		return nil, err
	}
	defer unpin()
	return perOp(d, func() { pair(m) }), nil
}

func readAlone(ctx context.Context, d time.Duration) ([]float64, error) {
	return withRWMutex(d, func(m *psync.RWMutex) {
		for range batch {
			g, err := m.RLock(ctx)
			if err != nil {
				panic(err) // nobody closes it
			}
			g.Unlock()
		}
	})
}

func writeAlone(ctx context.Context, d time.Duration) ([]float64, error) {
	return withRWMutex(d, func(m *psync.RWMutex) {
		for range batch {
			g, err := m.Lock(ctx)
			if err != nil {
				panic(err) // nobody closes it
			}
			g.Unlock()
		}
	})
}

func stdReadAlone(d time.Duration) ([]float64, error) {
	var mu sync.RWMutex
	unpin, err := pinThread(0)
	if err != nil {
		return nil, err
	}
	defer unpin()
	return perOp(d, func() {
		for range batch {
			mu.RLock()
			mu.RUnlock() //lint:ignore SA2001 that is what is measured
		}
	}), nil
}
