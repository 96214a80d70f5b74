package main

import (
	"context"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// hammering is a process that does the same thing for as long as others do, too.
type hammering struct {
	What  string
	Index int
	Pin   bool
	Board board
	Mu    *psync.Mutex
	Sum   *shm.Value[int64]
	Big   *shm.Value[[8]int64]
	RW    *psync.RWMutex
	Sem   *psync.Semaphore
}

// hammer returns how often it did it.
var hammer = multiproc.Func("hammer", func(ctx context.Context, h hammering) (uint64, error) {
	if h.Pin {
		if err := pinProcess(h.Index); err != nil {
			return 0, err
		}
	}
	h.Board.word(ready).Add(1)
	if err := h.Board.await(ctx, start, 1); err != nil {
		return 0, err
	}
	ops, stop := uint64(0), h.Board.word(stop)
	switch h.What {
	case "lock":
		counter := h.Board.plain(counter)
		for ; stop.Load() == 0; ops++ {
			g, err := h.Mu.Lock(ctx)
			if err != nil {
				return ops, err
			}
			*counter++
			g.Unlock()
		}
	case "acquire":
		counter := h.Board.plain(counter)
		for ; stop.Load() == 0; ops++ {
			p, err := h.Sem.Acquire(ctx)
			if err != nil {
				return ops, err
			}
			*counter++
			p.Release()
		}
	case "wait":
		counter := h.Board.plain(counter)
		for ; stop.Load() == 0; ops++ {
			if err := h.Sem.Wait(ctx); err != nil {
				return ops, err
			}
			*counter++
			if err := h.Sem.Post(); err != nil {
				return ops, err
			}
		}
	case "read":
		for ; stop.Load() == 0; ops++ {
			g, err := h.RW.RLock(ctx)
			if err != nil {
				return ops, err
			}
			g.Unlock()
		}
	case "add":
		for ; stop.Load() == 0; ops += 100 {
			for range 100 {
				shm.Add(h.Sum, 1)
			}
		}
	case "store":
		for ; stop.Load() == 0; ops++ {
			h.Big.Store([8]int64{int64(ops)})
		}
	case "load":
		for ; stop.Load() == 0; ops++ {
			h.Big.Load()
		}
	}
	return ops, nil
})

// together lets processes hammer for d and returns what all of them did and in what
// time. While they do, beside runs here, and decides when it is over.
func together(ctx context.Context, processes int, h hammering, beside func(context.Context) error) (ops uint64, took time.Duration, err error) {
	b, err := newBoard()
	if err != nil {
		return 0, 0, err
	}
	defer b.close()
	h.Board = b
	crew, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	calls := make([]*multiproc.Call[uint64], 0, processes)
	for i := range processes {
		if processes > 1 {
			h.Index = i
		}
		call, e := hammer.Start(crew, h)
		if e != nil {
			err = e
			break
		}
		calls = append(calls, call)
	}
	if err == nil {
		err = b.await(crew, ready, uint64(processes))
	}
	if err == nil {
		begin := time.Now()
		b.word(start).Store(1)
		err = beside(crew)
		b.word(stop).Store(1)
		took = time.Since(begin)
	}
	if err != nil {
		cancel()
	}
	for _, call := range calls {
		n, e := call.Result(context.WithoutCancel(ctx))
		if e != nil && err == nil {
			err = e
		}
		ops += n
	}
	if err == nil && (h.What == "lock" || h.Sem != nil) {
		err = agree(*b.plain(counter), ops)
	}
	return ops, took, err
}

// each is the nanoseconds of one of ops.
func each(ops uint64, took time.Duration, err error) ([]float64, error) {
	if err != nil {
		return nil, err
	}
	return []float64{float64(took.Nanoseconds()) / float64(ops)}, nil
}

// lasting does nothing for d.
func lasting(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error { return nap(ctx, d) }
}
