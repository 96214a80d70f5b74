package main

import (
	"math"
	"strconv"
)

// A unit is what a number counts.
type unit string

const (
	nanoseconds  unit = "ns"
	milliseconds unit = "ms"
	seconds      unit = "s"
	mebibytes    unit = "MiB"
	kibibytes    unit = "KiB"
	threads      unit = "threads"
)

// number writes x with three digits that say something.
func number(x float64) string {
	switch a := math.Abs(x); {
	case a >= 1e6:
		return strconv.FormatFloat(x/1e6, 'f', 1, 64) + "M"
	case a >= 100 || x == math.Trunc(x):
		return strconv.FormatFloat(x, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(x, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
	return strconv.FormatFloat(x, 'f', 3, 64)
}

// in writes x with its unit; large times in larger units.
func (u unit) in(x float64) string {
	larger := map[unit]unit{nanoseconds: "µs", "µs": milliseconds, milliseconds: seconds}
	for larger[u] != "" && math.Abs(x) >= 10_000 {
		x, u = x/1000, larger[u]
	}
	return number(x) + " " + string(u)
}
