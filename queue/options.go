package queue

import (
	"fmt"
	"math"
	"time"
)

// Options of a queue. The zero value is good.
type Options struct {
	// Capacity is how many items the queue holds at most; 0 is 1024. Items that somebody holds do not count.
	Capacity int
	// Bytes is how much memory the queue takes beyond its own for items whose size varies and that are larger than 2 KiB, and so
	// the size of the largest; 0 is 64 MiB. It is taken as it is needed, and used again. Items of a fixed size of up to 2 KiB lie in the queue itself.
	Bytes int64
	// Leases is how many items can be held at a time; 0 is 64.
	Leases int
	// Spin is how long a Put or Get that has to wait looks at the queue, at least, before it sleeps. 0 is a
	// few microseconds; more shortens the way of a message while it keeps a CPU busy. Negative is not at all.
	Spin time.Duration
}

const (
	defaultCapacity = 1024
	defaultBytes    = 64 << 20
	defaultLeases   = 64
	minBytes        = 4 << 10
	// bigs is how many items larger than 2 KiB there can be at a time.
	bigs = 64
)

// settle fills in what is 0.
func (o Options) settle() (Options, error) {
	for _, f := range []struct {
		name string
		v    int64
		max  int64
	}{{"Capacity", int64(o.Capacity), 1 << 30}, {"Bytes", o.Bytes, math.MaxInt64}, {"Leases", int64(o.Leases), 1 << 16}} {
		if f.v < 0 || f.v > f.max {
			return o, fmt.Errorf("queue: Options.%s is %d: it must be at least 0 and at most %d", f.name, f.v, f.max)
		}
	}
	if o.Capacity == 0 {
		o.Capacity = defaultCapacity
	}
	if o.Bytes == 0 {
		o.Bytes = defaultBytes
	}
	if o.Leases == 0 {
		o.Leases = defaultLeases
	}
	o.Bytes = max(o.Bytes, minBytes)
	return o, nil
}
