package main

import (
	"context"
	"fmt"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
)

// meetWorkloads are processes that wait for each other.
func meetWorkloads(s size) (list []workload) {
	n := pick(s, 20_000, 2000)
	rounds := pick(s, 10, 3)
	turn := func(what string, processes int) system {
		return system{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return meetFor(ctx, what, processes, n) }}
	}
	c := func(name, what string, processes int) system {
		return system{name, func(ctx context.Context, p *peers) ([]float64, error) {
			return p.runC(ctx, "meet", what, processes, n)
		}}
	}
	py := func(what string, processes int) system {
		return system{"CPython", func(ctx context.Context, p *peers) ([]float64, error) {
			return p.runPython(ctx, "meet", what, processes, n/20)
		}}
	}
	const pinned = "Two processes that wake each other in turn, each on a CPU of its own; both sleep in the kernel."
	list = append(list, workload{
		name: "event", title: "From Set of an event to the run of a waiter", unit: nanoseconds, rounds: rounds,
		system: []system{turn("event", 2), c("bare futex", "futex", 2), py("event", 2)},
		bars:   []bar{{against: "bare futex", times: 1.3, figure: median}},
		note:   pinned,
	}, workload{
		name: "cond", title: "From Signal of a condition variable to the run of a waiter", unit: nanoseconds, rounds: rounds,
		system: []system{turn("cond", 2), c("bare futex", "futex", 2), c("glibc cond", "cond", 2), py("cond", 2)},
		bars:   []bar{{against: "bare futex", times: 1.3, figure: median}},
		note:   pinned + " With the mutex, that is locked to look and to change.",
	})
	for _, processes := range []int{2, 5} {
		list = append(list, workload{
			name: fmt.Sprintf("barrier-%d", processes), title: fmt.Sprintf("A round of a barrier, %d processes", processes),
			unit: nanoseconds, rounds: rounds,
			system: []system{turn("barrier", processes), c("glibc barrier", "barrier", processes), py("barrier", processes)},
			bars: []bar{
				{against: "glibc barrier", times: 1, figure: median}, {against: "CPython", times: 1. / 20, figure: median},
			},
			note: "Each process on one CPU of those that there are, in turn.",
		})
	}
	return append(list, breakWorkload(s))
}

// meeting is one process's part.
type meeting struct {
	What    string
	Index   int
	N       int
	Events  [2]*psync.Event
	Conds   [2]*psync.Cond // of one mutex
	Barrier *psync.Barrier
	Board   board
}

// meet does N rounds and returns the time that they took.
var meet = multiproc.Func("meet", func(ctx context.Context, m meeting) (time.Duration, error) {
	if err := pinProcess(m.Index); err != nil {
		return 0, err
	}
	if _, err := m.Barrier.Wait(ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	var err error
	for range m.N {
		switch m.What {
		case "event":
			err = m.handOver(func() error { return m.Events[1-m.Index].Set() }, func() error {
				if err := m.Events[m.Index].Wait(ctx); err != nil {
					return err
				}
				return m.Events[m.Index].Clear()
			})
		case "cond":
			turn := m.Board.plain(counter)
			err = m.handOver(func() error {
				g, err := m.Conds[0].Mutex().Lock(ctx)
				if err != nil {
					return err
				}
				*turn = uint64(1 - m.Index)
				g.Unlock()
				m.Conds[1-m.Index].Signal()
				return nil
			}, func() error {
				g, err := m.Conds[0].Mutex().Lock(ctx)
				if err != nil {
					return err
				}
				err = m.Conds[m.Index].WaitFor(ctx, &g, func() bool { return *turn == uint64(m.Index) })
				g.Unlock()
				return err
			})
		case "barrier":
			_, err = m.Barrier.Wait(ctx)
		}
		if err != nil {
			return 0, err
		}
	}
	took := time.Since(began)
	_, err = m.Barrier.Wait(ctx) // nobody's end is a break to the others
	return took, err
})

// handOver is a turn: the first process gives and then takes, the other one takes and then gives.
func (m meeting) handOver(give, take func() error) error {
	first, second := give, take
	if m.Index == 1 {
		first, second = take, give
	}
	if err := first(); err != nil {
		return err
	}
	return second()
}

func meetFor(ctx context.Context, what string, processes, n int) (samples []float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	m := meeting{What: what, N: n}
	if m.Board, err = newBoard(); err != nil {
		return nil, err
	}
	defer m.Board.close()
	if m.Barrier, err = psync.NewBarrier(processes); err != nil {
		return nil, err
	}
	defer m.Barrier.Close()
	mu, err := psync.NewMutex()
	if err != nil {
		return nil, err
	}
	defer mu.Close()
	for i := range 2 {
		if m.Events[i], err = psync.NewEvent(); err != nil {
			return nil, err
		}
		defer m.Events[i].Close()
		if m.Conds[i], err = psync.NewCond(mu); err != nil {
			return nil, err
		}
		defer m.Conds[i].Close()
	}
	m.Board.word(counter).Store(2) // nobody's turn yet
	var calls []*multiproc.Call[time.Duration]
	for m.Index = range processes {
		call, err := meet.Start(ctx, m)
		if err != nil {
			return nil, err
		}
		calls = append(calls, call)
	}
	each := n
	if what != "barrier" {
		each = 2 * n // a turn is two
	}
	for i, call := range calls {
		took, err := call.Result(ctx)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			samples = append(samples, float64(took.Nanoseconds())/float64(each))
		}
	}
	return samples, nil
}

