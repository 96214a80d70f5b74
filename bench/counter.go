package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

func counterWorkloads(s size) []workload {
	return []workload{{
		name: "counter", title: "Five processes count to 500000 under a lock, the whole program", unit: milliseconds, chart: true,
		rounds: pick(s, 11, 2),
		system: []system{
			{ours, func(ctx context.Context, p *peers) ([]float64, error) {
				path, err := p.goProgram(ctx, "counter", "github.com/multiproc-go/multiproc/examples/counter")
				if err != nil {
					return nil, err
				}
				return countTo(ctx, path)
			}},
			{"CPython", func(ctx context.Context, p *peers) ([]float64, error) {
				path, err := python()
				if err != nil {
					return nil, err
				}
				return countTo(ctx, path, p.file("counter.py"))
			}},
		},
		// 1/40: forty times as fast.
		bars: []bar{{against: "CPython", times: 0.025}},
		note: "From exec to exit, start of the processes included: examples/counter and the same in Python's multiprocessing.",
	}}
}

// countTo runs a program that must say 500000.
func countTo(ctx context.Context, path string, args ...string) ([]float64, error) {
	begin := time.Now()
	out, err := exec.CommandContext(ctx, path, args...).Output()
	took := time.Since(begin)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(strings.TrimSpace(string(out)), "500000") {
		return nil, fmt.Errorf("it counted to something else:\n%s", out)
	}
	return []float64{float64(took.Nanoseconds()) / 1e6}, nil
}
