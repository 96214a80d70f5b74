package rwlock

import (
	"context"
	"time"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/holds"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/internal/sys"
	"github.com/multiproc-go/multiproc/internal/wait"
)

// Lock is one such lock, as a handle sees it.
type Lock struct {
	X       *layout.RWMutex
	Off     uint64     // of X
	Place   lock.Place // the writers' lock
	Reading lock.Place // the same, for those who want to read
	Holds   holds.List
}

// What the race detector knows the two sides by: a writer's release is for all, a reader's for writers.
func (l *Lock) raceWriters() uint64 { return l.Off }
func (l *Lock) raceReaders() uint64 { return l.Off + 64 }

// Opened is what a word has in its tag and HoldOpen if a reader may come in.
func (l *Lock) Opened() uint64 { return l.Holds.Tag | layout.HoldOpen }

// enter comes in if me has an open hold.
func (l *Lock) enter(me lease.ID) (r Reading, in bool) {
	if h := l.claim(me); h != nil {
		return l.Enter(h)
	}
	return r, false
}

// RLock waits until me reads. The error is ctx's, ErrClosed, or says that there is no memory
// for a hold. ctx is not looked at unless the caller has to wait.
func (l *Lock) RLock(ctx context.Context, me lease.ID) (Reading, error) {
	if r, in := l.enter(me); in {
		return r, nil
	}
	if err := l.acquire(ctx, &l.Reading, me); err != nil {
		return Reading{}, err
	}
	r, err := l.readUnderLock(me)
	l.Holds.Env.Release(&l.Place, me)
	return r, err
}

// TryRLock is RLock for those who do not wait.
func (l *Lock) TryRLock(me lease.ID) (Reading, bool) {
	if r, in := l.enter(me); in {
		return r, true
	}
	if !l.tryAcquire(me) {
		return Reading{}, false
	}
	r, err := l.readUnderLock(me)
	l.Holds.Env.Release(&l.Place, me)
	return r, err == nil
}

// acquire takes the writers' lock and sees to what a dead writer has left.
func (l *Lock) acquire(ctx context.Context, place *lock.Place, me lease.ID) error {
	if err := l.Holds.Env.Acquire(ctx, place, me); err != nil {
		return err
	}
	if l.Place.Closing() {
		return l.Holds.Env.Return(&l.Place, me)
	}
	l.tidy(me)
	return nil
}

func (l *Lock) tryAcquire(me lease.ID) bool {
	if !l.Holds.Env.TryAcquire(&l.Place, me) {
		return false
	}
	if l.Place.Closing() {
		l.Holds.Env.Return(&l.Place, me)
		return false
	}
	l.tidy(me)
	return true
}

// tidy is called by whoever has just got the writers' lock: an owner in the gate is dead.
func (l *Lock) tidy(me lease.ID) {
	if g := l.X.Gate.Load(); g&layout.GateOwner != 0 {
		crashpoint.At("rwlock.tidy")
		if g&layout.GateDraining == 0 {
			l.X.Gate.Or(layout.GateAbandoned)
		}
		l.openGate()
	}
	if lock.Abandoned(l.Place.Lock) { // that it was held says nothing: it may have been a reader's
		lock.Repaired(l.Place.Lock, me)
	}
}

func (l *Lock) openGate() { l.X.Gate.And(^(layout.GateOwner | layout.GateDraining)) }

// readUnderLock makes the holder of the writers' lock a reader, and opens its hold.
func (l *Lock) readUnderLock(me lease.ID) (Reading, error) {
	for {
		h := l.claim(me)
		if h == nil {
			if !l.Holds.Live() {
				return Reading{}, lock.ErrClosed
			}
			if err := l.Holds.Grow(me); err != nil {
				return Reading{}, err
			}
			continue
		}
		r, ok := l.set(h, layout.HoldOpen)
		if !ok {
			continue
		}
		crashpoint.At("rwlock.opened")
		if l.Place.Closing() { // and whoever closes it may have passed this hold before
			l.shut(h)
		}
		race.Acquire(l.raceWriters())
		return r, nil
	}
}

// shut makes readers who come to h look further.
func (l *Lock) shut(h *layout.Hold) {
	for {
		w := h.Word.Load()
		if w&(layout.HoldTag|layout.HoldOpen) != l.Opened() || h.Word.CompareAndSwap(w, w&^layout.HoldOpen) {
			return
		}
	}
}

func (l *Lock) shutAll() {
	l.Holds.Each(func(h *layout.Hold) bool {
		l.shut(h)
		return true
	})
}

// Closed reports whether the lock was closed, so that the last who leaves has to see to the rest.
func (l *Lock) Closed() bool { return l.X.Gate.Load()&layout.GateClosed != 0 }

// Lock waits until me is the only one who holds the lock. The error is ctx's or ErrClosed.
func (l *Lock) Lock(ctx context.Context, me lease.ID) error {
	if err := l.acquire(ctx, &l.Place, me); err != nil {
		return err
	}
	l.X.Gate.Or(uint64(me) | layout.GateDraining)
	crashpoint.At("rwlock.shutting")
	l.shutAll()
	crashpoint.At("rwlock.shut")
	if err := l.drain(ctx, me); err != nil {
		l.back(me)
		return err
	}
	l.in()
	return nil
}

