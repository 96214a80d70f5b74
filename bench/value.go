package main

import (
	"context"
	"time"

	"github.com/multiproc-go/multiproc/shm"
)

func valueWorkloads(s size) []workload {
	const d = 30 * time.Millisecond
	rounds := pick(s, 21, 3)
	copying := system{"memcpy", func(ctx context.Context, p *peers) ([]float64, error) {
		return p.runC(ctx, "copy", 64, d.Milliseconds())
	}}
	load := func(v *shm.Value[[8]int64]) {
		for range batch {
			v.Load()
		}
	}
	store := func(v *shm.Value[[8]int64]) {
		for i := range batch {
			v.Store([8]int64{int64(i)})
		}
	}
	return []workload{{
		name: "load-64", title: "Value.Load of a struct of 64 bytes", unit: nanoseconds, rounds: rounds,
		system: []system{
			{ours, bigValue(d, "", load)},
			{"multiproc, another process stores", bigValue(d, "store", load)},
			copying,
		},
		note: "A Load never tears and keeps no Store waiting: it reads again if it was overtaken.",
	}, {
		name: "store-64", title: "Value.Store of a struct of 64 bytes", unit: nanoseconds, rounds: rounds,
		system: []system{
			{ours, bigValue(d, "", store)},
			{"multiproc, another process loads", bigValue(d, "load", store)},
			{"multiproc, another process stores", bigValue(d, "store", store)},
			copying,
		},
		note: "A Store takes the value's own lock and writes the copy that is not valid; a death inside leaves the old value.",
	}}
}

// bigValue measures body, here, while another process does something else to the
// same value, or nothing.
func bigValue(d time.Duration, other string, body func(*shm.Value[[8]int64])) func(context.Context, *peers) ([]float64, error) {
	return func(ctx context.Context, _ *peers) (samples []float64, err error) {
		v, err := shm.NewValue([8]int64{})
		if err != nil {
			return nil, err
		}
		defer v.Close()
		run := func(context.Context) error {
			unpin, err := pinThread(0)
			if err != nil {
				return err
			}
			defer unpin()
			samples = perOp(d, func() { body(v) })
			return nil
		}
		if other == "" {
			err = run(ctx)
			return samples, err
		}
		_, _, err = together(ctx, 1, hammering{What: other, Pin: true, Index: 1, Big: v}, run)
		return samples, err
	}
}
