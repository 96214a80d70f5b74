package psync

import (
	"context"
	"fmt"

	"github.com/multiproc-go/multiproc/internal/cond"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// A Cond is a condition variable between processes: where goroutines of any process wait for
// something that they can see only under a mutex.
//
//	err := notEmpty.When(ctx, func() bool { return n.Load() > 0 }, func() error {
//		… // under the mutex, and n is above 0
//	})
//
// Signal wakes one goroutine that waits, if there is one; of one process the one that waits for the longest, and
// of several processes each in its turn. Nobody wakes without having been signalled, but for what a death does:
//
// When a process dies, its waiters are forgotten. Each signal that one of them had got, and had not returned
// from Wait with, goes to another waiter, who may have come only after it: so nobody waits on for a signal that
// somebody took into death, and a waiter may return that nobody meant. If the process that passes such
// signals on is killed at it, one of them may be passed on twice. Whoever looks again at what he waits for,
// as When and WaitFor do, need not care. Who signals never waits for anybody, dead, stopped or alive; and when
// he is killed, those whom he had signalled wake.
//
// Wait and Signal cost a system call each when somebody sleeps; Signal without a waiter some loads for each process
// that ever waited at the same time as another. Ten thousand goroutines of one process that wait take one thread.
type Cond struct {
	object
	mu   *Mutex
	cond cond.Cond
}

var condShape = family.Shape{Kind: layout.KindCond, Bytes: 32}

// NewCond makes a condition variable for what mu protects. The error says that mu is closed, that there is
// no memory left, or that this process cannot be a member of a family.
func NewCond(mu *Mutex) (*Cond, error) {
	if !mu.ref.Live() || mu.place.Closing() {
		return nil, fmt.Errorf("psync: NewCond: %w", ErrClosed)
	}
	ref, err := family.NewRef(condShape)
	if err != nil {
		return nil, fmt.Errorf("psync: NewCond: %w", err)
	}
	c := new(Cond)
	c.set(ref)
	c.mu = mu
	c.cond.Begin(&mu.ref)
	return c, nil
}

// Mutex is the mutex that c belongs to. A handle that came from another process has a
// handle of its own to it.
func (c *Cond) Mutex() *Mutex { return c.mu }

// Signal wakes one that waits. The caller may hold the mutex, and need not: a signal given after Unlock spares
// the waiter to find the mutex held.
func (c *Cond) Signal() {
	if c.env != nil {
		c.cond.Signal()
	}
}

// Broadcast wakes all who wait.
func (c *Cond) Broadcast() {
	if c.env != nil {
		c.cond.Broadcast()
	}
}

// Wait unlocks the mutex, waits until it is signalled and locks the mutex again. Whatever it returns, the
// mutex is held again, by g, which Wait changes; copies of g made before are used up. (So a deferred Unlock has to be
// in a function: defer func() { g.Unlock() }().) The one exception is ErrClosed of a closed mutex: then nobody holds it,
// and g's Unlock does nothing.
//
// A nil error means that Wait was signalled, or woken for a death. Otherwise it was not: the error is
// ctx's, or [ErrClosed] for a closed c. If ctx has ended before, the mutex is not unlocked. When ctx ends,
// Wait returns as soon as it has the mutex again, for which it waits however long that takes.
//
// While it was not held, a holder may have died: see [Guard.Abandoned]. Wait panics with a [*GuardError] if g
// does not hold the mutex of c.
func (c *Cond) Wait(ctx context.Context, g *Guard) error {
	if c.env == nil {
		return ErrClosed
	}
	if g.m == nil || !g.m.Equal(c.mu) {
		panic(&GuardError{"Wait"})
	}
	if !g.holds("Wait") {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	w, err := c.cond.Enter(g.me)
	if err != nil {
		return err
	}
	g.Unlock()
	crashpoint.At("cond.unlocked")
	err = c.cond.Wait(ctx, w)
	crashpoint.At("cond.told")
	me := g.me
	if g.m.me == 0 && c.outlived(me) {
		me = g.m.ref.Member.As(ctx)
	}
	again, locked := g.m.lockAgain(context.WithoutCancel(ctx), me)
	c.cond.Leave(w)
	if locked != nil {
		return locked
	}
	*g = again
	return err
}

// WaitFor waits until pred, which it calls with the mutex held, returns true. It returns
// [ErrAbandoned] instead of calling pred when a holder has died and nobody has repaired what
// the mutex protects; else what [Cond.Wait] returns.
func (c *Cond) WaitFor(ctx context.Context, g *Guard, pred func() bool) error {
	for {
		if g.Abandoned() {
			return ErrAbandoned
		}
		if pred() {
			return nil
		}
		if err := c.Wait(ctx, g); err != nil {
			return err
		}
	}
}

// When locks the mutex, waits until pred returns true, runs fn and unlocks, whatever fn does. It
// is to [Cond.WaitFor] what [Mutex.Do] is to Lock: it returns fn's error, or one of Do's, without having run fn.
// A panic or Goexit out of pred or fn leaves the mutex abandoned.
func (c *Cond) When(ctx context.Context, pred func() bool, fn func() error) error {
	if c.env == nil {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	g, err := c.mu.Lock(ctx)
	if err != nil {
		return err
	}
	returned := false
	defer func() { g.end(returned) }() // Wait may have changed it
	if err = c.WaitFor(ctx, &g, pred); err == nil {
		err = fn()
	}
	returned = true
	return err
}

// Close frees the condition variable for all processes, and not the mutex. Those who wait, and all who wait
// later, get [ErrClosed], as does a second Close; Signal and Broadcast do nothing any more. A process
// that is killed while it closes may leave some 64 bytes for each that waited, until the family ends.
func (c *Cond) Close() error {
	if c.env == nil || !c.ref.Live() {
		return ErrClosed
	}
	first := c.cond.Close()
	// Also if it is not the first, who may have died before he came to this.
	c.ref.Forget()
	_ = c.ref.Close(nil)
	if !first {
		return ErrClosed
	}
	return nil
}

// Equal reports whether both name the same condition variable.
func (c *Cond) Equal(o *Cond) bool { return o != nil && c.ref.Equal(&o.ref) }

// String names the condition variable for people.
func (c *Cond) String() string { return fmt.Sprintf("cond@%#x", c.ref.Off) }
