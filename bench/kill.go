package main

import (
	"context"
	"fmt"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
)

func killWorkloads(s size) (list []workload) {
	for _, waiters := range []int{1, 100} {
		n := pick(s, 1000, 20)
		if waiters > 1 {
			n = pick(s, 1000, 5)
		}
		title := "SIGKILL of a holder to the next one, one process waiting"
		if waiters > 1 {
			title = fmt.Sprintf("SIGKILL of a holder to the next one, %d processes waiting", waiters)
		}
		list = append(list, workload{
			name: fmt.Sprintf("kill-%d", waiters), title: title, unit: nanoseconds, chart: true,
			rounds: 1,
			system: []system{
				{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return killHolders(ctx, n, waiters, 0) }},
				{"glibc robust", func(ctx context.Context, p *peers) ([]float64, error) { return p.runC(ctx, "kill", waiters, n) }},
			},
			bars: []bar{{figure: p99, times: 1e6}, {figure: most, times: 1e9}},
			note: "The victim is small. The time is that from before the system call that kills to when the next holder has read its clock.",
		})
	}
	const mib = 4096
	return append(list, workload{
		name: "kill-4GiB", title: "SIGKILL of a holder that has 4 GiB resident to the next one", unit: nanoseconds,
		rounds: 1,
		system: []system{
			{ours, func(ctx context.Context, _ *peers) ([]float64, error) {
				if s.quick {
					return nil, missing{"too much for a quick run"}
				}
				if free := availableMiB(); free < mib*3/2 {
					return nil, missing{fmt.Sprintf("%d MiB of memory are available", free)}
				}
				return killHolders(ctx, 30, 1, mib)
			}},
		},
		bars: []bar{{figure: p99, times: 20e6}},
		note: "One process waiting. Of 30 kills the p99 is the maximum.",
	})
}

type victim struct {
	Board board
	Mu    *psync.Mutex
	MiB   int
}

// holder takes the lock and waits for its death.
var holder = multiproc.Proc("holder", func(ctx context.Context, v victim) error {
	ballast := make([]byte, v.MiB<<20)
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	if _, err := v.Mu.Lock(ctx); err != nil {
		return err
	}
	v.Board.word(held).Store(1)
	<-ctx.Done()
	return fmt.Errorf("not killed, with %d bytes: %w", len(ballast), ctx.Err())
})

// The waiters come to the gates, which the parent holds, in turn; then to Mu.
type heirs struct {
	Board board
	Gates [2]*psync.Mutex
	Mu    *psync.Mutex
	N     int
}

var heir = multiproc.Proc("heir", func(ctx context.Context, h heirs) error {
	pass := func(mu *psync.Mutex, inside func()) error {
		g, err := mu.Lock(ctx)
		if err != nil {
			return err
		}
		inside()
		if g.Abandoned() {
			g.Repaired()
		}
		g.Unlock()
		return nil
	}
	for i := range h.N {
		if err := pass(h.Gates[i%2], func() {}); err != nil {
			return err
		}
		h.Board.word(ready).Add(1)
		err := pass(h.Mu, func() { h.Board.word(when).CompareAndSwap(0, uint64(monotonic())) })
		if err != nil {
			return err
		}
		h.Board.word(done).Add(1)
	}
	return nil
})

// killHolders kills n holders of a lock that waiters wait for.
func killHolders(ctx context.Context, n, waiters, mib int) (samples []float64, err error) {
	b, err := newBoard()
	if err != nil {
		return nil, err
	}
	defer b.close()
	var locks [3]*psync.Mutex
	for i := range locks {
		if locks[i], err = psync.NewMutex(); err != nil {
			return nil, err
		}
		defer locks[i].Close()
	}
	var gates [2]psync.Guard
	for i := range gates {
		if gates[i], err = locks[i].Lock(ctx); err != nil {
			return nil, err
		}
	}
	h := heirs{b, [2]*psync.Mutex(locks[:2]), locks[2], n}
	c := newCrew(ctx, 20*time.Minute)
	for range waiters {
		c.Start(heir.With(h))
	}
	for i := range n {
		took, err := killHolder(c.ctx, h, i, waiters, mib, &gates)
		if err != nil {
			return nil, c.end(err)
		}
		samples = append(samples, took)
	}
	return samples, c.end(nil)
}

// killHolder is one round.
func killHolder(ctx context.Context, h heirs, i, waiters, mib int, gates *[2]psync.Guard) (took float64, err error) {
	h.Board.reset()
	p, err := holder.Start(ctx, victim{h.Board, h.Mu, mib})
	if err != nil {
		return 0, err
	}
	defer p.Kill()
	if err := h.Board.await(ctx, held, 1); err != nil {
		return 0, err
	}
	gates[i%2].Unlock()
	if err := h.Board.await(ctx, ready, uint64(waiters)); err != nil {
		return 0, err
	}
	if gates[i%2], err = h.Gates[i%2].Lock(ctx); err != nil {
		return 0, err
	}
	asleep := time.Millisecond
	if waiters > 1 {
		asleep = 10 * time.Millisecond
	}
	if err := nap(ctx, asleep); err != nil {
		return 0, err
	}
	begin := monotonic()
	if err := p.Kill(); err != nil {
		return 0, err
	}
	<-p.Done() // and not in a loop, which would want a CPU meanwhile
	if err := h.Board.await(ctx, done, uint64(waiters)); err != nil {
		return 0, err
	}
	return float64(int64(h.Board.word(when).Load()) - begin), nil
}
