package manager_test

import (
	"context"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
)

// TestGivenUpTakesNothing: calls that have ended by their context, while they waited in whatever server, do not take what comes later.
func TestGivenUpTakesNothing(t *testing.T) {
	const rounds = 3
	soon := func(ctx context.Context) context.Context {
		short, cancel := context.WithTimeout(ctx, 30*time.Millisecond) // mostly it waits in the server then
		t.Cleanup(cancel)
		return short
	}
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		m := must(manager.NewMutex(ctx, c))(t)
		for range rounds {
			g := must(m.Lock(ctx))(t)
			_, err := m.Lock(soon(ctx))
			fails(t, err, context.DeadlineExceeded)
			g.Unlock()
		}
		must(m.Lock(ctx))(t).Unlock()

		q := must(manager.NewQueue[int](ctx, c, 0))(t)
		for i := range rounds {
			_, err := q.Get(soon(ctx))
			fails(t, err, context.DeadlineExceeded)
			ok(t, q.Put(ctx, i))
			if n := must(q.Get(ctx))(t); n != i {
				t.Errorf("%d, not %d", n, i)
			}
		}

		s := must(manager.NewSemaphore(ctx, c, 0))(t)
		for range rounds {
			fails(t, s.Wait(soon(ctx)), context.DeadlineExceeded)
			ok(t, s.Post(ctx, 1))
			ok(t, s.Wait(ctx))
		}
	})
}

// TestGivenUpWaitIsForgotten: a Cond.Wait that was cancelled keeps no lock from anybody, and no notification.
func TestGivenUpWaitIsForgotten(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		cond := must(manager.NewCond(ctx, c))(t)
		g := must(cond.Lock(ctx))(t)
		soon, cancel := context.WithCancel(ctx)
		time.AfterFunc(150*time.Millisecond, cancel) // mostly it waits in the server then
		fails(t, cond.Wait(soon, g), context.Canceled)
		g.Unlock()

		// With a deadline it has the lock again.
		g = must(cond.Lock(ctx))(t)
		short, cancel := context.WithTimeout(ctx, 150*time.Millisecond)
		defer cancel()
		fails(t, cond.Wait(short, g), context.DeadlineExceeded)
		waits := make(chan error, 1)
		go func() {
			other, err := cond.Lock(ctx)
			if err == nil {
				waits <- nil
				err = cond.Wait(ctx, other)
				other.Unlock()
			}
			waits <- err
		}()
		g.Unlock()
		ok(t, modetest.Receive(t, waits, "lock"))
		for range 2 { // who notifies has the lock, so that the other waits by then
			g = must(cond.Lock(ctx))(t)
			ok(t, cond.Signal(ctx, g, 1))
			g.Unlock()
		}
		ok(t, modetest.Receive(t, waits, "notification"))
		must(cond.Lock(ctx))(t).Unlock()
	})
}

// TestWaitInSlices: what is to be had after some slices is taken.
func TestWaitInSlices(t *testing.T) {
	everyPython(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		p := must(c.Create(ctx, "SlowLock"))(t)
		m := must(manager.AsMutex(p))(t)
		g := must(m.Lock(ctx))(t)
		if text := must(m.Repr(ctx))(t); text != "SlowLock, asked 3 times" {
			t.Error(text)
		}
		g.Unlock()
		if text := must(p.Repr(ctx))(t); text != "SlowLock, released" {
			t.Error(text)
		}
	})
}

// TestNoLock: what a program in Python calls a lock, and does not lock, is not held.
func TestNoLock(t *testing.T) {
	everyPython(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		m := must(manager.AsMutex(must(c.Create(ctx, "NoLock"))(t)))(t)
		if g, err := m.Lock(context.Background()); err == nil {
			t.Errorf("Lock: %v", g)
		}
	})
}
