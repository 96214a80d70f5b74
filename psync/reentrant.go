package psync

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// An Owner is whose a [ReentrantMutex] is. Goroutines have no identity, so the owner is said: make one with [NewOwner] and pass it
// down to the functions that lock. It is for one goroutine at a time, of the process that has made it; it travels to no other.
type Owner struct{ key uint64 }

// owners counts those that this process has made.
var owners atomic.Uint32

// NewOwner makes an owner that is unlike all others of the family. The error says that this process cannot be a member of one.
func NewOwner() (Owner, error) {
	m, err := family.Current()
	if err != nil {
		return Owner{}, fmt.Errorf("psync: NewOwner: %w", err)
	}
	return Owner{uint64(m.ID())<<32 | uint64(owners.Add(1))}, nil
}

// A ReentrantMutex is a [Mutex] that its owner may lock again while it has it: Python's RLock. It is free when every guard was
// unlocked, in the reverse order, as defer does.
//
// As with a Mutex, the death of the process that has it leaves it abandoned, however often it was locked. Lock and Unlock cost about twice
// what those of a Mutex do; to lock it again costs a few loads and stores.
type ReentrantMutex struct {
	mu Mutex // of the same block
	x  *layout.Reentrant
}

var reentrantShape = family.Shape{Kind: layout.KindReentrant, Bytes: reentrantBytes}

// NewReentrantMutex makes a lock in the family's shared memory. The error says that there is
// no memory left, or that this process cannot be a member of a family.
func NewReentrantMutex() (*ReentrantMutex, error) {
	ref, err := family.NewRef(reentrantShape)
	if err != nil {
		return nil, fmt.Errorf("psync: NewReentrantMutex: %w", err)
	}
	m := new(ReentrantMutex)
	m.set(ref)
	m.mu.begin()
	return m, nil
}

// Lock waits until owner has m, which it may have already. An error means that it was not locked: ctx's, when it
// ended before m could be had, or [ErrClosed]. A lock that is free or the owner's is had even if ctx has ended. It panics if
// owner is the zero Owner.
//
// When the last holder died inside, Lock succeeds nonetheless, and the guard's Abandoned says so. Code that does not want
// to know uses [ReentrantMutex.Do].
func (m *ReentrantMutex) Lock(ctx context.Context, owner Owner) (ReentrantGuard, error) {
	if g, ok := m.again(ctx, owner); ok {
		return g, nil
	}
	g, err := m.mu.Lock(ctx)
	if err != nil {
		return ReentrantGuard{}, err
	}
	return m.first(g, owner), nil
}

// TryLock is Lock if that can be done at once, also from a holder that is dead. As [Mutex.TryLock], it acts in
// goroutine mode for the entry that the handle was passed to.
func (m *ReentrantMutex) TryLock(owner Owner) (ReentrantGuard, bool) {
	if g, ok := m.again(context.Background(), owner); ok {
		return g, true
	}
	g, ok := m.mu.TryLock()
	if !ok {
		return ReentrantGuard{}, false
	}
	return m.first(g, owner), true
}

// first is called by the new holder. What stands in x is what a dead one has left.
func (m *ReentrantMutex) first(g Guard, owner Owner) ReentrantGuard {
	x := m.x
	lock.StoreRelease(&x.Depth, 1)
	x.Next++
	x.Serial = x.Next
	crashpoint.At("reentrant.locked")
	x.Owner.Store(owner.key)
	return ReentrantGuard{m, g, x.Serial, 0}
}

// again locks once more, if owner has the lock.
func (m *ReentrantMutex) again(ctx context.Context, owner Owner) (ReentrantGuard, bool) {
	if owner.key == 0 {
		panic("psync: ReentrantMutex: the zero Owner: make one with NewOwner")
	}
	if !m.mu.ref.Live() || m.x.Owner.Load() != owner.key {
		return ReentrantGuard{}, false
	}
	// Its owner, who is here, has not unlocked it meanwhile; but it may be one of a process that counts as dead.
	me := m.mu.ref.Member.As(ctx)
	if m.mu.place.Closing() || lease.ID(m.mu.place.Lock.Word.Load()&layout.LockOwner) != me {
		return ReentrantGuard{}, false
	}
	x := m.x
	outer := x.Serial
	lock.StoreRelease(&x.Depth, x.Depth.Load()+1)
	x.Next++
	x.Serial = x.Next
	crashpoint.At("reentrant.again")
	return ReentrantGuard{m, m.mu.guard(me), x.Serial, outer}, true
}

// Do runs fn while owner has m, and unlocks whatever fn does. It returns fn's error, an
// error of [ReentrantMutex.Lock], or [ErrAbandoned] without running fn. If ctx has ended, Do
// does not begin.
//
// A panic or Goexit out of fn is to m what a death is: what fn was writing may be half-written, so m is abandoned, for its owner
// too if it has locked m before.
func (m *ReentrantMutex) Do(ctx context.Context, owner Owner, fn func() error) error {
	return m.do(ctx, owner, func(g ReentrantGuard) error {
		if g.Abandoned() {
			return ErrAbandoned
		}
		return fn()
	})
}

// Repair runs fn while owner has m, abandoned or not, and ends the abandoned state if
// fn returns nil. If ctx has ended, it does not begin.
func (m *ReentrantMutex) Repair(ctx context.Context, owner Owner, fn func() error) error {
	return m.do(ctx, owner, func(g ReentrantGuard) error {
		if err := fn(); err != nil {
			return err
		}
		g.Repaired()
		return nil
	})
}

func (m *ReentrantMutex) do(ctx context.Context, owner Owner, fn func(ReentrantGuard) error) error {
	// Not left to Lock: a loop that always finds the lock free would never notice.
	if err := ctx.Err(); err != nil {
		return err
	}
	g, err := m.Lock(ctx, owner)
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		if !returned {
			lock.Abandon(m.mu.place.Lock, g.g.me)
		}
		g.Unlock()
	}()
	err = fn(g)
	returned = true
	return err
}

// Close is as [Mutex.Close].
func (m *ReentrantMutex) Close() error { return m.mu.Close() }

// Equal reports whether both name the same lock.
func (m *ReentrantMutex) Equal(o *ReentrantMutex) bool { return o != nil && m.mu.ref.Equal(&o.mu.ref) }

// String names the lock for people.
func (m *ReentrantMutex) String() string { return fmt.Sprintf("reentrant-mutex@%#x", m.mu.ref.Off) }
