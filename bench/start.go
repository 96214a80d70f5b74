package main

import (
	"context"
	"os/exec"
	"time"

	"github.com/multiproc-go/multiproc"
)

// nothing is the empty entry.
var nothing = multiproc.Func("nothing", func(context.Context, multiproc.None) (multiproc.None, error) {
	return multiproc.None{}, nil
})

func startWorkloads(s size) []workload {
	cpython := func(method string, n int) system {
		return system{"CPython " + method, func(ctx context.Context, p *peers) ([]float64, error) {
			samples, err := p.runPython(ctx, "start", method, n)
			return scaled(samples, 1e-6), err
		}}
	}
	return []workload{{
		name: "start", title: "Start a process and have its result", unit: milliseconds, chart: true,
		rounds: pick(s, 10, 2),
		system: []system{
			{ours, func(ctx context.Context, p *peers) ([]float64, error) {
				path, err := p.small(ctx)
				if err != nil {
					return nil, err
				}
				samples, err := numbers(ctx, path, "start", 10)
				return scaled(samples, 1e-6), err
			}},
			{"multiproc, a child of the benchmark", func(ctx context.Context, _ *peers) ([]float64, error) {
				return times(10, func() error {
					call, err := nothing.Start(ctx, multiproc.None{})
					if err == nil {
						_, err = call.Result(ctx)
					}
					return err
				})
			}},
			{"os/exec, an empty Go program", func(ctx context.Context, p *peers) ([]float64, error) {
				path, err := p.empty(ctx)
				if err != nil {
					return nil, err
				}
				return times(10, func() error { return exec.CommandContext(ctx, path).Run() })
			}},
			cpython("fork", 10),
			cpython("forkserver", 5),
			cpython("spawn", 2),
		},
		bars: []bar{{against: "os/exec, an empty Go program", times: 1.6}, {against: "CPython forkserver", times: 1}, {against: "CPython spawn", times: 1}},
		note: "An empty entry, from Start to its Result, in a program with nothing else in it, and in the benchmark, whose other packages each child makes ready, too; in CPython from start to join. Fork copies a process that runs, which Go cannot. Beside what any Go program needs, ours spends 0.1 to 0.2 ms of a CPU each on the initialization of its packages, on the signals that end the context, and on the thread that holds its lease, and the parent 0.3 ms on its side.",
	}}
}

// times measures f one by one, in milliseconds.
func times(n int, f func() error) (samples []float64, err error) {
	for range n {
		begin := time.Now()
		if err := f(); err != nil {
			return nil, err
		}
		samples = append(samples, float64(time.Since(begin).Nanoseconds())/1e6)
	}
	return samples, nil
}
