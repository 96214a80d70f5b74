package psync

import (
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/internal/rwlock"
)

// A ReadGuard is an RWMutex that is held for reading. It is good for one Unlock; that of a copy counts.
type ReadGuard struct {
	m  *RWMutex
	me lease.ID
	r  rwlock.Reading
}

// Unlock ends the reading. It panics with a [*GuardError] if the guard, or one that it is a copy of, was
// unlocked before; with the same limit as [Guard.Unlock]: a reading may also be left that ends only with the process.
func (g ReadGuard) Unlock() {
	m := g.m
	if m == nil || m.me == 0 || race.Enabled {
		g.unlock()
		return
	}
	n, ticket := g.r.Counter(), g.r.Ticket
	if n.Load() != ticket || !m.ref.Live() {
		g.unlock()
		return
	}
	switch quiet := m.rw.Quiet(g.r.Hold); {
	case quiet && m.env.Quiet.On():
		lock.StoreRelease(n, ticket+1)
		if !m.rw.Quiet(g.r.Hold) {
			m.rw.Overtaken()
			m.left()
		}
	case quiet && !lock.Asks(ticket):
		if !n.CompareAndSwap(ticket, ticket+1) {
			g.unlock()
		} else if !m.rw.Quiet(g.r.Hold) {
			m.rw.Overtaken()
			m.left()
		}
	default:
		g.unlock()
	}
}

// left sees to the memory of a lock that was closed.
func (m *RWMutex) left() {
	if m.rw.Closed() {
		m.finish()
	}
}

func (g ReadGuard) unlock() {
	if g.m == nil {
		panic(&GuardError{"Unlock"})
	}
	m := g.m
	if !m.ref.Live() || m.outlived(g.me) {
		return
	}
	if !m.rw.RUnlock(g.r) {
		if !m.ref.Live() || m.outlived(g.me) {
			return // in this moment
		}
		panic(&GuardError{"Unlock"})
	}
	m.left()
}

// Abandoned reports whether a writer died inside before and nobody has called
// Repaired since: what is read may be half-written.
func (g ReadGuard) Abandoned() bool {
	if g.m == nil {
		panic(&GuardError{"Abandoned"})
	}
	return g.m.ref.Live() && g.m.rw.Abandoned()
}

// A WriteGuard is an RWMutex that is held for writing. It is good for one Unlock or Downgrade; that of a copy counts.
type WriteGuard struct {
	m      *RWMutex
	me     lease.ID
	ticket uint32
}

// Unlock gives the lock back, and panics as [Guard.Unlock] does. After a Close of the lock it only frees the memory.
func (g WriteGuard) Unlock() {
	if g.holds("Unlock") {
		g.unlock("Unlock")
	}
}

func (g WriteGuard) unlock(op string) {
	m := g.m
	m.rw.Place.Lock.Ticket.Store(g.ticket + 1) // while it is ours: every copy of the guard is stale from here
	if !m.rw.Unlock(g.me) && m.ref.Live() && !lock.Closed(m.rw.Place.Lock) {
		panic(&GuardError{op})
	}
	m.finish()
}

// Downgrade makes the writer a reader, without a moment in which another could write. It uses the guard
// up. An error, there is no memory in which to record the reading, leaves it as it was.
func (g WriteGuard) Downgrade() (ReadGuard, error) {
	if !g.holds("Downgrade") {
		return ReadGuard{}, ErrClosed
	}
	r, err := g.m.rw.Downgrade(g.me)
	if err != nil {
		return ReadGuard{}, err
	}
	g.unlock("Downgrade")
	return g.m.reading(g.me, r), nil
}

// Abandoned reports whether a writer died inside and nobody has called Repaired since: what
// the lock protects may be half-written.
func (g WriteGuard) Abandoned() bool {
	if g.m == nil {
		panic(&GuardError{"Abandoned"})
	}
	return g.m.ref.Live() && g.m.rw.Abandoned()
}

// Repaired says that what the lock protects is whole again.
func (g WriteGuard) Repaired() {
	if g.holds("Repaired") {
		g.m.rw.Repaired()
	}
}

// holds panics if the guard was used. It returns false if there is nothing to be done, as that of a [Guard] does.
func (g WriteGuard) holds(op string) bool {
	if g.m == nil {
		panic(&GuardError{op})
	}
	switch m := g.m; {
	case !m.ref.Live() || m.outlived(g.me):
		return false
	case m.rw.Place.Lock.Ticket.Load() == g.ticket:
		return true
	case !m.ref.Live():
		return false
	}
	panic(&GuardError{op})
}
