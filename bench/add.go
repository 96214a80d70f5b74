package main

import (
	"context"
	"fmt"
	"time"

	"github.com/multiproc-go/multiproc/shm"
)

func addWorkloads(s size) (list []workload) {
	for _, processes := range []int{1, 2} {
		title := "shm.Add, one process"
		if processes > 1 {
			title = fmt.Sprintf("shm.Add, %d processes on one number", processes)
		}
		d := pick(s, 100*time.Millisecond, 50*time.Millisecond)
		list = append(list, workload{
			name: fmt.Sprintf("add-%d", processes), title: title, unit: nanoseconds,
			rounds: pick(s, 21, 3),
			system: []system{
				{ours, func(ctx context.Context, _ *peers) ([]float64, error) {
					sum, err := shm.NewValue[int64](0)
					if err != nil {
						return nil, err
					}
					defer sum.Close()
					ops, took, err := together(ctx, processes, hammering{What: "add", Pin: true, Sum: sum}, lasting(d))
					if err == nil {
						err = agree(uint64(sum.Load()), ops)
					}
					return each(ops, took, err)
				}},
				{"C atomic", func(ctx context.Context, p *peers) ([]float64, error) {
					return p.runC(ctx, "add", processes, d.Milliseconds(), 1)
				}},
			},
			bars: []bar{{against: "C atomic", times: 1.2}},
			note: "An int64; each process on a CPU of its own.",
		})
	}
	return list
}
