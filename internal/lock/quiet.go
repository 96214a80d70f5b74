package lock

import (
	"math"
	"os"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/internal/sys"
)

// Half of what a lock costs when nobody else is there is the second atomic
// instruction, that of the release. A lock with a Watch does without it: as long as nobody sleeps
// on it, its holder stores 0 and then looks whether that has changed.
//
// What the processor may do is to look before the store is seen by others, and so to miss
// somebody who saw the lock held and fell asleep. The price of a fence against that is paid
// by the one who is going to sleep, once: he changes Watch and has the kernel
// put a barrier on all CPUs. Then either the holder's store is seen, or the holder sees Watch. From
// then on everybody releases by compare-and-swap, until nobody has slept for long.
// This is D. Dice, H. Huang, M. Yang, "Asymmetric Dekker Synchronization", with membarrier(2).
//
// A store at a wrong moment can do only one kind of harm: it can overwrite LockWaiters. Whoever
// made it sees after it that Watch has changed and wakes the sleepers, who set the bit again if they sleep
// again.

// calmEnough is after how many releases without a sleeper a lock is quiet again. A barrier costs
// about as much as some thousands of compare-and-swaps.
const calmEnough = 4096

// A process that registers for barriers cannot be killed for some milliseconds. Those that
// take few locks or live a short life do not need to.
const (
	askEvery = 1 << 13 // releases of one lock
	askAfter = 100 * time.Millisecond
)

// EnvRelease overrides how a lock is released: "swap", or "store" from the first time on, and again soon
// after somebody slept. It is for tests.
const EnvRelease = "MULTIPROC_RELEASE"

// Quiet is whether this process may release locks by a plain store.
type Quiet struct {
	on     atomic.Bool
	asked  atomic.Bool
	family *atomic.Uint32 // how many processes may; nil where none ever will
	since  time.Time
	enough uint32 // releases without a sleeper
}

// Begin is called once, in a process whose family counts in n how many may.
func (q *Quiet) Begin(n *atomic.Uint32) {
	q.family, q.since, q.enough = n, time.Now(), calmEnough
	how := os.Getenv(EnvRelease)
	if race.Enabled || how == "swap" {
		q.asked.Store(true)
	}
	if how == "store" && q.asked.CompareAndSwap(false, true) {
		q.enough = 3
		q.ask()
	}
}

// ask asks the kernel. Where it refuses, locks are released by compare-and-swap.
func (q *Quiet) ask() {
	if sys.RegisterBarrier() == nil {
		q.family.Add(1)
		q.on.Store(true)
	}
}

// Consider asks the kernel if it is worth it: a lock has been released ticket times.
func (q *Quiet) Consider(ticket uint32) {
	if Asks(ticket) && q.family != nil && !q.asked.Load() && time.Since(q.since) > askAfter &&
		q.asked.CompareAndSwap(false, true) {
		go q.ask()
	}
}

// On reports whether this process may release locks by a plain store.
func (q *Quiet) On() bool { return q.on.Load() }

// Any reports whether a process of the family may release locks by a plain store.
func (q *Quiet) Any() bool { return q.family != nil && q.family.Load() != 0 }

// Fence puts a barrier on all CPUs if there is such a process. One that may not do that waits for longer than
// a store can remain unseen.
func (q *Quiet) Fence() {
	if q.Any() && !sys.Barrier() {
		sys.Nap(time.Millisecond)
	}
}

// Asks reports whether [Quiet.Consider] does anything at this ticket.
func Asks(ticket uint32) bool { return ticket%askEvery == askEvery-1 }

// Calm reports whether this process may release by a store again, since ticket says that it has done without for long enough: it is
// for locks that do not count since when.
func (q *Quiet) Calm(ticket uint32) bool { return q.on.Load() && ticket%q.enough == q.enough-1 }

// Quiet reports whether me, who has this ticket, holds the lock and nobody sleeps on it: then
// [Place.StoreFree] releases it, and seen is what to compare [Place.Overtaken] with. They are
// for one caller, into which they are inlined.
func (p *Place) Quiet(me lease.ID, ticket uint32) (seen uint32, ok bool) {
	seen = p.Mutex.Watch.Load()
	return seen, seen&layout.WatchState == layout.WatchNone && p.Lock.Ticket.Load() == ticket && p.Lock.Word.Load() == uint32(me) && p.Live()
}

