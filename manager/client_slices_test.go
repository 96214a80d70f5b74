package manager_test

import (
	"context"
	"testing"
	"time"

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
