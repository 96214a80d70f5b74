package barrier

import (
	"errors"
	"math"
	"math/rand/v2"
	"sync/atomic"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/wait"
)

var (
	// ErrBroken is returned when a round was broken.
	ErrBroken = errors.New("psync: broken barrier")
	// ErrFull is returned to one who wants a seat when all are taken.
	ErrFull = errors.New("psync: every seat of the barrier is taken")
	// ErrNoSeat is returned to one who gives up a seat and has none.
	ErrNoSeat = errors.New("psync: this process has no seat at the barrier")
)

// MostParties is how many a round may have.
const MostParties = int(layout.BarrierCount)

// Barrier is a barrier as one handle knows it.
type Barrier struct {
	X     *layout.Barrier
	Place lock.Place // of X.Lock
	On    blocked.On // how it is recorded who waits
	Env   *lock.Env
	seats []atomic.Uint32
	seat  atomic.Uint32 // the index of a seat that the last caller had
	crowd wait.Crowd
}

// Begin makes a new barrier for so many, which nobody else knows yet.
func (b *Barrier) Begin(parties int) {
	b.X.Declared = uint32(parties)
	b.Bind()
	for i := range b.seats {
		b.seats[i].Store(layout.BarrierSeatOpen)
	}
	b.X.Bell.Store(rand.Uint32() | 1<<31) // what lies here later shall not look like it
	b.X.Checked.Store(layout.BarrierChecked + b.Env.Hub.Epoch())
	b.X.State.Store(uint64(rand.Uint32())*layout.BarrierRound | uint64(parties)*layout.BarrierParties | layout.BarrierOpen)
}

func arrived(s uint64) int  { return int(s & layout.BarrierCount) }
func parties(s uint64) int  { return int(s / layout.BarrierParties & layout.BarrierCount) }
func round(s uint64) uint64 { return s / layout.BarrierRound }

// look reads the state. It is 0 if the barrier was closed, whosever the word is by then.
func (b *Barrier) look() uint64 {
	s := b.X.State.Load()
	if !b.Place.Live() {
		return 0
	}
	return s
}

// Closed reports whether the barrier was closed.
func (b *Barrier) Closed() bool { return b.look() == 0 }

// Parties is how many a round needs.
func (b *Barrier) Parties() int { return parties(b.look()) }

// Waiting is how many have arrived.
func (b *Barrier) Waiting() int { return arrived(b.look()) }

// Broken reports whether the barrier is broken, by a death also if nobody has come by since. A closed one is.
func (b *Barrier) Broken() bool {
	b.check()
	s := b.look()
	return s == 0 || s&layout.BarrierBroken != 0
}

// next is the state in which the next round begins, for n parties, with nobody in it.
func next(s uint64, n int, completed bool) uint64 {
	history := s / layout.BarrierHistory & 0xff << 1 & 0xff
	if completed {
		history |= 1
	}
	return (round(s)+1)*layout.BarrierRound | history*layout.BarrierHistory |
		uint64(n)*layout.BarrierParties | layout.BarrierOpen
}

// outcome tells how the round in which the caller arrived has ended, or that it has not.
func outcome(s, began uint64) (over bool, err error) {
	const rounds = 1 << 24
	switch since := (round(s) - began) % rounds; {
	case s == 0:
		return true, lock.ErrClosed
	case since == 0:
		return s&layout.BarrierBroken != 0, ErrBroken
	case since <= 8 && s/layout.BarrierHistory>>(since-1)&1 == 1:
		return true, nil
	}
	return true, ErrBroken // or nobody knows any more, after more than eight rounds without the caller
}

// ring lets those look who sleep, if the state that was left said that there are any.
func (b *Barrier) ring(left uint64) {
	if left&layout.BarrierSleepers == 0 {
		return
	}
	crashpoint.At("barrier.ring")
	for {
		bell := b.X.Bell.Load()
		if !b.Place.Live() {
			return
		}
		if b.X.Bell.CompareAndSwap(bell, bell+1) {
			break
		}
	}
	crashpoint.At("barrier.rung")
	b.Env.Hub.Wake(&b.X.Bell, math.MaxInt32)
}

// Break ends the round that is.
func (b *Barrier) Break() error {
	if !b.breakIf(func(uint64) bool { return true }) {
		return lock.ErrClosed
	}
	return nil
}

// breakIf breaks the barrier if it is not broken and the state is such. It returns false if it was closed.
func (b *Barrier) breakIf(such func(s uint64) bool) (open bool) {
	for {
		s := b.look()
		if s == 0 || s&layout.BarrierBroken != 0 || !such(s) {
			return s != 0
		}
		if b.X.State.CompareAndSwap(s, broken(s)) {
			crashpoint.At("barrier.broken")
			b.ring(s)
			return true
		}
	}
}

func broken(s uint64) uint64 {
	return s&^(layout.BarrierCount|layout.BarrierActing|layout.BarrierSleepers) | layout.BarrierBroken
}

// check breaks the barrier if a member is dead, unless that was looked at.
func (b *Barrier) check() {
	// The mark is read before the seats: a death that is announced meanwhile makes another epoch.
	checked, epoch := b.X.Checked.Load(), layout.BarrierChecked+b.Env.Hub.Epoch()
	if checked == epoch {
		return
	}
	b.breakForTheDead()
	if b.Place.Live() {
		b.X.Checked.CompareAndSwap(checked, epoch)
	}
}

func (b *Barrier) breakForTheDead() {
	for i := range b.seats {
		if b.dead(b.seats[i].Load()) && b.Place.Live() {
			_ = b.Break()
			return
		}
	}
}

// dead reports whether a seat belongs to a process that is proven dead.
func (b *Barrier) dead(seat uint32) bool {
	return seat&^layout.LockOwner == 0 && b.Env.Table.State(lease.ID(seat)) == lease.Gone
}

// Join takes a seat for me.
func (b *Barrier) Join(me lease.ID) error {
	for i := range b.seats {
		if !b.Place.Live() || b.X.State.Load() == 0 {
			return lock.ErrClosed
		}
		if b.seats[i].Load() == layout.BarrierSeatOpen && b.seats[i].CompareAndSwap(layout.BarrierSeatOpen, uint32(me)) {
			b.seat.Store(uint32(i))
			crashpoint.At("barrier.join")
			return nil
		}
	}
	return ErrFull
}

// sit makes sure that me has a seat.
func (b *Barrier) sit(me lease.ID) error {
	if b.seats[b.seat.Load()].Load() == uint32(me) {
		return nil
	}
	for i := range b.seats {
		if b.seats[i].Load() == uint32(me) {
			b.seat.Store(uint32(i))
			return nil
		}
	}
	return b.Join(me)
}

// Close makes the barrier unusable and wakes all. It returns false if somebody has done so before.
// The caller then frees the block.
func (b *Barrier) Close() bool {
	for {
		s := b.look()
		if s == 0 {
			return false
		}
		if b.X.State.CompareAndSwap(s, 0) {
			crashpoint.At("barrier.closed")
			b.ring(layout.BarrierSleepers)
			// Those who are about to sleep look again: see lock.Env.WakeAll.
			b.Env.Table.Epoch().Add(1)
			b.Env.Hub.Wake(b.Env.Table.Epoch(), math.MaxInt32)
			return true
		}
	}
}
