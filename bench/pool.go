package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/pool"
)

// same is a task that does nothing.
var same = multiproc.Func("same", func(_ context.Context, n int) (int, error) { return n, nil })

// myPid tells which process a task is in.
var myPid = multiproc.Func("my-pid", func(context.Context, multiproc.None) (int, error) { return os.Getpid(), nil })

func poolWorkloads(s size) []workload {
	mapped := func(n, chunk int) []system {
		return []system{
			{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return mapAll(ctx, n, chunk) }},
			{"mp.Pool", func(ctx context.Context, p *peers) ([]float64, error) { return p.runPython(ctx, "map", n, chunk) }},
		}
	}
	single, many, submits := pick(s, 100_000, 10_000), pick(s, 1_000_000, 100_000), pick(s, 5000, 200)
	return []workload{{
		name: "pool-map-1", title: "Map of tasks that do nothing, one at a time, per task", unit: nanoseconds, rounds: pick(s, 11, 2),
		system: mapped(single, 1),
		bars:   []bar{{against: "mp.Pool", times: 0.1}},
		note:   "Two workers. An int there and an int back.",
	}, {
		name: "pool-map", title: "The same, in chunks as the pool chooses", unit: nanoseconds, rounds: pick(s, 11, 2),
		system: mapped(many, 0),
		bars:   []bar{{against: "mp.Pool", times: 1}},
		note:   "CPython's chunks are an eighth of all; ours follow the measured time of a task, and each result is safe from the death of its worker as soon as it is there.",
	}, {
		name: "pool-submit", title: "One task at a time to an idle pool, until its result is back", unit: nanoseconds, rounds: pick(s, 11, 2),
		system: []system{
			{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return submitEach(ctx, submits) }},
			{"mp.Pool.apply", func(ctx context.Context, p *peers) ([]float64, error) { return p.runPython(ctx, "apply", submits) }},
		},
		bars: []bar{{against: "mp.Pool.apply", times: 0.1}},
		note: "Two workers.",
	}, {
		name: "pool-kill", title: "From the kill of the only worker to the result of the next task", unit: milliseconds, rounds: 1,
		system: []system{
			{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return replaceEach(ctx, pick(s, 300, 20), 0) }},
			{"multiproc, never a spare", func(ctx context.Context, _ *peers) ([]float64, error) { return replaceEach(ctx, pick(s, 300, 20), -1) }},
		},
		bars: []bar{{times: 10, figure: p99}},
		note: "From the first death on the pool has a spare worker, unless Options.Spares says otherwise. CPython looks for dead workers ten times a second, and the task of a dead one never ends.",
	}}
}

// withPool runs body with a pool.
func withPool(ctx context.Context, o pool.Options, body func(context.Context, *pool.Pool) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	p, err := pool.New(ctx, o)
	if err != nil {
		return err
	}
	err = body(ctx, p)
	p.Terminate()
	if e := p.Wait(context.WithoutCancel(ctx)); err == nil {
		err = e
	}
	return err
}

func mapAll(ctx context.Context, n, chunk int) (samples []float64, err error) {
	inputs := make([]int, n)
	for i := range inputs {
		inputs[i] = i
	}
	err = withPool(ctx, pool.Options{Workers: 2, Chunk: chunk}, func(ctx context.Context, p *pool.Pool) error {
		if _, err := pool.Map(ctx, p, same, inputs[:10]); err != nil {
			return err
		}
		begin := time.Now()
		results, err := pool.Map(ctx, p, same, inputs)
		took := time.Since(begin)
		for i, r := range results {
			if r != i && err == nil {
				err = fmt.Errorf("task %d returned %d", i, r)
			}
		}
		samples = []float64{float64(took.Nanoseconds()) / float64(n)}
		return err
	})
	return samples, err
}

func submitEach(ctx context.Context, n int) (samples []float64, err error) {
	err = withPool(ctx, pool.Options{Workers: 2}, func(ctx context.Context, p *pool.Pool) error {
		begin := time.Now()
		for i := range n {
			if r, err := pool.Submit(ctx, p, same, i).Result(ctx); err != nil || r != i {
				return fmt.Errorf("task %d returned %d, %w", i, r, err)
			}
		}
		samples = []float64{float64(time.Since(begin).Nanoseconds()) / float64(n)}
		return nil
	})
	return samples, err
}

func replaceEach(ctx context.Context, n, spares int) (samples []float64, err error) {
	err = withPool(ctx, pool.Options{Workers: 1, Spares: spares, Retry: 1}, func(ctx context.Context, p *pool.Pool) error {
		for range n {
			pid, err := pool.Submit(ctx, p, myPid, multiproc.None{}).Result(ctx)
			if err != nil {
				return err
			}
			if err := nap(ctx, 20*time.Millisecond); err != nil { // the spare is there again
				return err
			}
			process, err := os.FindProcess(pid)
			if err != nil {
				return err
			}
			begin := time.Now()
			if err := process.Kill(); err != nil {
				return err
			}
			next, err := pool.Submit(ctx, p, myPid, multiproc.None{}).Result(ctx)
			took := time.Since(begin)
			process.Release()
			if err != nil {
				return err
			}
			if next == pid {
				continue // the dying have answered
			}
			samples = append(samples, float64(took.Nanoseconds())/1e6)
		}
		return nil
	})
	return samples, err
}
