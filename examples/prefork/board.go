package main

import (
	"context"
	"errors"
	"time"

	"github.com/multiproc-go/multiproc/shm"
)

// paths are the columns of the table. The last is for all that is not there.
var paths = []struct{ Path, Drink string }{
	{"/", ""},
	{"/tea", "tea"},
	{"/coffee", "coffee"},
	{"/cocoa", "cocoa"},
	{"/metrics", ""},
	{"other", ""},
}

// A board is what the processes share. It is handles: a copy names the same values.
type board struct {
	Hits    [][]*shm.Value[uint64] // by place and path
	Rows    []*shm.Value[row]      // by place
	Started time.Time
}

// A row tells who is in a place. Its fields belong together: a Value of any size is
// stored and loaded as one.
type row struct {
	Pid      int64
	Restarts int64
	Since    int64 // Unix nanoseconds
}

func newBoard(workers int) (b board, err error) {
	b.Started = time.Now()
	b.Hits = make([][]*shm.Value[uint64], workers)
	b.Rows = make([]*shm.Value[row], workers)
	for slot := range workers {
		b.Hits[slot] = make([]*shm.Value[uint64], len(paths))
		for p := range paths {
			if b.Hits[slot][p], err = shm.NewValue[uint64](0); err != nil {
				return b, err
			}
		}
		if b.Rows[slot], err = shm.NewValue(row{}); err != nil {
			return b, err
		}
	}
	return b, nil
}

// close frees the memory. No process uses it any more.
func (b board) close() {
	for slot := range b.Rows {
		for _, v := range b.Hits[slot] {
			v.Close()
		}
		b.Rows[slot].Close()
	}
}

// hit counts a request, and returns its number.
func (b board) hit(slot, path int) uint64 { return shm.Add(b.Hits[slot][path], 1) }

// hired notes that a process takes a place.
func (b board) hired(slot, pid int) error {
	return b.Rows[slot].Update(context.Background(), func(r *row) error {
		if r.Pid != 0 {
			r.Restarts++
		}
		r.Pid, r.Since = int64(pid), time.Now().UnixNano()
		return nil
	})
}

// A snapshot is the board at about one moment.
type snapshot struct {
	Total    uint64
	Restarts int64
	ByPath   []uint64
	Workers  []status
	Up       time.Duration
}

type status struct {
	Slot     int
	Name     string
	Pid      int64
	Restarts int64
	Up       time.Duration
	Hits     []uint64 // by path
	Total    uint64
}

var errJustLooking = errors.New("nothing is to be stored")

func (b board) snapshot() snapshot {
	s := snapshot{ByPath: make([]uint64, len(paths)), Up: time.Since(b.Started)}
	for slot := range b.Rows {
		w := status{Slot: slot, Name: workerName(slot), Hits: make([]uint64, len(paths))}
		for p := range paths {
			// To add nothing is to load; but the race detector takes a Load for one
			// that should be under the lock under which others write.
			w.Hits[p] = shm.Add(b.Hits[slot][p], 0)
			w.Total += w.Hits[p]
			s.ByPath[p] += w.Hits[p]
		}
		// The same, for a row.
		_ = b.Rows[slot].Update(context.Background(), func(r *row) error {
			w.Pid, w.Restarts = r.Pid, r.Restarts
			if r.Since != 0 {
				w.Up = time.Since(time.Unix(0, r.Since))
			}
			return errJustLooking
		})
		s.Total += w.Total
		s.Restarts += w.Restarts
		s.Workers = append(s.Workers, w)
	}
	return s
}

// waitFor waits until there are n hits.
func (b board) waitFor(ctx context.Context, n uint64) {
	for ctx.Err() == nil && b.snapshot().Total < n {
		pause(ctx, time.Millisecond)
	}
}