// TryLock is Lock for those who do not wait.
func (l *Lock) TryLock(me lease.ID) bool {
	// First without shutting the holds, which would be in the readers' way.
	if l.Holds.AnyHeld(me) || !l.tryAcquire(me) {
		return false
	}
	l.X.Gate.Or(uint64(me) | layout.GateDraining)
	l.shutAll()
	if l.Holds.AnyHeld(me) {
		l.back(me)
		return false
	}
	l.in()
	return true
}

// in is the last step of a writer.
func (l *Lock) in() {
	l.X.Gate.And(^layout.GateDraining)
	race.Acquire(l.raceWriters())
	race.Acquire(l.raceReaders())
	crashpoint.At("rwlock.in")
}

// back is the way of a writer who has shut the gate and does not come in.
func (l *Lock) back(me lease.ID) {
	crashpoint.At("rwlock.back")
	l.openGate()
	l.Holds.Env.Release(&l.Place, me)
}

// watch makes sure, before a writer sleeps who has shut all holds, that no reader ends its reading without seeing that.
// If it returns false, the caller looks again: also if nobody reads any more, for who seemed to read when the caller
// looked may have left before the holds were shut, and told nobody. It is the fence of [lock.Env.Acquire]'s watch, once for
// many sleeps too: readers of a hold that is watched leave by an atomic instruction.
//
// The barrier comes first. Readers see until then that the hold is shut, and a writer who dies in between leaves no hold
// that seems to be watched.
func (l *Lock) watch(me lease.ID) bool {
	if !l.Holds.Env.Quiet.Any() {
		return true
	}
	var fresh []*layout.Hold
	held := false
	l.Holds.Each(func(h *layout.Hold) bool {
		watched := h.Word.Load()&layout.ReadWatched != 0
		if l.Holds.Held(h, me) {
			held = true
			if !watched {
				fresh = append(fresh, h)
			}
		}
		return true
	})
	if fresh == nil {
		return held
	}
	crashpoint.At("rwlock.watch")
	if !sys.Barrier() {
		sys.Nap(time.Millisecond) // a process that may not do that has to look again and again
		return false
	}
	for _, h := range fresh {
		for {
			w := h.Word.Load()
			if w&(layout.HoldTag|layout.HoldOpen) != l.Holds.Tag || h.Word.CompareAndSwap(w, w|layout.ReadWatched) {
				break
			}
		}
	}
	crashpoint.At("rwlock.watched")
	return false
}

// drain waits until no living process reads.
func (l *Lock) drain(ctx context.Context, me lease.ID) error {
	hub := l.Holds.Env.Hub
	var blocking *blocked.Wait
	defer func() { blocking.End() }()
	for looks := 0; ; looks++ {
		epoch, seen := hub.Epoch(), l.X.Drained.Load() // before the holds: what changes after is seen below
		if !l.Holds.AnyHeld(me) {
			return nil
		}
		if l.Place.Closing() {
			return lock.ErrClosed
		}
		if looks < wait.Spins {
			wait.Pause(10)
			continue
		}
		if err := ctx.Err(); err != nil && looks > wait.Spins { // where barriers are refused, it never gets to Block
			return err
		}
		if !l.watch(me) {
			continue
		}
		if blocking == nil {
			on := l.Place.On
			on.What |= layout.WaitDrain
			blocking = l.Holds.Env.Book.Begin(ctx, me, on, false)
		}
		crashpoint.At("rwlock.drain")
		off := l.Off + drainedAt
		err := hub.Block(ctx, &l.X.Drained, off, seen, epoch, always)
		if err != nil {
			return err
		}
	}
}

// always: a death is a reason to look, for the dead may have ended their reading and told nobody.
func always() bool { return true }

// Unlock ends the writing of me, who has the writers' lock. Its ticket has been used up by the caller.
func (l *Lock) Unlock(me lease.ID) bool {
	race.Release(l.raceWriters())
	l.openGate()
	crashpoint.At("rwlock.open")
	return l.Holds.Env.Release(&l.Place, me)
}

// Downgrade makes a writer a reader, whom no other writer comes before. After an error
// it is still the writer; else it has yet to unlock. Others of its process may read at once.
func (l *Lock) Downgrade(me lease.ID) (Reading, error) {
	for l.claim(me) == nil && l.Holds.Live() {
		if err := l.Holds.Grow(me); err != nil {
			return Reading{}, err
		}
	}
	race.Release(l.raceWriters())
	l.openGate() // it has finished, and a death does not leave the lock abandoned any more
	r, err := l.readUnderLock(me)
	if err != nil { // others of its process have taken the room
		l.X.Gate.Or(uint64(me))
	}
	return r, err
}

// Abandoned reports whether a writer died inside and nobody has said Repaired since.
func (l *Lock) Abandoned() bool { return l.X.Gate.Load()&layout.GateAbandoned != 0 }

// Abandon begins that state, Repaired ends it; both are the writer's.
func (l *Lock) Abandon() { l.X.Gate.Or(layout.GateAbandoned) }

// Repaired says that what is locked is whole again.
func (l *Lock) Repaired() { l.X.Gate.And(^layout.GateAbandoned) }
