package main

import "math"

// A figure is a number that sums up many.
type figure string

const (
	median figure = "" // the default
	p99    figure = "p99"
	most   figure = "max"
)

func (f figure) String() string {
	if f == median {
		return "median"
	}
	return string(f)
}

// of sorted samples; NaN of none.
func (f figure) of(sorted []float64) float64 {
	n := len(sorted)
	switch {
	case n == 0:
		return math.NaN()
	case f == p99:
		// The smallest sample that 99 in 100 do not exceed.
		return sorted[int(math.Ceil(float64(n)*0.99))-1]
	case f == most:
		return sorted[n-1]
	case n%2 == 0:
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[n/2]
}
