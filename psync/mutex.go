package psync

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// A Mutex is a mutual exclusion lock between processes. It is a handle: copies of
// what it names are made by passing the pointer on, to another process too.
//
// A Mutex is no sync.Locker, for taking it can fail. Lock and Unlock without
// contention cost one or two atomic instructions and no system call.
type Mutex struct {
	ref   family.Ref
	place lock.Place
	env   *lock.Env
	me    lease.ID // 0 in goroutine mode, whoever ctx says; and if the lock is checked, where there is more to do
}

var mutexShape = family.Shape{Kind: layout.KindMutex, Bytes: mutexBytes}

// NewMutex makes a lock in the family's shared memory. The error says that there is
// no memory left, or that this process cannot be a member of a family.
func NewMutex() (*Mutex, error) { return NewMutexWith(MutexOptions{}) }

// NewMutexWith is NewMutex with options.
func NewMutexWith(o MutexOptions) (*Mutex, error) {
	ref, err := family.NewRef(mutexShape)
	if err != nil {
		return nil, fmt.Errorf("psync: NewMutex: %w", err)
	}
	m := new(Mutex)
	m.set(ref)
	if o.checked() {
		m.place.Mutex.Checked.Store(1)
		m.set(ref)
	}
	m.begin()
	return m, nil
}

// begin makes a block of zeros a lock that is free.
func (m *Mutex) begin() {
	// Where it begins to count is no secret, but what lies here next shall not look like it.
	m.place.Mutex.Watch.Store(rand.Uint32()&^layout.WatchState | 1<<31)
}

// Lock waits until it holds m. An error means that m is not held: ctx's, when it
// ended before m could be had, or [ErrClosed]; or [ErrDeadlock], from a mutex that was made to look for that. A free lock is taken even if ctx has
// ended.
//
// When the last holder died inside, Lock succeeds nonetheless, and the guard's
// Abandoned says so. Code that does not want to know uses [Mutex.Do].
func (m *Mutex) Lock(ctx context.Context) (Guard, error) {
	if me := m.me; me != 0 && m.place.Take(me) {
		if m.place.Live() && !m.place.Closing() {
			return m.guard(me), nil
		}
		return Guard{}, m.giveBack(me)
	}
	return m.lock(ctx)
}

// lock is Lock where the lock was not free, or not to be had without looking further.
func (m *Mutex) lock(ctx context.Context) (Guard, error) {
	me := m.me
	if me == 0 {
		if !m.ref.Live() { // the zero Mutex belongs to nobody
			return Guard{}, ErrClosed
		}
		me = m.ref.Member.As(ctx)
	}
	return m.lockAs(ctx, me)
}

func (m *Mutex) lockAs(ctx context.Context, me lease.ID) (Guard, error) {
	if m.place.Checked {
		return m.lockChecked(ctx, me, false)
	}
	return m.acquire(ctx, me)
}

// lockAgain is lockAs for a Cond, which has to have the lock.
func (m *Mutex) lockAgain(ctx context.Context, me lease.ID) (Guard, error) {
	if m.place.Checked {
		return m.lockChecked(ctx, me, true)
	}
	return m.acquire(ctx, me)
}

func (m *Mutex) acquire(ctx context.Context, me lease.ID) (Guard, error) {
	if err := m.env.Acquire(ctx, &m.place, me); err != nil {
		m.finish()
		return Guard{}, err
	}
	if m.place.Closing() {
		return Guard{}, m.giveBack(me)
	}
	return m.guard(me), nil
}

// giveBack is called by the new holder of a lock that was closed in the last moment.
func (m *Mutex) giveBack(me lease.ID) error {
	err := m.env.Return(&m.place, me)
	m.finish()
	return err
}

// TryLock takes m if that can be done at once, also from a holder that is dead. In
// goroutine mode it acts for the entry that the handle was passed to, where
// Lock acts for the entry whose context it is given.
func (m *Mutex) TryLock() (Guard, bool) {
	if !m.ref.Live() {
		return Guard{}, false
	}
	me := m.ref.Member.As(context.Background())
	if !m.env.TryAcquire(&m.place, me) {
		return Guard{}, false
	}
	if m.place.Closing() {
		m.giveBack(me)
		return Guard{}, false
	}
	if m.place.Checked {
		m.hold(me, goroutine())
	}
	return m.guard(me), true
}

// Do runs fn while it holds m, and unlocks whatever fn does. It returns fn's error, an
// error of [Mutex.Lock], or [ErrAbandoned] without running fn. If ctx has ended, Do
// does not begin.
//
// A panic or Goexit out of fn is to m what a death is: what fn was writing may be
// half-written, so m is abandoned.
func (m *Mutex) Do(ctx context.Context, fn func() error) error {
	// Not left to Lock: a loop that always finds the lock free would never notice.
	if err := ctx.Err(); err != nil {
		return err
	}
	g := Guard{m: m, me: m.me}
	if g.me != 0 && m.place.Take(g.me) {
		// As in Lock, here without a call and without a look at Abandoned, which a word that was 0
		// does not say: a sixth of the time of a loop that counts.
		if !m.place.Live() || m.place.Closing() {
			return m.giveBack(g.me)
		}
		g.ticket = m.place.Lock.Ticket.Load()
	} else {
		var err error
		if g, err = m.lock(ctx); err != nil {
			return err
		}
		if g.Abandoned() {
			g.Unlock()
			return ErrAbandoned
		}
	}
	returned := false
	defer func() { g.end(returned) }()
	err := fn()
	returned = true
	return err
}

// Repair runs fn while it holds m, abandoned or not, and ends the abandoned state if
// fn returns nil. If ctx has ended, it does not begin.
func (m *Mutex) Repair(ctx context.Context, fn func() error) error {
	// Not left to Lock: a loop that always finds the lock free would never notice.
	if err := ctx.Err(); err != nil {
		return err
	}
	g, err := m.Lock(ctx)
	if err != nil {
		return err
	}
	returned := false
	defer func() { g.end(returned) }()
	if err = fn(); err == nil {
		g.Repaired()
	}
	returned = true
	return err
}

// Close frees the lock for all processes. Those who wait for it, and all who try
// later, get [ErrClosed], as does a second Close. If somebody holds the lock, the memory is
// freed when he unlocks it; if he dies first, when somebody tries the lock again or the family ends.
func (m *Mutex) Close() error {
	if !m.ref.Live() {
		return ErrClosed
	}
	if !m.env.BeginClose(&m.place) {
		m.finish() // whoever began may have died
		return ErrClosed
	}
	m.ref.Forget()
	m.finish()
	if m.ref.Live() {
		m.env.WakeAll(&m.place)
	}
	return nil
}

// finish frees the lock if it was closed and nobody holds it any more.
func (m *Mutex) finish() {
	if !m.place.Closing() || !m.ref.Live() {
		return
	}
	if lock.Closed(m.place.Lock) || m.env.TryAcquire(&m.place, m.ref.Member.As(context.Background())) {
		// Whoever else does this at the same time finds it done.
		_ = m.ref.Close(func() { m.env.Close(m.place.Lock) })
	}
}

// Equal reports whether both name the same lock.
func (m *Mutex) Equal(o *Mutex) bool { return o != nil && m.ref.Equal(&o.ref) }

// String names the lock for people.
func (m *Mutex) String() string { return fmt.Sprintf("mutex@%#x", m.ref.Off) }
