package psync

import (
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// A Guard is a held lock. It is good for one Unlock; that of a copy counts.
type Guard struct {
	m      *Mutex
	me     lease.ID
	ticket uint32
}

// guard is called by the new holder.
func (m *Mutex) guard(me lease.ID) Guard { return Guard{m, me, m.place.Lock.Ticket.Load()} }

// Unlock gives the lock back. It panics with a [*GuardError] if the guard does not
// hold it: the second Unlock of a guard, or of a copy of it, does not release what somebody
// else holds. That is so for one after the other; two goroutines that unlock copies at the same
// moment may release the lock of a third. After a Close of the lock Unlock only frees the memory.
func (g Guard) Unlock() {
	m := g.m
	if m == nil || m.me == 0 {
		g.unlock()
		return
	}
	if !m.env.Quiet.On() {
		if !m.place.FreeBySwap(g.me, g.ticket) {
			g.unlock()
		} else if m.place.Closing() {
			m.finish()
		}
		return
	}
	seen, ok := m.place.Quiet(g.me, g.ticket)
	if !ok {
		g.unlock()
		return
	}
	m.place.StoreFree(g.ticket)
	if m.place.Overtaken(seen) {
		m.overtaken()
	}
}

// overtaken sees to those who have come while m was released.
func (m *Mutex) overtaken() {
	m.env.WakeOvertaken(&m.place)
	m.finish()
}

func (g Guard) unlock() {
	if !g.holds("Unlock") {
		return
	}
	m := g.m
	if m.place.Checked {
		m.place.Mutex.Holder.Store(0)
	}
	m.env.Calm(&m.place, g.me)
	m.place.Lock.Ticket.Store(g.ticket + 1) // while it is ours: every copy of the guard is stale from here
	if !m.env.Release(&m.place, g.me) && m.ref.Live() && !lock.Closed(m.place.Lock) {
		panic(&GuardError{"Unlock"})
	}
	m.finish()
}

// end unlocks after a function that was run under the lock; whole says that it has returned.
func (g Guard) end(whole bool) {
	if !whole {
		lock.Abandon(g.m.place.Lock, g.me)
	}
	g.Unlock()
}

// Abandoned reports whether a former holder died inside and nobody has called
// Repaired since: what the lock protects may be half-written.
func (g Guard) Abandoned() bool {
	if g.m == nil {
		panic(&GuardError{"Abandoned"})
	}
	return g.m.ref.Live() && lock.Abandoned(g.m.place.Lock)
}

// Repaired says that what the lock protects is whole again.
func (g Guard) Repaired() {
	if g.holds("Repaired") {
		lock.Repaired(g.m.place.Lock, g.me)
	}
}

// holds panics if the guard was used. It returns false if there is nothing to be done:
// the lock was closed, or the holder counts as dead, which happens to a goroutine
// that outlives its entry in goroutine mode.
func (g Guard) holds(op string) bool {
	if g.m == nil {
		panic(&GuardError{op})
	}
	if !g.m.ref.Live() {
		return false // the block may be another lock by now, with the same ticket
	}
	if g.m.me == 0 && g.m.env.Table.State(g.me) != lease.Alive {
		return false
	}
	if g.m.place.Lock.Ticket.Load() == g.ticket {
		return true
	}
	if !g.m.ref.Live() || g.m.place.Closing() {
		return false // a Wait could not take it again
	}
	panic(&GuardError{op})
}
