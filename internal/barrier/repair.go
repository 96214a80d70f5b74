package barrier

import (
	"context"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// Repair makes a broken barrier whole for those who live: the seats of the dead are lost, and a round needs
// so many fewer. A barrier that is not broken it leaves alone.
func (b *Barrier) Repair(ctx context.Context, me lease.ID) error {
	return b.exclusively(ctx, me, func() {
		b.check()
		for {
			s := b.look()
			if s == 0 || s&layout.BarrierBroken == 0 {
				return
			}
			n := 0
			for i := range b.seats {
				if b.vacate(i, layout.BarrierSeatLost) != layout.BarrierSeatLost {
					n++
				}
			}
			crashpoint.At("barrier.repair")
			if n > 0 && b.X.State.CompareAndSwap(s, next(s, n, false)) || n == 0 {
				break
			}
		}
		crashpoint.At("barrier.repaired")
		// Whoever has died since we looked at his seat has broken what was broken already.
		b.breakForTheDead()
	})
}

// Reset begins anew, with all the parties that were declared: who waits is told that the barrier
// is broken, and the seats of the dead are open.
func (b *Barrier) Reset(ctx context.Context, me lease.ID) error {
	return b.exclusively(ctx, me, func() {
		for {
			if b.Break() != nil {
				return
			}
			crashpoint.At("barrier.reset")
			s := b.look()
			if s&layout.BarrierBroken == 0 {
				continue // closed, or nobody but us could mend it
			}
			for i := range b.seats {
				b.vacate(i, layout.BarrierSeatOpen)
			}
			crashpoint.At("barrier.repair")
			if b.X.State.CompareAndSwap(s, next(s, len(b.seats), false)) {
				break
			}
		}
		crashpoint.At("barrier.repaired")
		b.breakForTheDead()
	})
}

// Leave gives a seat of me up: from now on a round needs one fewer. If all others have arrived, this
// completes it.
func (b *Barrier) Leave(ctx context.Context, me lease.ID) error {
	seated := false
	err := b.exclusively(ctx, me, func() {
		for i := range b.seats {
			if b.seats[i].Load() != uint32(me) || !b.Place.Live() {
				continue
			}
			seated = true
			// The seat comes last: one that dies in between is a member who died.
			for s := b.look(); s != 0; s = b.look() {
				n := parties(s) - 1
				then := s - layout.BarrierParties
				if s&layout.BarrierBroken != 0 {
					break // Repair counts
				}
				if arrived(s) == n && n > 0 {
					then = next(s, n, true)
				}
				if b.X.State.CompareAndSwap(s, then) {
					crashpoint.At("barrier.leave")
					if round(then) != round(s) {
						b.ring(s)
					}
					break
				}
			}
			b.seats[i].CompareAndSwap(uint32(me), layout.BarrierSeatLost)
			return
		}
	})
	if err == nil && !seated {
		return ErrNoSeat
	}
	return err
}

// vacate makes the seat of a dead process, or one that was lost before, what it is told, and returns what it is.
func (b *Barrier) vacate(i int, to uint32) uint32 {
	for {
		seat := b.seats[i].Load()
		if seat != layout.BarrierSeatLost && !b.dead(seat) || !b.Place.Live() {
			return seat
		}
		if b.seats[i].CompareAndSwap(seat, to) {
			return to
		}
	}
}

// exclusively runs f under the barrier's own lock, and alive. What f does can be cut by a death at any step, and begun
// again by the next.
func (b *Barrier) exclusively(ctx context.Context, me lease.ID, f func()) error {
	if b.Closed() {
		return lock.ErrClosed
	}
	if err := b.Env.Acquire(ctx, &b.Place, me); err != nil {
		return err
	}
	defer b.Env.Release(&b.Place, me)
	lock.Repaired(b.Place.Lock, me)
	f()
	if b.Closed() {
		return lock.ErrClosed
	}
	return nil
}