// StoreFree releases the lock by a plain store.
func (p *Place) StoreFree(ticket uint32) {
	store(&p.Lock.Ticket, ticket+1) // while it is ours: every copy of the guard is stale from here
	store(&p.Lock.Word, 0)
}

// FreeBySwap releases the lock if that takes nothing but a compare-and-swap: me holds it with this ticket,
// and nobody waits or is watched for.
func (p *Place) FreeBySwap(me lease.ID, ticket uint32) bool {
	l := p.Lock
	if race.Enabled || l.Ticket.Load() != ticket || Asks(ticket) || p.Mutex.Watch.Load()&layout.WatchState != layout.WatchNone ||
		l.Word.Load() != uint32(me) || !p.Live() {
		return false
	}
	store(&l.Ticket, ticket+1) // while it is ours: every copy of the guard is stale from here
	if l.Word.CompareAndSwap(uint32(me), 0) {
		return true
	}
	store(&l.Ticket, ticket) // somebody has come; it is ours still
	return false
}

// Overtaken reports whether somebody has come since Watch was seen. It is not enough that it says None
// again: a watch may have begun and ended since, and its sleeper's bit been stored over.
func (p *Place) Overtaken(seen uint32) bool { return p.Mutex.Watch.Load() != seen }

// WakeOvertaken is called after a release that was overtaken. It wakes all, and sets no bit: who does that
// has to go through watch.
func (e *Env) WakeOvertaken(p *Place) {
	crashpoint.At("lock.overtaken")
	e.Hub.Wake(&p.Lock.Word, math.MaxInt32)
}

// Closing reports whether the lock is to be freed by its last holder.
func (p *Place) Closing() bool {
	return p.Mutex != nil && p.Mutex.Watch.Load()&layout.WatchState == layout.WatchClosed
}

// Calm is called by a holder that is going to release the lock by compare-and-swap.
func (e *Env) Calm(p *Place, me lease.ID) {
	m := p.Mutex
	e.Quiet.Consider(p.Lock.Ticket.Load())
	w := m.Watch.Load()
	if w&layout.WatchState != layout.WatchOn {
		return
	}
	if p.Lock.Word.Load() != uint32(me) {
		m.Calm = 0
		return
	}
	if m.Calm++; m.Calm >= e.Quiet.enough && e.Quiet.on.Load() {
		m.Calm = 0
		m.Watch.CompareAndSwap(w, w-layout.WatchOn+layout.WatchEpoch)
	}
}

// watch makes sure, after LockWaiters is set and before the caller sleeps, that no
// holder releases the lock without seeing that. If it returns false, the caller begins again.
//
// Those who sleep already may be there because of a Watch that was ended since: so
// that nobody relies on an old one, all of them begin again too.
func (e *Env) watch(p *Place) bool {
	m := p.Mutex
	if m == nil {
		return true
	}
	w := m.Watch.Load()
	if !p.Live() { // it was that of somebody else; from here on the swap would fail
		return false
	}
	switch w & layout.WatchState {
	case layout.WatchOn:
		return true
	case layout.WatchClosed:
		return false
	}
	if !e.Quiet.Any() {
		return true
	}
	coming := w&^layout.WatchState | layout.WatchComing
	if w != coming && !m.Watch.CompareAndSwap(w, coming) {
		return false
	}
	crashpoint.At("lock.coming")
	if !sys.Barrier() {
		sys.Nap(time.Millisecond) // a process that may not do that has to look again and again
		return false
	}
	if m.Watch.CompareAndSwap(coming, coming-layout.WatchComing+layout.WatchOn) {
		e.Hub.Wake(&p.Lock.Word, math.MaxInt32)
	}
	return false
}

// BeginClose makes p a lock that its last holder frees. It returns false if somebody has done so before.
func (e *Env) BeginClose(p *Place) bool {
	for {
		w := p.Mutex.Watch.Load()
		if !p.Live() || w&layout.WatchState == layout.WatchClosed {
			return false
		}
		if p.Mutex.Watch.CompareAndSwap(w, w|layout.WatchClosed) {
			break
		}
	}
	e.Quiet.Fence() // as in watch
	crashpoint.At("lock.closing")
	return true
}

// WakeAll wakes all who wait for the lock, and those who are just about to: a change of the epoch
// keeps them from sleeping.
func (e *Env) WakeAll(p *Place) {
	e.Table.Epoch().Add(1)
	e.Hub.Wake(e.Table.Epoch(), math.MaxInt32)
	e.Hub.Wake(&p.Lock.Word, math.MaxInt32)
}
