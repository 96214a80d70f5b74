// Counter lets five processes count to 500000 together.
//
//	go run ./examples/counter
//	go run ./examples/counter -processes 8 -increments 1000000
//	go run ./examples/counter -lang zh
//	MULTIPROC_MODE=goroutines go run ./examples/counter
//
// It is the program with which introductions to Python's multiprocessing begin.
// Each process adds 1 to the same number, 100,000 times, in the three steps that
// go wrong if two processes take them at once: read, add, write. A lock lets only one
// at a time do so. Run examples/race to see what happens without it.
//
// A child process is this same program, started anew: it has nothing of what run
// has made or read, the flags included. What a child needs is in its argument, a job.
// Most of that is copied; Total and Mu are handles, and name the same number and
// the same lock in every process.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

type job struct {
	Total      *shm.Value[int64]
	Mu         *psync.Mutex
	Increments int
	Lang       string
}

// A child finds the function by its name, "increment". So it has to be declared before
// Main is called: in a package variable.
var increment = multiproc.Proc("increment", func(ctx context.Context, j job) error {
	say := phrases[j.Lang]
	fmt.Printf(say.starts, os.Getpid())
	var current int64
	for range j.Increments {
		err := j.Mu.Do(ctx, func() error {
			current = j.Total.Load()
			current++
			j.Total.Store(current)
			return nil
		})
		if err != nil {
			return err
		}
	}
	// Not j.Total.Load(): without the lock that would race with the Stores of the others.
	fmt.Printf(say.done, os.Getpid(), current)
	return nil
})

func main() { multiproc.Main(run) } // in a child, Main runs the entry instead of run

func run(ctx context.Context) error {
	processes := flag.Int("processes", 5, "how many processes count")
	increments := flag.Int("increments", 100_000, "how often each of them adds 1")
	lang := flag.String("lang", language(os.Getenv), "en or zh")
	flag.Parse()
	say, ok := phrases[*lang]
	if !ok {
		return fmt.Errorf("-lang %s: want en or zh", *lang)
	}

	total, err := shm.NewValue[int64](0)
	if err != nil {
		return err
	}
	defer total.Close()
	mu, err := psync.NewMutex()
	if err != nil {
		return err
	}
	defer mu.Close()

	start := time.Now()
	group, _ := multiproc.NewGroup(ctx)
	for range *processes {
		group.Start(increment.With(job{total, mu, *increments, *lang}))
	}
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Printf(say.all, time.Since(start).Seconds())
	fmt.Printf(say.total, total.Load())
	return nil
}