func breakWorkload(s size) workload {
	n := pick(s, 1000, 20)
	return workload{
		name: "break", title: "SIGKILL of a member of a barrier to the last of four others who is told", unit: nanoseconds, rounds: 1,
		system: []system{{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return breakBarriers(ctx, n) }}},
		bars:   []bar{{figure: p99, times: 2e6}},
		note:   "The victim has not arrived; all others wait in the kernel, each in a process of its own.",
	}
}

type broken struct {
	Board   board
	Barrier *psync.Barrier
	N       int
}

// told waits at the barrier until it breaks, N times, and notes when it learnt that.
var told = multiproc.Proc("told", func(ctx context.Context, b broken) error {
	for i := range b.N {
		if err := b.Board.await(ctx, start, uint64(i)+1); err != nil {
			return err
		}
		b.Board.word(ready).Add(1)
		if _, err := b.Barrier.Wait(ctx); err == nil {
			return fmt.Errorf("round %d was completed", i)
		}
		t := uint64(monotonic())
		for w := b.Board.word(when); ; {
			if old := w.Load(); old >= t || w.CompareAndSwap(old, t) {
				break
			}
		}
		b.Board.word(done).Add(1)
	}
	return nil
})

// absent is a member that never comes.
var absent = multiproc.Proc("absent", func(ctx context.Context, b broken) error {
	if err := b.Barrier.Join(ctx); err != nil {
		return err
	}
	b.Board.word(held).Store(1)
	<-ctx.Done()
	return ctx.Err()
})

func breakBarriers(ctx context.Context, n int) (samples []float64, err error) {
	const others = 4
	b := broken{N: n}
	if b.Board, err = newBoard(); err != nil {
		return nil, err
	}
	defer b.Board.close()
	if b.Barrier, err = psync.NewBarrier(others + 1); err != nil {
		return nil, err
	}
	defer b.Barrier.Close()
	c := newCrew(ctx, 20*time.Minute)
	for range others {
		c.Start(told.With(b))
	}
	for i := range n {
		took, err := breakOnce(c.ctx, b, uint64(i)+1, others)
		if err != nil {
			return nil, c.end(err)
		}
		samples = append(samples, took)
	}
	return samples, c.end(nil)
}

func breakOnce(ctx context.Context, b broken, round, others uint64) (took float64, err error) {
	b.Board.word(held).Store(0)
	b.Board.word(when).Store(0)
	p, err := absent.Start(ctx, b)
	if err != nil {
		return 0, err
	}
	defer p.Kill()
	if err := b.Board.await(ctx, held, 1); err != nil {
		return 0, err
	}
	b.Board.word(start).Store(round)
	if err := b.Board.await(ctx, ready, round*others); err != nil {
		return 0, err
	}
	if err := nap(ctx, time.Millisecond); err != nil { // until they sleep
		return 0, err
	}
	begin := monotonic()
	if err := p.Kill(); err != nil {
		return 0, err
	}
	<-p.Done()
	if err := b.Board.await(ctx, done, round*others); err != nil {
		return 0, err
	}
	return float64(int64(b.Board.word(when).Load()) - begin), b.Barrier.Reset(ctx)
}
