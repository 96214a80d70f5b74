// Phases is a simulation that loses a process and goes on with the rest.
//
//	go run ./examples/phases
//
// Four processes share a rod of cells that is hot at its left end, and let the heat spread, step by step. In each
// step a process computes its part of the cells, for which it reads its neighbours' cells as they were before; then all wait for
// each other at a barrier. The number that Wait returns says which part comes next: the first to arrive
// takes the first.
//
// In step 20 a process dies in the middle. Nobody knew that it would, and three wait for it, or are about to. The barrier
// knows its members: the three get ErrBroken at once. Each calls Repair, which one of them does and the others find done, and
// waits again. When they meet they are three; so each knows that not all parts were computed, and they do the
// step once more, in three parts. That works because a step does not change what it reads: there are two rods, and
// which of them is the present one changes with the step.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

const (
	processes = 4
	cells     = 48
	steps     = 400
	dies      = 2  // the worker that dies,
	diesIn    = 20 // in this step
)

type job struct {
	Barrier *psync.Barrier
	Rods    [2]*shm.Array[float64] // in step n, Rods[n%2] is read and the other one written
	Shares  *shm.Value[int64]      // into how many parts the rod is divided; changed while all wait
	Breaks  *shm.Value[int64]      // how often somebody was told of the break
	Me      int
}

var work = multiproc.Proc("work", func(ctx context.Context, j job) error {
	if err := j.Barrier.Join(ctx); err != nil { // from now on, my death breaks the barrier
		return err
	}
	part, of := 0, 0 // none yet
	for step := 0; step < steps; {
		if of > 0 {
			j.compute(ctx, step, part, of)
		}
		index, err := j.Barrier.Do(ctx, func() error { // in the last to arrive, before anybody goes on
			j.Shares.Store(int64(j.Barrier.Parties()))
			return nil
		})
		if errors.Is(err, psync.ErrBroken) {
			shm.Add(j.Breaks, 1)
			if err := j.Barrier.Repair(ctx); err != nil {
				return err
			}
			continue // with what we were at
		}
		if err != nil {
			return err
		}
		if all := int(j.Shares.Load()); all == of {
			step++
		} else {
			of = all // we are fewer, or have only begun: the step is not done
		}
		part = index
	}
	return nil
})

// compute makes the next state of one part of the rod.
func (j job) compute(ctx context.Context, step, part, of int) {
	now, next := j.Rods[step%2].Slice(), j.Rods[1-step%2].Slice()
	from, to := part*cells/of, (part+1)*cells/of
	for i := from; i < to; i++ {
		if j.Me == dies && step == diesIn && i == (from+to)/2 {
			die(ctx)
		}
		next[i] = spread(now, i)
	}
}

// spread is what a cell will be. The ends keep their heat.
func spread(now []float64, i int) float64 {
	if i == 0 || i == cells-1 {
		return now[i]
	}
	return now[i] + (now[i-1]-2*now[i]+now[i+1])/3
}

func main() { multiproc.Main(run) }

func run(ctx context.Context) error {
	j, err := newJob()
	if err != nil {
		return err
	}
	defer j.close()
	var workers []*multiproc.Process
	for j.Me = range processes {
		p, err := multiproc.Start(ctx, work.With(j))
		if err != nil {
			return err
		}
		workers = append(workers, p)
	}
	for i, p := range workers {
		err := p.Wait(ctx)
		if i == dies && err == nil {
			return errors.New("the one that was to die lives")
		}
		if i != dies && err != nil {
			return err
		}
		fmt.Printf("worker %d: %s\n", i, fate(err))
	}
	fmt.Printf("the barrier broke, and %d of the others noticed; now it is for %d\n", j.Breaks.Load(), j.Barrier.Parties())

	want := alone()
	rod := j.Rods[steps%2].Slice()
	for i, heat := range rod {
		if heat != want[i] {
			return fmt.Errorf("cell %d is %v; one process alone gets %v", i, heat, want[i])
		}
	}
	fmt.Printf("after %d steps, as one process alone computes it:\n|%s|\n", steps, picture(rod))
	return nil
}

func newJob() (j job, err error) {
	if j.Barrier, err = psync.NewBarrier(processes); err != nil {
		return j, err
	}
	for i := range j.Rods {
		if j.Rods[i], err = shm.NewArrayOf(begin()); err != nil {
			return j, err
		}
	}
	if j.Shares, err = shm.NewValue[int64](0); err != nil {
		return j, err
	}
	j.Breaks, err = shm.NewValue[int64](0)
	return j, err
}

func (j job) close() {
	j.Barrier.Close()
	j.Rods[0].Close()
	j.Rods[1].Close()
	j.Shares.Close()
	j.Breaks.Close()
}

// begin is the rod at the beginning.
func begin() []float64 {
	rod := make([]float64, cells)
	rod[0] = 100
	return rod
}

// alone is the same simulation in one process.
func alone() []float64 {
	now := begin()
	for range steps {
		next := make([]float64, cells)
		for i := range next {
			next[i] = spread(now, i)
		}
		now = next
	}
	return now
}

// picture draws a rod.
func picture(rod []float64) string {
	const shades = " .:-=+*#%@"
	var b strings.Builder
	for _, heat := range rod {
		b.WriteByte(shades[min(int(heat/10), len(shades)-1)])
	}
	return b.String()
}

// die is SIGKILL, from which no process returns. In goroutine mode, where there is nothing that could be killed, a panic
// is a death as well.
func die(ctx context.Context) {
	if parent, _ := multiproc.Parent(ctx); parent.Pid == os.Getpid() {
		panic("in the middle of a step")
	}
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		self.Kill()
	}
	select {}
}

// fate is how a worker ended.
func fate(err error) string {
	if err == nil {
		return "done"
	}
	return "dead"
}
