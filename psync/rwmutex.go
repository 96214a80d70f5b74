package psync

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/internal/rwlock"
)

// An RWMutex is a lock between processes that many readers or one writer hold. It is a handle, as a [Mutex] is.
//
// Each process records in memory of its own that it reads, so readers of different processes do not slow each other
// down: RLock and Unlock of its guard cost one or two atomic instructions without a writer, and no system call. Lock looks at
// the record of every process that ever read.
//
// A waiting writer keeps new readers out, so it is not starved, and whoever reads must not wait for
// another RLock of the same lock. Readers who wait take turns with writers.
//
// The death of a reader ends its reading. That of a writer who was inside leaves the lock abandoned, for readers too.
type RWMutex struct {
	object
	rw   rwlock.Lock
	hold atomic.Pointer[layout.Hold] // of this process; nil until it is needed, and in goroutine mode
}

var rwMutexShape = family.Shape{Kind: layout.KindRWMutex, Bytes: rwlock.Bytes}

// NewRWMutex makes a lock in the family's shared memory. The error says that there is
// no memory left, or that this process cannot be a member of a family.
func NewRWMutex() (*RWMutex, error) {
	ref, err := family.NewRef(rwMutexShape)
	if err != nil {
		return nil, fmt.Errorf("psync: NewRWMutex: %w", err)
	}
	m := new(RWMutex)
	m.set(ref)
	m.rw.Init()
	return m, nil
}

// RLock waits until it reads: with others, and without a writer. An error means that it does not: ctx's,
// [ErrClosed], or that there is no memory in which to record it. If ctx has ended, RLock
// succeeds all the same where it need not wait.
func (m *RWMutex) RLock(ctx context.Context) (ReadGuard, error) {
	if h := m.hold.Load(); h != nil && !race.Enabled {
		w, ticket := h.Word.Load(), h.Tickets[0].Load()
		if w&(layout.HoldTag|layout.HoldOpen) == m.rw.Opened() && rwlock.Free(w, 0, ticket) && m.ref.Live() && h.Word.CompareAndSwap(w, rwlock.Taken(w, 0)) {
			return ReadGuard{m, m.me, rwlock.Reading{Hold: h, Ticket: ticket}}, nil
		}
		if r, in := m.rw.Enter(h); in { // others of this process read too
			return ReadGuard{m, m.me, r}, nil
		}
	}
	return m.rlock(ctx)
}

// rlock is RLock where more is to be done.
func (m *RWMutex) rlock(ctx context.Context) (ReadGuard, error) {
	me, err := m.as(ctx)
	if err != nil {
		return ReadGuard{}, err
	}
	r, err := m.rw.RLock(ctx, me)
	if err != nil {
		m.finish()
		return ReadGuard{}, err
	}
	return m.reading(me, r), nil
}

func (m *RWMutex) reading(me lease.ID, r rwlock.Reading) ReadGuard {
	if m.me != 0 {
		m.hold.Store(r.Hold)
	}
	return ReadGuard{m, me, r}
}

// TryRLock is RLock if that can be done at once. As [Mutex.TryLock], it acts in goroutine mode for the entry that
// the handle was passed to.
func (m *RWMutex) TryRLock() (ReadGuard, bool) {
	me, err := m.self()
	if err != nil {
		return ReadGuard{}, false
	}
	r, ok := m.rw.TryRLock(me)
	if !ok {
		m.finish()
		return ReadGuard{}, false
	}
	return m.reading(me, r), true
}

// Lock waits until nobody else holds m, as a reader or writer. An error means that m is not held: ctx's,
// when it ended before, or [ErrClosed]. A free lock is taken even if ctx has ended.
//
// When the last writer died inside, Lock succeeds nonetheless, and the guard's
// Abandoned says so. Code that does not want to know uses [RWMutex.Do].
func (m *RWMutex) Lock(ctx context.Context) (WriteGuard, error) {
	me, err := m.as(ctx)
	if err != nil {
		return WriteGuard{}, err
	}
	if err := m.rw.Lock(ctx, me); err != nil {
		m.finish()
		return WriteGuard{}, err
	}
	return m.writing(me), nil
}

func (m *RWMutex) writing(me lease.ID) WriteGuard {
	return WriteGuard{m, me, m.rw.Place.Lock.Ticket.Load()}
}

// TryLock takes m if that can be done at once, also from holders that are dead. It acts for whom [RWMutex.TryRLock] does.
func (m *RWMutex) TryLock() (WriteGuard, bool) {
	me, err := m.self()
	if err != nil {
		return WriteGuard{}, false
	}
	if !m.rw.TryLock(me) {
		m.finish()
		return WriteGuard{}, false
	}
	return m.writing(me), true
}

// RDo runs fn while it reads m, and ends that whatever fn does. It returns fn's error, an error of
// [RWMutex.RLock], or [ErrAbandoned] without running fn. If ctx has ended, RDo does not begin.
func (m *RWMutex) RDo(ctx context.Context, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g, err := m.RLock(ctx)
	if err != nil {
		return err
	}
	defer g.Unlock()
	if g.Abandoned() {
		return ErrAbandoned
	}
	return fn()
}

// Do runs fn while it holds m as a writer, and unlocks whatever fn does. It returns fn's error, an
// error of [RWMutex.Lock], or [ErrAbandoned] without running fn. If ctx has ended, Do
// does not begin.
//
// A panic or Goexit out of fn is to m what a death is: m is abandoned.
func (m *RWMutex) Do(ctx context.Context, fn func() error) error {
	return m.write(ctx, func(g WriteGuard) error {
		if g.Abandoned() {
			return ErrAbandoned
		}
		return fn()
	})
}

// Repair runs fn while it holds m as a writer, abandoned or not, and ends the abandoned state if
// fn returns nil. If ctx has ended, it does not begin.
func (m *RWMutex) Repair(ctx context.Context, fn func() error) error {
	return m.write(ctx, func(g WriteGuard) error {
		if err := fn(); err != nil {
			return err
		}
		g.Repaired()
		return nil
	})
}

// write runs fn under the lock.
func (m *RWMutex) write(ctx context.Context, fn func(WriteGuard) error) error {
	// Not left to Lock: a loop that always finds the lock free would never notice.
	if err := ctx.Err(); err != nil {
		return err
	}
	g, err := m.Lock(ctx)
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		if !returned && g.holds("Unlock") {
			m.rw.Abandon()
		}
		g.Unlock()
	}()
	err = fn(g)
	returned = true
	return err
}

// Close frees the lock for all processes. Those who wait for it, and all who try
// later, get [ErrClosed], as does a second Close. The memory is freed when the last who
// holds it unlocks; if he dies first, when somebody tries the lock again or the family ends.
func (m *RWMutex) Close() error {
	if !m.ref.Live() {
		return ErrClosed
	}
	if !m.rw.BeginClose() {
		m.finish() // whoever began may have died
		return ErrClosed
	}
	m.ref.Forget()
	m.finish()
	if m.ref.Live() {
		m.rw.WakeAll()
	}
	return nil
}

// finish frees the lock if it was closed and nobody holds it any more.
func (m *RWMutex) finish() {
	if m.ref.Live() && m.rw.Place.Closing() {
		m.rw.Finish(m.ref.Member.As(context.Background()), m.ref.Close)
	}
}

// Equal reports whether both name the same lock.
func (m *RWMutex) Equal(o *RWMutex) bool { return o != nil && m.ref.Equal(&o.ref) }

// String names the lock for people.
func (m *RWMutex) String() string { return fmt.Sprintf("rwmutex@%#x", m.ref.Off) }
