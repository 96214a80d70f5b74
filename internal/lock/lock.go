// Package lock is the robust lock: one word of shared memory that no death can
// leave held. The word's states and who may change them are in
// [layout.Lock]; this package is those transitions.
//
// It synchronizes as sync.Mutex does: what was done before a Release is seen after
// the next Acquire, in whatever process. The holder's death counts as a Release of
// what it had done, and the next holder is told.
//
// It is not fair: a running goroutine may take the lock before one that is being
// woken. Goroutines of one process are served in the order in which they came to sleep.
package lock

import (
	"context"
	"errors"
	"math"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/internal/wait"
)

// ErrClosed is returned for a lock that was closed.
var ErrClosed = errors.New("multiproc: use of closed shared object")

// Env is where locks live: who waits how, and who is alive.
type Env struct {
	Hub   *wait.Hub
	Table *lease.Table
}

// Acquire takes l, which lies at offset off, for the process me. A nil error means
// that it is held; [Abandoned] then says whether a former holder died inside. The
// error is ctx's, or ErrClosed. ctx is not looked at unless the caller has to wait.
func (e *Env) Acquire(ctx context.Context, l *layout.Lock, off uint64, me lease.ID) error {
	if l.Word.CompareAndSwap(0, uint32(me)) || e.spin(l, me) {
		race.Acquire(off)
		return nil
	}
	if err := e.acquireSlow(ctx, l, off, me); err != nil {
		return err
	}
	race.Acquire(off)
	return nil
}

// spin looks at the word for as long as a short critical section may last.
func (e *Env) spin(l *layout.Lock, me lease.ID) bool {
	for range wait.Spins {
		w := l.Word.Load()
		if w&layout.LockOwner == 0 && l.Word.CompareAndSwap(w, uint32(me)|w) {
			return true
		}
		wait.Pause(10)
	}
	return false
}

func (e *Env) acquireSlow(ctx context.Context, l *layout.Lock, off uint64, me lease.ID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.Hub.Enter(ctx, &l.Word); err != nil {
		return err
	}
	defer e.Hub.Leave(&l.Word)
	slept := false
	for {
		epoch := e.Hub.Epoch() // before the word: a death in between is then seen below
		w := l.Word.Load()
		if e.take(l, w, me, slept) {
			return nil
		}
		if w == layout.OwnerClosed {
			return ErrClosed
		}
		if w&layout.LockOwner == 0 || e.Table.State(lease.ID(w&layout.LockOwner)) == lease.Gone {
			continue // it could have been had; somebody was faster
		}
		if w&layout.LockWaiters == 0 {
			if !l.Word.CompareAndSwap(w, w|layout.LockWaiters) {
				continue
			}
			w |= layout.LockWaiters
		}
		crashpoint.At("lock.sleep")
		if err := e.Hub.Block(ctx, &l.Word, off, w, epoch); err != nil {
			e.giveUp(l)
			return err
		}
		slept = true
		crashpoint.At("lock.woken")
	}
}

// take tries to become the owner from the state w.
func (e *Env) take(l *layout.Lock, w uint32, me lease.ID, slept bool) bool {
	owner := w & layout.LockOwner
	switch {
	case owner == 0:
		next := uint32(me) | w
		if slept {
			next |= layout.LockWaiters // others may sleep, and our wake was the only one
		}
		return l.Word.CompareAndSwap(w, next)
	case owner == layout.OwnerClosed:
		return false
	case e.Table.State(lease.ID(owner)) != lease.Alive && e.Table.Confirm(lease.ID(owner)):
		crashpoint.At("lock.steal")
		return l.Word.CompareAndSwap(w, uint32(me)|layout.LockWaiters|layout.LockAbandoned)
	}
	return false
}

// giveUp passes on a wake that may have been meant for a waiter that stops waiting.
func (e *Env) giveUp(l *layout.Lock) {
	crashpoint.At("lock.giveup")
	if w := l.Word.Load(); w&layout.LockOwner == 0 && w&layout.LockWaiters != 0 {
		e.Hub.Wake(&l.Word, 1)
	}
}

// TryAcquire takes l if that can be had at once, from the dead too.
func (e *Env) TryAcquire(l *layout.Lock, off uint64, me lease.ID) bool {
	for {
		w := l.Word.Load()
		if e.take(l, w, me, false) {
			race.Acquire(off)
			return true
		}
		if l.Word.Load() == w {
			return false
		}
	}
}

// Release gives l back. It returns false, and has done nothing, if me does not hold it.
func (e *Env) Release(l *layout.Lock, off uint64, me lease.ID) bool {
	race.Release(off)
	if l.Word.CompareAndSwap(uint32(me), 0) {
		return true
	}
	for {
		w := l.Word.Load()
		if w&layout.LockOwner != uint32(me) {
			return false
		}
		kept := w & layout.LockAbandoned
		if w&layout.LockWaiters == 0 {
			if l.Word.CompareAndSwap(w, kept) {
				return true
			}
			continue
		}
		if !l.Word.CompareAndSwap(w, kept|layout.LockWaiters) {
			continue
		}
		crashpoint.At("lock.freed")
		if e.Hub.Wake(&l.Word, 1) == 0 {
			l.Word.CompareAndSwap(kept|layout.LockWaiters, kept)
		}
		return true
	}
}

// Abandoned reports, to the holder, whether a former holder died inside and nobody
// has called Repaired since.
func Abandoned(l *layout.Lock) bool { return l.Word.Load()&layout.LockAbandoned != 0 }

// Repaired ends the abandoned state. It returns false if me does not hold l.
func Repaired(l *layout.Lock, me lease.ID) bool {
	for {
		w := l.Word.Load()
		if w&layout.LockOwner != uint32(me) {
			return false
		}
		if w&layout.LockAbandoned == 0 || l.Word.CompareAndSwap(w, w&^layout.LockAbandoned) {
			return true
		}
	}
}

// Close makes l unusable for all and wakes all who wait for it.
func (e *Env) Close(l *layout.Lock) {
	l.Word.Store(layout.OwnerClosed)
	e.Hub.Wake(&l.Word, math.MaxInt32)
}
