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
func (c *Cond) Wait(ctx context.Context, g Guard) error {
	g.g.held("Wait")
	if ctx.Done() != nil && !g.g.p.b.h.s.kind().ours {
		return c.waitInSlices(ctx, g)
	}
	deadline, limited := ctx.Deadline()
	if !limited {
		return none(g.g.p.call(ctx, "wait"))
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
	notified, err := g.g.p.call(within, "wait", max(0, time.Until(deadline).Seconds()))
	if err == nil && notified != true {
		err = g.failedWait()
	}
	return err
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
