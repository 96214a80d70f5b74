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

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/internal/sys"
	"github.com/multiproc-go/multiproc/internal/wait"
)

// ErrClosed is returned for a lock that was closed.
var ErrClosed = errors.New("multiproc: use of closed shared object")

// Env is where locks live: who waits how, and who is alive.
type Env struct {
	Hub   *wait.Hub
	Table *lease.Table
	Book  *blocked.Book // who waits for what; nil where nobody wants to know
	Quiet Quiet
}

// A Place is a lock and the block that it lies in, as a handle knows it. From a
// Close on the block may be part of another object, whose lock is not to be touched: so its
// generation is looked at before a word is, and again when it was had.
type Place struct {
	Lock  *layout.Lock
	Off   uint64        // of the lock
	Block *layout.Block // nil where a lock is never closed
	Gen   uint32
	Mutex *layout.Mutex // nil unless the lock is one of those that can be watched
	On    blocked.On    // how it is recorded who waits for the lock; zero if it is not

	// Checked says that it is recorded which goroutine holds the lock, or waits for it.
	Checked bool
}

// Live reports whether the block has not been closed.
func (p *Place) Live() bool { return p.Block == nil || p.Block.Generation.Load() == p.Gen }

// Acquire takes the lock for the process me. A nil error means that it is held;
// [Abandoned] then says whether a former holder died inside. The error is
// ctx's, or ErrClosed. ctx is not looked at unless the caller has to wait.
func (e *Env) Acquire(ctx context.Context, p *Place, me lease.ID) error {
	if !p.Live() {
		return ErrClosed
	}
	if !p.Lock.Word.CompareAndSwap(0, uint32(me)) && !e.spin(p.Lock, me, false) {
		if err := e.acquireSlow(ctx, p, me); err != nil {
			return err
		}
	}
	race.Acquire(p.Off)
	return e.stillThere(p, me)
}

// Take is the way into a free lock, and inlined into its caller, who asks [Place.Live] afterwards
// and calls [Env.Return] if it is not.
func (p *Place) Take(me lease.ID) bool {
	return !race.Enabled && p.Live() && p.Lock.Word.CompareAndSwap(0, uint32(me))
}

// Return is called by the new holder of a lock that was closed in the last moment: what it
// holds is the lock of somebody else, who has got the block since.
func (e *Env) Return(p *Place, me lease.ID) error {
	e.release(p, me)
	return ErrClosed
}

func (e *Env) stillThere(p *Place, me lease.ID) error {
	if p.Live() {
		return nil
	}
	return e.Return(p, me)
}

// spin looks at the word for as long as a short critical section may last. It takes the lock as [Env.take] does.
//
// The first pauses are short. But where others have released the lock several times during one of them,
// its cache lines are where they are used best: who takes the lock now slows down everybody, himself
// included. Then the pauses are long, and the lock is left alone once though it is free. The idea is that of
// T. Anderson, "The Performance of Spin Lock Alternatives for Shared-Memory Multiprocessors": back off in proportion
// to the contention, which the ticket shows.
func (e *Env) spin(l *layout.Lock, me lease.ID, slept bool) bool {
	ticket, left := l.Ticket.Load(), false
	for range wait.Spins {
		w, now := l.Word.Load(), l.Ticket.Load()
		busy := now-ticket >= wait.Busy
		ticket = now
		if w&layout.LockOwner == 0 && (left || !busy) && l.Word.CompareAndSwap(w, owned(w, me, slept)) {
			return true
		}
		if busy {
			left = true
			sys.Yield() // the holder may be waiting for this CPU
			wait.Pause(wait.LongPause)
		} else {
			wait.Pause(wait.ShortPause)
		}
	}
	return false
}

// owned is the free word w after me has taken it.
func owned(w uint32, me lease.ID, slept bool) uint32 {
	w |= uint32(me)
	if slept {
		// Others may sleep, and our wake may have been the only one.
		w = w&^layout.LockWoken | layout.LockWaiters
	}
	return w
}

func (e *Env) acquireSlow(ctx context.Context, p *Place, me lease.ID) error {
	l := p.Lock
	if p.Closing() {
		return ErrClosed
	}
	if e.take(l, l.Word.Load(), me, false) {
		return nil // abandoned, or its holder is dead: not to be waited for
	}
	var blocking *blocked.Wait
	turn := e.Hub.Queue(&l.Word)
	if turn != nil {
		blocking = e.Book.Begin(ctx, me, p.On, p.Checked)
	}
	defer func() { blocking.End() }()
	if err := e.Hub.Await(ctx, &l.Word, turn); err != nil {
		return err
	}
	defer e.Hub.Leave(&l.Word)
	slept := false
	for {
		epoch := e.Hub.Epoch() // before the word: a death in between is then seen below
		w := l.Word.Load()
		if w == layout.OwnerClosed || !p.Live() || p.Closing() {
			if slept {
				e.giveUp(p)
			}
			return ErrClosed
		}
		if e.take(l, w, me, slept) {
			return nil
		}
		if w&layout.LockOwner == 0 || e.Table.State(lease.ID(w&layout.LockOwner)) == lease.Gone {
			continue // it could have been had; somebody was faster
		}
		// Woken may be of a wake that was ours, or of one whose sleeper is dead: either would keep the next
		// Unlock from waking us.
		asleep := w&^layout.LockWoken | layout.LockWaiters
		if w != asleep && !l.Word.CompareAndSwap(w, asleep) {
			continue
		}
		w = asleep
		if !e.watch(p) {
			if err := ctx.Err(); err != nil {
				e.giveUp(p)
				return err
			}
			continue
		}
		if blocking == nil {
			blocking = e.Book.Begin(ctx, me, p.On, p.Checked)
		}
		blocking.Saw(lease.ID(w&layout.LockOwner), l.Ticket.Load())
		crashpoint.At("lock.sleep")
		err := e.Hub.Block(ctx, &l.Word, p.Off, w, epoch, func() bool {
			return !p.Live() || p.Closing() || e.Table.State(lease.ID(w&layout.LockOwner)) != lease.Alive
		})
		if err != nil {
			e.giveUp(p)
			return err
		}
		slept = true
		crashpoint.At("lock.woken")
		if e.spin(l, me, true) {
			return nil
		}
	}
}

