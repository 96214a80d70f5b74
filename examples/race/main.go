// Race is the counter without its lock: it loses updates.
//
//	go run ./examples/race
//	go run ./examples/race -lock
//
// Five processes add 1 to the same number by reading it, adding, and writing it
// back. When two of them read the same 7, both write 8, and one addition is lost. Load and
// Store are atomic, but that only means that nobody reads half a number: the two
// together are two steps. (shm.Add would be one, without a lock.)
//
// How many updates are lost depends on the machine and on luck, which is what makes
// such mistakes hard to find. The race detector needs no luck, and no million
// increments. It sees into one process only, so run the same program in goroutine mode:
//
//	MULTIPROC_MODE=goroutines go run -race ./examples/race -increments 20000
//	MULTIPROC_MODE=goroutines go run -race ./examples/race -increments 20000 -lock
//
// The first reports the Load and the Store below as a data race. The second, with
// the lock, reports nothing.
package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

type job struct {
	Total      *shm.Value[int64]
	Mu         *psync.Mutex // nil for no lock; a nil handle travels as nil
	Increments int
}

var increment = multiproc.Proc("increment", func(ctx context.Context, j job) error {
	if j.Mu == nil {
		for range j.Increments {
			current := j.Total.Load()
			j.Total.Store(current + 1)
		}
		return nil
	}
	for range j.Increments {
		guard, err := j.Mu.Lock(ctx)
		if err != nil {
			return err
		}
		current := j.Total.Load()
		j.Total.Store(current + 1)
		guard.Unlock()
	}
	return nil
})

func main() { multiproc.Main(run) }

func run(ctx context.Context) error {
	processes := flag.Int("processes", 5, "how many processes count")
	increments := flag.Int("increments", 1_000_000, "how often each of them adds 1")
	lock := flag.Bool("lock", false, "count under a lock")
	flag.Parse()

	total, err := shm.NewValue[int64](0)
	if err != nil {
		return err
	}
	defer total.Close()
	j := job{Total: total, Increments: *increments}
	if *lock {
		j.Mu, err = psync.NewMutex()
		if err != nil {
			return err
		}
		defer j.Mu.Close()
	}

	group, _ := multiproc.NewGroup(ctx)
	for range *processes {
		group.Start(increment.With(j))
	}
	if err := group.Wait(); err != nil {
		return err
	}

	expected, got := int64(*processes)*int64(*increments), total.Load()
	fmt.Printf("expected %d, got %d\n", expected, got)
	switch {
	case *lock:
		fmt.Println("With the lock no update is ever lost.")
	case got < expected:
		fmt.Printf("%d updates were lost. Run it again, and it will be another number.\n", expected-got)
	default:
		fmt.Println("No update was lost, by luck. Run it again.")
	}
	return nil
}
