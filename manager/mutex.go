package manager

import (
	"context"
	"errors"

	"github.com/multiproc-go/multiproc/psync"
)

// ErrAbandoned is returned by [Mutex.Do], which has then not run its function, when a former holder died with the lock and nobody has
// repaired the data. It is package psync's.
var ErrAbandoned = psync.ErrAbandoned

// A Mutex is a lock in the server, Python's Lock, with the methods of a psync.Mutex. Who waits first gets it first.
//
// A lock that this package has taken belongs to a connection, which the guard keeps to itself. If the process dies, or the connection does, the
// server gives the lock to the next, who finds it Abandoned. One that a Python client has acquired stays held when it dies,
// unless Options.ReleaseDead says otherwise, and any Python client can release any lock. On a server of CPython
// no death is noticed.
//
// Lock and Unlock cost a round trip each.
type Mutex struct{ base }

// NewMutex makes a Lock in the server.
func NewMutex(ctx context.Context, c *Client) (*Mutex, error) {
	b, err := newBase(ctx, c, "Lock")
	if err != nil {
		return nil, err
	}
	return &Mutex{b}, nil
}

// Guard is a lock that is held. It is good for one Unlock; that of a copy counts.
type Guard struct{ g guard }

// Lock waits until it holds m. An error means that m is not held: a call that was given up, or whose reply was lost, is
// withdrawn by the server. One of CPython does not notice: there, Lock asks again ten times a second, and comes back so much later when ctx ends.
func (m *Mutex) Lock(ctx context.Context) (Guard, error) {
	p, err := m.lock(ctx, nil)
	if err != nil {
		return Guard{}, err
	}
	return Guard{newGuard(p)}, nil
}

// TryLock takes m if it is free; otherwise ok is false.
func (m *Mutex) TryLock(ctx context.Context) (g Guard, ok bool, err error) {
	p, err := m.lock(ctx, int64(0))
	if p == nil || err != nil {
		return Guard{}, false, err
	}
	return Guard{newGuard(p)}, true, nil
}

// errNotTaken is of a program in Python that calls something a lock which is none.
var errNotTaken = errors.New("the server did not wait for it")

func (b *base) lock(ctx context.Context, patience any) (*pinned, error) {
	s, err := b.session()
	if err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	switch {
	case s.kind().ours:
		return b.pin(ctx, "#lock", "#unlock", patience)
	case patience != nil: // where nothing is abandoned
		return b.pin(ctx, "acquire", "release", false)
	case ctx.Done() == nil:
		p, err := b.pin(ctx, "acquire", "release")
		if p == nil && err == nil {
			err = b.failed("acquire", true, errNotTaken)
		}
		return p, err
	}
	return inSlices(ctx, b, "acquire", func(ctx context.Context, seconds float64) (*pinned, bool, error) {
		p, err := b.pin(ctx, "acquire", "release", true, seconds)
		return p, p != nil, err
	})
}

// Do runs fn while it holds m, and unlocks whatever fn does. It returns fn's error, an error of [Mutex.Lock], or [ErrAbandoned] without running
// fn. If ctx has ended, Do does not begin.
//
// A panic or Goexit out of fn is to m what a death is: what fn was writing may be half-written, so m is abandoned. Not so on a server of CPython, which
// knows nothing of it.
func (m *Mutex) Do(ctx context.Context, fn func() error) error {
	g, err := m.Lock(ctx)
	if err != nil {
		return err
	}
	return g.do(fn)
}

// Repair runs fn while it holds m, abandoned or not, and ends the abandoned state if fn returns nil. Otherwise it is as Do.
func (m *Mutex) Repair(ctx context.Context, fn func() error) error {
	g, err := m.Lock(ctx)
	if err != nil {
		return err
	}
	return g.repair(ctx, fn)
}

// do runs fn and unlocks.
func (g Guard) do(fn func() error) error {
	return g.run(func() error {
		if g.Abandoned() {
			return ErrAbandoned
		}
		return fn()
	})
}

// repair is do to bring in order what the lock protects.
func (g Guard) repair(ctx context.Context, fn func() error) error {
	return g.run(func() error {
		if err := fn(); err != nil {
			return err
		}
		return g.Repaired(ctx)
	})
}

func (g Guard) run(fn func() error) error {
	returned := false
	defer func() {
		if !returned {
			g.g.p.abandon()
		}
		g.Unlock()
	}()
	err := fn()
	returned = true
	return err
}

// Unlock releases the lock. It panics with a [*GuardError] if the guard, or a copy of it, has done so already. It does not
// fail: if the server cannot be told, it hears of the end of the connection.
func (g Guard) Unlock() { g.g.finish("Unlock") }

// Abandoned reports whether a holder died with the lock since somebody last called Repaired: what it protects may be half-written.
func (g Guard) Abandoned() bool {
	g.g.held("Abandoned")
	return g.g.p.abandoned.Load()
}

// Repaired says that what the lock protects is in order again.
func (g Guard) Repaired(ctx context.Context) error {
	g.g.held("Repaired")
	if !g.g.p.abandoned.Load() {
		return nil
	}
	if _, err := g.g.p.call(ctx, "#repaired"); err != nil {
		return err
	}
	g.g.p.abandoned.Store(false)
	return nil
}
