package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/shm"
)

// A board is the words by which the processes of one measurement agree. Nothing that
// one writes lies beside what another reads.
type board struct{ Words *shm.Array[uint64] }

// The words of a board.
const (
	ready   = iota // how many have come that far
	start          // 1: go on
	stop           // 1: end
	counter        // what a critical section changes
	done           // how many have done it
	when           // a time of the monotonic clock
	held           // 1: the lock is held
	boardWords

	apart = 16 // words: two cache lines, for they are fetched in pairs
)

func newBoard() (board, error) {
	words, err := shm.NewArray[uint64](boardWords * apart)
	return board{words}, err
}

func (b board) close() { b.Words.Close() }

// word is for atomic use, plain is for use under a lock.
func (b board) word(i int) *atomic.Uint64 { return atomicWord(b.plain(i)) }

func (b board) plain(i int) *uint64 { return &b.Words.Slice()[i*apart] }

func (b board) reset() { clear(b.Words.Slice()) }

// await polls until a word is n or more.
func (b board) await(ctx context.Context, i int, n uint64) error {
	for w := b.word(i); w.Load() < n; {
		if err := nap(ctx, 100*time.Microsecond); err != nil {
			return fmt.Errorf("%w, with %d of %d", err, w.Load(), n)
		}
	}
	return nil
}

func nap(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// crew is some processes that one measurement runs, in a group: when one fails, the
// measurement does.
type crew struct {
	*multiproc.Group
	ctx    context.Context
	cancel context.CancelFunc
}

// newCrew bounds the whole measurement by a time that says nothing about speed.
func newCrew(ctx context.Context, watchdog time.Duration) *crew {
	ctx, cancel := context.WithTimeout(ctx, watchdog)
	group, ctx := multiproc.NewGroup(ctx)
	return &crew{group, ctx, cancel}
}

// end waits for all. A failure of one of them is what matters, else err is.
func (c *crew) end(err error) error {
	if err != nil {
		c.cancel()
	}
	if e := c.Wait(); e != nil && (err == nil || c.ctx.Err() == nil) {
		err = e
	}
	c.cancel()
	return err
}

// perOp runs body, which does 10,000 operations, for about d and returns the
// nanoseconds of one.
func perOp(d time.Duration, body func()) []float64 {
	begin, ops := time.Now(), 0
	for time.Since(begin) < d {
		body()
		ops += batch
	}
	return []float64{float64(time.Since(begin).Nanoseconds()) / float64(ops)}
}

const batch = 10_000
