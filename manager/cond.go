package manager

import (
	"context"
	"time"
)

// A Cond is a condition in the server, Python's Condition, with a lock of its own. Waiters are notified in the order in which
// they came, and a notification of one that has died goes to the next.
type Cond struct{ base }

// NewCond makes a Condition in the server.
func NewCond(ctx context.Context, c *Client) (*Cond, error) {
	b, err := newBase(ctx, c, "Condition")
	if err != nil {
		return nil, err
	}
	return &Cond{b}, nil
}

// Lock locks the condition's own lock; see [Mutex.Lock].
func (c *Cond) Lock(ctx context.Context) (Guard, error) {
	p, err := c.lock(ctx, nil)
	if err != nil {
		return Guard{}, err
	}
	return Guard{newGuard(p)}, nil
}

// Wait gives up the lock, waits to be notified, and has the lock again when it returns without an error. The guard is one of
// this Cond. At the deadline of ctx the error is context.DeadlineExceeded, and the lock is held again.
// If ctx is cancelled before, and after all other errors, it is not: the guard is over, and its Unlock does nothing.
//
// While it was not held, a holder may have died: see [Guard.Abandoned].
func (c *Cond) Wait(ctx context.Context, g Guard) error {
	g.g.held("Wait")
	switch ours := g.g.p.b.h.s.kind().ours; {
	case !ours && ctx.Done() != nil:
		return c.waitInSlices(ctx, g)
	case !ours:
		return none(g.g.p.call(ctx, "wait"))
	}
	deadline, limited := ctx.Deadline()
	if !limited {
		return g.waited(g.g.p.call(ctx, "#wait"))
	}
	// The server keeps the time, so that the lock comes back at the end of it.
	within, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		if ctx.Err() == context.Canceled {
			cancel()
		}
	})
	defer stop()
	return g.waited(g.g.p.call(within, "#wait", max(0, time.Until(deadline).Nanoseconds())))
}

// waited reads the result of a #wait.
func (g Guard) waited(v any, err error) error {
	n, err := wantInt(g.g.p.b, "#wait", v, err)
	if err != nil {
		return err
	}
	const notified, abandoned = 1, 2
	g.g.p.abandoned.Store(n&abandoned != 0)
	if n&notified == 0 {
		return g.failedWait()
	}
	return nil
}

// WaitFor waits until pred, which it calls with the lock held, returns true. It returns pred's error, and [ErrAbandoned] instead of calling pred when a
// holder has died and nobody has repaired what the lock protects; else what Wait returns. Unlike that of a psync.Cond, pred may fail: what it looks at is
// mostly in the server, too.
func (c *Cond) WaitFor(ctx context.Context, g Guard, pred func() (bool, error)) error {
	for {
		if g.Abandoned() {
			return ErrAbandoned
		}
		if done, err := pred(); done || err != nil {
			return err
		}
		if err := c.Wait(ctx, g); err != nil {
			return err
		}
	}
}

// waitInSlices is Wait with a server of CPython, where one that waited on would be notified in the end, and hold the lock for ever. Between two slices
// the lock is held, so that no notification is missed.
func (c *Cond) waitInSlices(ctx context.Context, g Guard) error {
	uncut, done := outlasting(ctx)
	defer done()
	for {
		left := slice
		if deadline, limited := ctx.Deadline(); limited {
			left = max(0, min(left, time.Until(deadline)))
		}
		notified, err := g.g.p.call(uncut, "wait", left.Seconds())
		switch {
		case err != nil || notified == true:
			return err
		case ctx.Err() == context.Canceled:
			g.g.p.end()
			return c.failed("wait", true, ctx.Err())
		case ctx.Err() != nil:
			return g.failedWait()
		}
	}
}

func (g Guard) failedWait() error {
	return g.g.p.b.failed("wait", true, context.DeadlineExceeded)
}

// Signal notifies up to n who wait, the first first. The guard, which holds the lock of c, is one of this Cond.
func (c *Cond) Signal(ctx context.Context, g Guard, n int) error {
	g.g.held("Signal")
	return none(g.g.p.call(ctx, "notify", int64(n)))
}

// Broadcast notifies all who wait. The guard is as for Signal.
func (c *Cond) Broadcast(ctx context.Context, g Guard) error {
	g.g.held("Broadcast")
	return none(g.g.p.call(ctx, "notify_all"))
}
