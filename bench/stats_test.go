package main

import (
	"math"
	"testing"
)

func TestFigures(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	for _, test := range []struct {
		figure  figure
		samples []float64
		want    float64
	}{
		{median, []float64{7}, 7},
		{median, []float64{1, 2, 10}, 2},
		{median, []float64{1, 2, 4, 10}, 3},
		{p99, []float64{7}, 7},
		{p99, hundred[:50], 50},
		{p99, hundred, 99},
		{most, hundred, 100},
	} {
		if got := test.figure.of(test.samples); got != test.want {
			t.Errorf("%v of %v: %v, want %v", test.figure, test.samples, got, test.want)
		}
	}
	if got := median.of(nil); !math.IsNaN(got) {
		t.Errorf("the median of nothing is %v", got)
	}
}

func TestUnits(t *testing.T) {
	for _, test := range []struct {
		unit unit
		x    float64
		want string
	}{
		{nanoseconds, 4.5678, "4.57 ns"},
		{nanoseconds, 0.1234, "0.123 ns"},
		{nanoseconds, 9999, "9999 ns"},
		{nanoseconds, 12345, "12.3 µs"},
		{nanoseconds, 1.5e9, "1500 ms"},
		{nanoseconds, 1.5e10, "15 s"},
		{milliseconds, 12345, "12.3 s"},
		{threads, 10010, "10010 threads"},
		{mebibytes, -1.5, "-1.50 MiB"},
	} {
		if got := test.unit.in(test.x); got != test.want {
			t.Errorf("%v %s: %s, want %s", test.x, test.unit, got, test.want)
		}
	}
}
