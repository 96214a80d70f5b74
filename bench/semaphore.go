package main

import (
	"context"
	"time"

	"github.com/multiproc-go/multiproc/psync"
)

func semaphoreWorkloads(s size) []workload {
	const d = 30 * time.Millisecond
	signal := "multiproc, Wait and Post"
	list := []workload{{
		name: "semaphore-1", title: "Semaphore: Acquire and Release, nobody else there", unit: nanoseconds, chart: true,
		rounds: pick(s, 31, 3),
		system: []system{
			{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return semaphoreAlone(ctx, d, acquireAlone) }},
			{signal, func(ctx context.Context, _ *peers) ([]float64, error) { return semaphoreAlone(ctx, d, waitAlone) }},
			cPair("sem_t", "sem", d),
		},
		bars: []bar{{against: "sem_t", times: 1.3}},
		note: "A pair of both, on one CPU, around nothing. Permits that were acquired come back when their process dies; those of Wait and Post, and those of sem_t, do not.",
	}}
	d2 := pick(s, 300*time.Millisecond, 100*time.Millisecond)
	for _, processes := range []int{2, 5} {
		pinned := processes == 2
		how := "wherever the kernel puts them"
		if pinned {
			how = "each on a CPU of its own"
		}
		hammered := func(what string) func(context.Context, *peers) ([]float64, error) {
			return func(ctx context.Context, _ *peers) ([]float64, error) {
				m, err := psync.NewSemaphore(1)
				if err != nil {
					return nil, err
				}
				defer m.Close()
				return each(together(ctx, processes, hammering{What: what, Pin: pinned, Sem: m}, lasting(d2)))
			}
		}
		list = append(list, workload{
			name: "semaphore-" + string(rune('0'+processes)), title: "Semaphore of one permit: " + string(rune('0'+processes)) + " processes hammering", unit: nanoseconds,
			rounds: pick(s, 15, 3),
			system: []system{
				{ours, hammered("acquire")},
				{signal, hammered("wait")},
				cHammer("sem_t", "sem", processes, pinned, d2),
			},
			note: "The time of the whole divided by the operations of all; each increments a number that is shared, " + how + ".",
		})
	}
	return list
}

func acquireAlone(ctx context.Context, m *psync.Semaphore) {
	for range batch {
		p, err := m.Acquire(ctx)
		if err != nil {
			panic(err) // nobody closes it
		}
		p.Release()
	}
}

func waitAlone(ctx context.Context, m *psync.Semaphore) {
	for range batch {
		if m.Wait(ctx) != nil || m.Post() != nil {
			panic("closed") // nobody closes it
		}
	}
}

func semaphoreAlone(ctx context.Context, d time.Duration, pairs func(context.Context, *psync.Semaphore)) ([]float64, error) {
	m, err := psync.NewSemaphore(1)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	unpin, err := pinThread(0)
	if err != nil {
		return nil, err
	}
	defer unpin()
	return perOp(d, func() { pairs(ctx, m) }), nil
}
