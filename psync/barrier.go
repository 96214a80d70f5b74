package psync

import (
	"context"
	"fmt"

	"github.com/multiproc-go/multiproc/internal/barrier"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// A Barrier is where processes wait for each other: nobody goes on before all have arrived.
//
// What was done before a Wait is seen after it by all who were in the same round.
//
// A barrier has a number of seats, and as many arrivals make a round. A process that belongs to it has a seat, which it
// takes with [Barrier.Join] or with its first Wait. The death of a process that has one breaks the barrier at once,
// whether it had arrived or not: all who wait, and all who come later, get [ErrBroken]. A process that ends
// dies, too: one that has no more to do here calls [Barrier.Leave]. A broken barrier is made whole by [Barrier.Repair],
// for those that are left, or by [Barrier.Reset], for as many as at the beginning. A round that
// all had reached before somebody died is complete, for all of them.
//
// A process may wait in several goroutines. It then may Join for each, so that Repair counts them.
//
// A round costs each process a system call to sleep, and the last one a system call to wake the others; none where as many
// CPUs as parties are free and they come at almost the same time.
type Barrier struct {
	object
	barrier barrier.Barrier
}

var barrierShape = family.Shape{Kind: layout.KindBarrier, Bytes: layout.BarrierSeatsAt}

// MostParties is the largest number of parties of a [Barrier].
const MostParties = barrier.MostParties

// NewBarrier makes a barrier for so many parties in the family's shared memory. It panics if there are fewer than 1 or more
// than [MostParties]. The error says that there is no memory left, or that this process cannot be a member of a
// family.
func NewBarrier(parties int) (*Barrier, error) {
	if parties < 1 || parties > MostParties {
		panic(fmt.Sprintf("psync: NewBarrier(%d): want 1 to %d parties", parties, MostParties))
	}
	s := barrierShape
	s.Bytes += uint64(parties) * 4
	ref, err := family.NewRef(s)
	if err != nil {
		return nil, fmt.Errorf("psync: NewBarrier: %w", err)
	}
	b := new(Barrier)
	b.set(ref)
	b.barrier.Begin(parties)
	return b, nil
}

// use calls f as the process that ctx belongs to.
func (b *Barrier) use(ctx context.Context, f func(me lease.ID) error) error {
	me, err := b.as(ctx)
	if err != nil {
		return err
	}
	return f(me)
}

// Join takes a seat for this process: from now on its death breaks the barrier. It returns [ErrFull] if there is none left.
func (b *Barrier) Join(ctx context.Context) error { return b.use(ctx, b.barrier.Join) }

// Leave gives a seat of this process up, for good: a round needs one party fewer from now on. If all
// others wait, they go on, without anybody's action. It returns [ErrNoSeat] if this process has no seat, and ctx's error if ctx
// ends while others Repair, Reset or Leave.
func (b *Barrier) Leave(ctx context.Context) error {
	return b.use(ctx, func(me lease.ID) error { return b.barrier.Leave(ctx, me) })
}

// Wait waits until all have arrived, and returns how many had before: the one that gets Parties()-1 was the last. No two get the same number,
// unless in that round an arrival was taken back: then the next one has as many before it again. There is one last one all the same.
//
// On an error the round was not completed. If the error is ctx's, this arrival was taken
// back, and the others wait on; Python's barrier would be broken, as it is after [Barrier.Abort]. Otherwise it is
// [ErrBroken], [ErrClosed], or [ErrFull] if this process has no seat and there is none left.
func (b *Barrier) Wait(ctx context.Context) (int, error) { return b.Do(ctx, nil) }

// Do is Wait with an action: the last to arrive runs it before anybody goes on. Each process passes its own, for a function
// cannot be shared. If action returns an error, Do returns it and the barrier is broken; a panic or Goexit breaks it, too.
//
// While the action runs no arrival can be taken back: if the context of one that waits ends then, the barrier is broken.
func (b *Barrier) Do(ctx context.Context, action func() error) (index int, err error) {
	err = b.use(ctx, func(me lease.ID) error {
		index, err = b.barrier.Wait(ctx, me, action)
		return err
	})
	return index, err
}

// Abort breaks the barrier: all who wait, and all who come later, get [ErrBroken]. The error is [ErrClosed].
func (b *Barrier) Abort() error {
	if _, err := b.self(); err != nil {
		return err
	}
	return b.barrier.Break()
}

// Repair makes a broken barrier whole again for those who live: it takes the dead's seats away, so that a round needs as many
// fewer. It does nothing to a barrier that is not broken: of several who have got ErrBroken each may call it, and then Wait again.
// The error is ctx's, if ctx ends while others Repair, Reset or Leave, or [ErrClosed].
func (b *Barrier) Repair(ctx context.Context) error {
	return b.use(ctx, func(me lease.ID) error { return b.barrier.Repair(ctx, me) })
}

// Reset makes the barrier what it was at the beginning, broken or not: all who wait get [ErrBroken], a round needs as many parties
// as NewBarrier was told, and the seats that the dead had, or somebody has left, are free for others. Errors are those of Repair.
func (b *Barrier) Reset(ctx context.Context) error {
	return b.use(ctx, func(me lease.ID) error { return b.barrier.Reset(ctx, me) })
}

// Parties is how many a round needs; 0 if b is closed.
func (b *Barrier) Parties() int {
	if b.env == nil {
		return 0
	}
	return b.barrier.Parties()
}

// Waiting is how many have arrived in this round.
func (b *Barrier) Waiting() int {
	if b.env == nil {
		return 0
	}
	return b.barrier.Waiting()
}

// Broken reports whether b is broken, or closed.
func (b *Barrier) Broken() bool { return b.env == nil || b.barrier.Broken() }

// Close frees the barrier for all processes. Those who wait for it, or have not yet seen that their
// round is complete, and all who use it later, get [ErrClosed], as does a second Close.
func (b *Barrier) Close() error {
	if b.env == nil || !b.ref.Live() {
		return ErrClosed
	}
	first := b.barrier.Close()
	// Also if it is not the first, who may have died before he came to this.
	b.ref.Forget()
	_ = b.ref.Close(nil)
	if !first {
		return ErrClosed
	}
	return nil
}

// Equal reports whether both name the same barrier.
func (b *Barrier) Equal(o *Barrier) bool { return o != nil && b.ref.Equal(&o.ref) }

// String names the barrier for people.
func (b *Barrier) String() string { return fmt.Sprintf("barrier@%#x", b.ref.Off) }
