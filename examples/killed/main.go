// Killed factors numbers in a pool whose workers are killed while they work, and shows that every result arrives.
//
//	go run ./examples/killed
//	MULTIPROC_MODE=goroutines go run ./examples/killed
//
// Every now and then a worker gets a SIGKILL. Its task is run again (Options.Retry), tasks that waited behind it go to others, another worker takes
// its place, and the bar goes on. In Python's Pool the task would be lost, and the program would wait for it for ever.
//
// In goroutine mode there is nothing that could be killed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/pool"
	"github.com/schollz/progressbar/v3"
)

var (
	tasks = flag.Int("tasks", 400, "numbers to factor")
	kills = flag.Int("kills", 8, "workers to kill")
	quiet = flag.Bool("quiet", false, "without the bar")
)

// A product is a number and its prime factors.
type product struct {
	N       uint64
	Factors []uint64
}

var factor = multiproc.Func("factor", func(ctx context.Context, n uint64) (product, error) {
	p := product{N: n}
	for d, rest := uint64(2), n; rest > 1; d++ {
		if d*d > rest {
			d = rest
		}
		for rest%d == 0 {
			p.Factors = append(p.Factors, d)
			rest /= d
		}
		if d&(1<<20-1) == 0 && ctx.Err() != nil {
			return p, context.Cause(ctx)
		}
	}
	return p, nil
})

func main() {
	flag.Parse()
	multiproc.Main(run)
}

func run(ctx context.Context) error {
	if *tasks < 1 || *kills < 0 {
		return fmt.Errorf("-tasks %d -kills %d: nothing to do", *tasks, *kills)
	}
	p, err := pool.New(ctx, pool.Options{Workers: 4, Name: "factor", Retry: 100, Chunk: 1})
	if err != nil {
		return err
	}
	defer p.Terminate()
	var out io.Writer = os.Stderr
	if *quiet {
		out = io.Discard
	}
	bar := progressbar.NewOptions(*tasks, progressbar.OptionSetWriter(out), progressbar.OptionShowCount(), progressbar.OptionSetDescription("factoring"))
	numbers := func(yield func(uint64) bool) {
		for i := range *tasks {
			if !yield(1<<44 + uint64(i)) {
				return
			}
		}
	}
	seen := make(map[uint64]bool)
	killed := make(map[int]bool)
	for product, err := range pool.MapUnordered(ctx, p, factor, numbers) {
		if err != nil {
			return err
		}
		if seen[product.N] || !product.isRight() {
			return fmt.Errorf("wrong, or twice: %+v", product)
		}
		seen[product.N] = true
		_ = bar.Add(1) // if the bar cannot be drawn, the work is done all the same
		// All in the first half, while there is work enough.
		for len(killed) < *kills && len(seen) > *tasks*len(killed)/(2**kills) {
			if !killOne(p, killed) {
				break
			}
		}
	}
	_ = bar.Finish()
	fmt.Fprintln(out)
	fmt.Printf("%d of %d results, %d workers killed\n", len(seen), *tasks, len(killed))
	p.Close()
	return p.Wait(ctx)
}

// killOne kills a worker that is at a task and was not killed before. It returns false if there is none.
func killOne(p *pool.Pool, killed map[int]bool) bool {
	for stats := p.Stats(); stats.Running+stats.Queued > 0; stats = p.Stats() {
		for _, w := range stats.Workers {
			if w.Pid == os.Getpid() {
				return false // a goroutine
			}
			if w.Task == "" || killed[w.Pid] {
				continue
			}
			process, err := os.FindProcess(w.Pid)
			if err != nil {
				continue // it has ended by itself
			}
			err = process.Kill()
			process.Release()
			if err == nil {
				killed[w.Pid] = true
				return true
			}
		}
		time.Sleep(time.Millisecond) // until another has taken the place of the last
	}
	return false
}

// isRight multiplies.
func (p product) isRight() bool {
	n := uint64(1)
	for _, f := range p.Factors {
		n *= f
	}
	return n == p.N
}
