package manager_test

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
)

// waitable makes a server in which a call can be made to wait.
func waitable(t *testing.T, test func(t *testing.T, ctx context.Context, c *manager.Client, waiting *manager.Proxy, wake func())) {
	eachAge(t, func(t *testing.T, p pyVersion) {
		ctx := modetest.Patient(t)
		c := p.serve(t, "unix").dial(t)
		event := must(c.Create(ctx, "Event"))(t)
		test(t, ctx, c, event, func() { must(event.Call(ctx, "set"))(t) })
	})
}

// TestCancel ends the context of a call that waits in the server, or is on its way there.
func TestCancel(t *testing.T) {
	waitable(t, func(t *testing.T, ctx context.Context, c *manager.Client, event *manager.Proxy, wake func()) {
		soon, cancel := context.WithCancel(ctx)
		result := make(chan error, 1)
		go func() {
			_, err := event.Call(soon, "wait")
			result <- err
		}()
		// The call has nothing that ends it but cancel, whether it has begun or not.
		cancel()
		err := modetest.Receive(t, result, "result")
		fails(t, err, context.Canceled)
		var e *manager.CallError
		if !errors.As(err, &e) {
			t.Errorf("the error is %#v", err)
		}
		// Others go on, and so does this Client.
		if v := must(event.Call(ctx, "is_set"))(t); v != false {
			t.Errorf("is_set: %v", v)
		}
		wake()
		if v := must(event.Call(ctx, "wait"))(t); v != true {
			t.Errorf("wait: %v", v)
		}
		_, err = event.Call(modetest.Ended(), "wait")
		fails(t, err, context.Canceled)
		if !errors.As(err, &e) || e.Sent {
			t.Errorf("a call that was not sent: %#v", err)
		}
	})
}

// TestCloseUnderCall closes the Client while a call waits.
func TestCloseUnderCall(t *testing.T) {
	waitable(t, func(t *testing.T, ctx context.Context, c *manager.Client, event *manager.Proxy, wake func()) {
		result := make(chan error, 1)
		go func() {
			_, err := event.Call(ctx, "wait")
			result <- err
		}()
		ok(t, c.Close())
		fails(t, modetest.Receive(t, result, "result"), manager.ErrClosed)
		_, err := event.Call(ctx, "is_set")
		fails(t, err, manager.ErrClosed)
		ok(t, event.Close())
	})
}

// TestDeathUnderCall kills the server while a call waits.
func TestDeathUnderCall(t *testing.T) {
	eachAge(t, func(t *testing.T, p pyVersion) {
		ctx := modetest.Patient(t)
		s := p.serve(t, "unix")
		c := s.dial(t)
		event := must(c.Create(ctx, "Event"))(t)
		result := make(chan error, 1)
		go func() {
			_, err := event.Call(ctx, "wait")
			result <- err
		}()
		ok(t, s.cmd.Process.Signal(syscall.SIGKILL))
		fails(t, modetest.Receive(t, result, "result"), manager.ErrGone)
		_, err := event.Call(ctx, "is_set")
		fails(t, err, manager.ErrGone)
	})
}

// TestManyGoroutines has more goroutines than calls may be under way.
func TestManyGoroutines(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		network, address := c.Address()
		few := must(manager.Dial(ctx, network, address, manager.DialOptions{Authkey: c.Authkey(), MaxCalls: 4, MaxIdle: 2}))(t)
		defer few.Close()
		l := must(manager.NewList[int](ctx, few))(t)
		var wait sync.WaitGroup
		const goroutines, rounds = 20, 10
		for i := range goroutines {
			wait.Go(func() {
				for range rounds {
					if err := l.Append(ctx, i); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wait.Wait()
		if n := must(l.Len(ctx))(t); n != goroutines*rounds {
			t.Errorf("Len: %d", n)
		}
		for i := range goroutines {
			if n := must(l.Count(ctx, i))(t); n != rounds {
				t.Errorf("%d of goroutine %d", n, i)
			}
		}
	})
}

// TestMaxCalls has one call under way, and another wait for its place.
func TestMaxCalls(t *testing.T) {
	waitable(t, func(t *testing.T, ctx context.Context, c *manager.Client, _ *manager.Proxy, _ func()) {
		network, address := c.Address()
		one := must(manager.Dial(ctx, network, address, manager.DialOptions{Authkey: c.Authkey(), MaxCalls: 1}))(t)
		defer one.Close()
		event := must(one.Create(ctx, "Event"))(t)
		result := make(chan error, 1)
		go func() {
			_, err := event.Call(ctx, "wait")
			result <- err
		}()
		soon, cancel := context.WithCancel(ctx)
		second := make(chan error, 1)
		go func() {
			_, err := event.Call(soon, "wait")
			second <- err
		}()
		cancel() // whether it has a place or not
		fails(t, modetest.Receive(t, second, "result of the second"), context.Canceled)
		// The first still has the only place, or will have it. Through another client:
		must(must(manager.AsList[any](viewList(t, ctx, c, event)))(t).Len(ctx))(t)
		wakeUp(t, ctx, c, event)
		ok(t, modetest.Receive(t, result, "result of the first"))
		if v := must(event.Call(ctx, "is_set"))(t); v != true {
			t.Errorf("is_set: %v", v)
		}
	})
}

// viewList is a list of another client with a proxy in it.
func viewList(t testing.TB, ctx context.Context, c *manager.Client, p *manager.Proxy) *manager.Proxy {
	t.Helper()
	l := must(c.Create(ctx, "list"))(t)
	must(l.Call(ctx, "append", p))(t)
	return l
}

// wakeUp sets an event through another client.
func wakeUp(t testing.TB, ctx context.Context, c *manager.Client, event *manager.Proxy) {
	t.Helper()
	p := must(viewList(t, ctx, c, event).Call(ctx, "__getitem__", 0))(t).(*manager.Proxy)
	must(p.Call(ctx, "set"))(t)
}

func TestShutdown(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		l := must(manager.NewList[int](ctx, c))(t)
		ok(t, c.Shutdown(ctx))
		for {
			_, err := l.Len(ctx)
			if err == nil {
				continue // it is ending
			}
			fails(t, err, manager.ErrGone)
			return
		}
	})
}
