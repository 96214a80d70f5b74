package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
)

func crowdWorkloads(s size) (list []workload) {
	n := pick(s, 10_000, 1000)
	for _, w := range []struct {
		name, title string
		locks       int
		bar         float64
	}{
		{"one", fmt.Sprintf("%d goroutines waiting for one lock", n), 1, 30},
		{"many", fmt.Sprintf("%d goroutines waiting for %[1]d locks", n), n, 150},
	} {
		list = append(list, workload{
			name: "crowd-" + w.name, title: w.title, unit: threads, rounds: 1,
			system: []system{{ours, func(ctx context.Context, _ *peers) ([]float64, error) {
				return waitInCrowd(ctx, n, w.locks)
			}}},
			bars: []bar{{times: w.bar}},
			note: "The threads of the process that waits, the Go runtime's own included; another process holds the locks.",
		})
	}
	return list
}

type crowd struct {
	Board board
	Locks []*psync.Mutex
	N     int
}

// waiting is a process in which N goroutines wait. It returns its number of threads.
var waiting = multiproc.Func("waiting", func(ctx context.Context, c crowd) (int, error) {
	var (
		all     sync.WaitGroup
		come    atomic.Int64
		failure atomic.Pointer[error]
	)
	for i := range c.N {
		all.Go(func() {
			come.Add(1)
			g, err := c.Locks[i%len(c.Locks)].Lock(ctx)
			if err != nil {
				failure.Store(&err)
				return
			}
			g.Unlock()
		})
	}
	for come.Load() < int64(c.N) {
		time.Sleep(time.Millisecond)
	}
	if err := settled(ctx); err != nil {
		return 0, err
	}
	n, err := threadsOf(os.Getpid())
	if err != nil {
		return 0, err
	}
	c.Board.word(ready).Store(1)
	all.Wait()
	if err := failure.Load(); err != nil {
		return 0, *err
	}
	return n, nil
})

// settled waits until for some time this process has used no processor time to speak of: its
// goroutines have nothing to do. (runtime/metrics counts them, but makes the start of every
// child slower that only imports it.)
func settled(ctx context.Context) error {
	last := ""
	for calm := 0; calm < 20; calm++ {
		if err := nap(ctx, 10*time.Millisecond); err != nil {
			return err
		}
		stat, err := os.ReadFile("/proc/self/stat")
		if err != nil {
			return err
		}
		// The 14th and 15th field, of which the second is a name in parentheses.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if used := string(bytes.Join(fields[11:13], []byte("+"))); used != last {
			calm, last = 0, used
		}
	}
	return nil
}

func waitInCrowd(ctx context.Context, n, locks int) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	b, err := newBoard()
	if err != nil {
		return nil, err
	}
	defer b.close()
	c := crowd{Board: b, N: n}
	var guards []psync.Guard
	for range locks {
		mu, err := psync.NewMutex()
		if err != nil {
			return nil, err
		}
		defer mu.Close()
		g, err := mu.Lock(ctx)
		if err != nil {
			return nil, err
		}
		c.Locks, guards = append(c.Locks, mu), append(guards, g)
	}
	call, err := waiting.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	failed := make(chan struct{})
	go func() {
		<-call.Done()
		cancel() // else await waits for what cannot come
		close(failed)
	}()
	awaited := b.await(ctx, ready, 1)
	for _, g := range guards {
		g.Unlock()
	}
	if awaited == nil {
		<-failed
	}
	count, err := call.Result(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	return []float64{float64(count)}, nil
}
