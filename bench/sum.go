package main

import (
	"context"
	"fmt"
	"time"

	"github.com/multiproc-go/multiproc/shm"
)

func sumWorkloads(s size) (list []workload) {
	for _, array := range []struct {
		name  string
		bytes int
	}{{"64 KiB", 64 << 10}, {"64 MiB", 64 << 20}} {
		n := array.bytes / 8
		d := pick(s, 100*time.Millisecond, 30*time.Millisecond)
		list = append(list, workload{
			name: fmt.Sprintf("sum-%dKiB", array.bytes>>10), title: "Sum over an Array of " + array.name, unit: nanoseconds,
			rounds: pick(s, 21, 3),
			system: []system{
				{ours, func(context.Context, *peers) ([]float64, error) {
					a, err := shm.NewArray[int64](n)
					if err != nil {
						return nil, err
					}
					defer a.Close()
					return sumOf(a.Slice(), d)
				}},
				{"slice", func(context.Context, *peers) ([]float64, error) { return sumOf(make([]int64, n), d) }},
			},
			bars: []bar{{against: "slice", times: 1.05}},
			note: "One whole sum of int64s, on one CPU. An Array's view is a slice.",
		})
	}
	return list
}

// sumOf measures one sum over view, which is the same code for both systems.
func sumOf(view []int64, d time.Duration) ([]float64, error) {
	unpin, err := pinThread(0)
	if err != nil {
		return nil, err
	}
	defer unpin()
	want := int64(0)
	for i := range view {
		view[i] = int64(i)
		want += int64(i)
	}
	begin, sums := time.Now(), 0
	for time.Since(begin) < d {
		if got := sum(view); got != want {
			return nil, fmt.Errorf("the sum is %d, want %d", got, want)
		}
		sums++
	}
	return []float64{float64(time.Since(begin).Nanoseconds()) / float64(sums)}, nil
}

//go:noinline
func sum(view []int64) (total int64) {
	for _, x := range view {
		total += x
	}
	return total
}
