package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
)

func familyWorkloads(s size) []workload {
	n := pick(s, 1000, 50)
	if !s.quick && availableMiB() < 8192 {
		n = 200
	}
	// One family is measured, and all is told of it.
	var told *census
	var failure error
	part := func(x func(*census) float64) func(context.Context, *peers) ([]float64, error) {
		return func(ctx context.Context, _ *peers) ([]float64, error) {
			if told == nil && failure == nil {
				told, failure = measureFamily(ctx, n)
			}
			if failure != nil {
				return nil, failure
			}
			return []float64{x(told)}, nil
		}
	}
	name := func(what string) string { return fmt.Sprintf("family-%d-%s", n, what) }
	title := fmt.Sprintf("%d processes in one family: ", n)
	return []workload{{
		name: name("time"), title: title + "time", unit: milliseconds, rounds: 1,
		system: []system{
			{"multiproc: start of all", part(func(c *census) float64 { return c.started })},
			{"multiproc: each locks once", part(func(c *census) float64 { return c.locked })},
			{"multiproc: end of all", part(func(c *census) float64 { return c.ended })},
		},
		note: "Until the last has started, has had a lock that all want at once, has ended and was waited for.",
	}, {
		name: name("threads"), title: title + "threads", unit: threads, rounds: 1,
		system: []system{
			{"multiproc: the parent", part(func(c *census) float64 { return c.parentThreads })},
			{"multiproc: a child, on average", part(func(c *census) float64 { return c.childThreads })},
		},
	}, {
		name: name("memory"), title: title + "memory", unit: mebibytes, rounds: 1,
		system: []system{
			{"multiproc: the parent", part(func(c *census) float64 { return c.parentMiB })},
			{"multiproc: a child, on average", part(func(c *census) float64 { return c.childMiB })},
		},
		note: "Pss: what is shared is divided among those who share it.",
	}}
}

// census is what is told of a family: milliseconds, threads, MiB.
type census struct {
	started, locked, ended      float64
	parentThreads, childThreads float64
	parentMiB, childMiB         float64
}

type relatives struct {
	Board       board
	Go, Mu, End *psync.Mutex
}

// related locks once when it is told to, and ends when it is told to. It waits for both at
// locks that the parent holds, for that many pollers would be measured, too.
var related = multiproc.Proc("related", func(ctx context.Context, r relatives) error {
	r.Board.word(ready).Add(1)
	for i, mu := range []*psync.Mutex{r.Go, r.Mu, r.End} {
		err := mu.Do(ctx, func() error {
			if i == 1 {
				*r.Board.plain(counter)++
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.Board.word(done).Add(1)
	}
	return nil
})

func measureFamily(ctx context.Context, n int) (told *census, err error) {
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
	r := relatives{b, locks[0], locks[1], locks[2]}
	goOn, err := r.Go.Lock(ctx)
	if err != nil {
		return nil, err
	}
	end, err := r.End.Lock(ctx)
	if err != nil {
		return nil, err
	}
	debug.FreeOSMemory() // what former measurements have left behind
	c := newCrew(ctx, 5*time.Minute)
	told = new(census)
	clock := time.Now()
	lap := func(to *float64) {
		*to = float64(time.Since(clock).Nanoseconds()) / 1e6
		clock = time.Now()
	}
	for range n {
		c.Start(related.With(r))
	}
	if err := b.await(c.ctx, ready, uint64(n)); err != nil {
		return nil, c.end(err)
	}
	lap(&told.started)
	if err := told.count(ctx); err != nil {
		return nil, c.end(err)
	}
	clock = time.Now()
	goOn.Unlock()
	if err := b.await(c.ctx, done, uint64(2*n)); err != nil {
		return nil, c.end(err)
	}
	lap(&told.locked)
	if err := agree(*b.plain(counter), uint64(n)); err != nil {
		return nil, c.end(err)
	}
	end.Unlock()
	err = c.end(nil)
	lap(&told.ended)
	return told, err
}

// count looks at all processes.
func (c *census) count(ctx context.Context) error {
	children := multiproc.Children(ctx)
	look := func(pid int) (n, mib float64) {
		t, err := threadsOf(pid)
		m, e := memoryOf(pid, "Pss")
		if errors.Join(err, e) != nil {
			return 0, 0 // it shows in the average
		}
		return float64(t), m
	}
	for _, p := range children {
		n, mib := look(p.Pid())
		c.childThreads += n / float64(len(children))
		c.childMiB += mib / float64(len(children))
	}
	c.parentThreads, c.parentMiB = look(os.Getpid())
	return nil
}