// take tries to become the owner from the state w.
func (e *Env) take(l *layout.Lock, w uint32, me lease.ID, slept bool) bool {
	owner := w & layout.LockOwner
	switch {
	case owner == 0:
		return l.Word.CompareAndSwap(w, owned(w, me, slept))
	case owner == layout.OwnerClosed:
		return false
	}
	state := e.Table.State(lease.ID(owner))
	if state == lease.Alive || !e.Table.Confirm(lease.ID(owner), me) {
		return false
	}
	crashpoint.At("lock.steal")
	took := l.Word.CompareAndSwap(w, uint32(me)|layout.LockWaiters|layout.LockAbandoned)
	if state == lease.Marked {
		e.Table.Ring(me) // this may have found the proof, and nobody has announced the death
	}
	return took
}

// giveUp passes on a wake that may have been meant for a waiter that stops waiting.
// Where the word says that nobody waits, an Unlock that found nobody asleep may have
// said so for others who have come since: then somebody shall look.
func (e *Env) giveUp(p *Place) {
	crashpoint.At("lock.giveup")
	l := p.Lock
	for p.Live() {
		switch w := l.Word.Load(); {
		case w&layout.LockOwner == 0:
			e.wakeOne(l)
			return
		case w == layout.OwnerClosed || p.Closing():
			return
		case l.Word.CompareAndSwap(w, w&^layout.LockWoken|layout.LockWaiters):
			if !e.watch(p) { // no matter why: whoever sleeps looks again, and sees to it
				e.Hub.Wake(&l.Word, math.MaxInt32)
			}
			return
		}
	}
	e.Hub.Wake(&l.Word, 1) // it may have been that of the block's next user
}

// TryAcquire takes the lock if that can be done at once, from the dead too.
func (e *Env) TryAcquire(p *Place, me lease.ID) bool {
	for p.Live() {
		w := p.Lock.Word.Load()
		if e.take(p.Lock, w, me, false) {
			race.Acquire(p.Off)
			return e.stillThere(p, me) == nil
		}
		if p.Lock.Word.Load() == w {
			return false
		}
	}
	return false
}

// Release gives the lock back. It returns false, and has done nothing, if me does not
// hold it, or it was closed.
func (e *Env) Release(p *Place, me lease.ID) bool { return p.Live() && e.release(p, me) }

func (e *Env) release(p *Place, me lease.ID) bool {
	l := p.Lock
	race.Release(p.Off)
	for {
		w := l.Word.Load()
		if w&layout.LockOwner != uint32(me) {
			return false
		}
		free := w &^ layout.LockOwner
		if w&layout.LockWaiters == 0 {
			free = w & layout.LockAbandoned
		}
		wake := free&(layout.LockWaiters|layout.LockWoken) == layout.LockWaiters
		if wake {
			free |= layout.LockWoken
		}
		if !l.Word.CompareAndSwap(w, free) {
			continue
		}
		if wake {
			crashpoint.At("lock.freed")
			e.wakeOne(l)
		}
		return true
	}
}

// wakeOne wakes a sleeper. If there is none, the word shall say so: it loses its flags, whoever holds it.
// Who came to sleep in between is woken after all, and sets Waiters again.
func (e *Env) wakeOne(l *layout.Lock) {
	if e.Hub.Wake(&l.Word, 1) != 0 {
		return
	}
	crashpoint.At("lock.nobody")
	for {
		w := l.Word.Load()
		if w&(layout.LockWaiters|layout.LockWoken) == 0 || w == layout.OwnerClosed {
			return
		}
		if l.Word.CompareAndSwap(w, w&^(layout.LockWaiters|layout.LockWoken)) {
			break
		}
	}
	crashpoint.At("lock.cleared")
	e.Hub.Wake(&l.Word, 1)
}

// Abandoned reports, to the holder, whether a former holder died inside and nobody
// has called Repaired since.
func Abandoned(l *layout.Lock) bool { return l.Word.Load()&layout.LockAbandoned != 0 }

// Abandon begins the abandoned state: me, who holds l, has left what it protects
// half-written. It does nothing if me does not hold it.
func Abandon(l *layout.Lock, me lease.ID) {
	for {
		w := l.Word.Load()
		if w&layout.LockOwner != uint32(me) || l.Word.CompareAndSwap(w, w|layout.LockAbandoned) {
			return
		}
	}
}

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

// Closed reports whether l was closed.
func Closed(l *layout.Lock) bool { return l.Word.Load() == layout.OwnerClosed }

// Close makes l unusable for all and wakes all who wait for it.
func (e *Env) Close(l *layout.Lock) {
	l.Word.Store(layout.OwnerClosed)
	e.Hub.Wake(&l.Word, math.MaxInt32)
}
