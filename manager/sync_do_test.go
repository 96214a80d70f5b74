package manager_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
)

// doer is what the locks have in common.
type doer struct {
	name       string
	do, repair func(context.Context, func() error) error
	lock       func(context.Context) (manager.Guard, error)
}

func doers(t *testing.T, ctx context.Context, c *manager.Client) []doer {
	m, r := must(manager.NewMutex(ctx, c))(t), must(manager.NewReentrantMutex(ctx, c))(t)
	owned := func(f func(context.Context, *manager.Owner, func() error) error) func(context.Context, func() error) error {
		return func(ctx context.Context, fn func() error) error { return f(ctx, manager.NewOwner(), fn) }
	}
	list := []doer{
		{"Mutex", m.Do, m.Repair, m.Lock},
		{"ReentrantMutex", owned(r.Do), owned(r.Repair), func(ctx context.Context) (manager.Guard, error) { return r.Lock(ctx, manager.NewOwner()) }},
	}
	if !c.IsPython() {
		w := must(manager.NewRWMutex(ctx, c))(t)
		list = append(list, doer{"RWMutex", w.Do, w.Repair, w.Lock})
	}
	return list
}

// TestDo: a panic or a Goexit out of Do abandons the lock, an error does not, and Repair ends that.
func TestDo(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		tells := !c.IsPython()
		for _, d := range doers(t, ctx, c) {
			t.Run(d.name, func(t *testing.T) {
				isAbandoned := func(want bool) {
					t.Helper()
					g := must(d.lock(ctx))(t)
					if got := g.Abandoned(); got != want {
						t.Errorf("abandoned: %v", got)
					}
					g.Unlock()
				}
				wrong := errors.New("wrong")
				fails(t, d.do(ctx, func() error { return wrong }), wrong)
				isAbandoned(false)
				func() {
					defer func() {
						if p := recover(); p != "within" {
							t.Errorf("the panic is %v", p)
						}
					}()
					d.do(ctx, func() error { panic("within") })
				}()
				isAbandoned(tells)
				if tells {
					fails(t, d.do(ctx, func() error { t.Error("it is abandoned"); return nil }), manager.ErrAbandoned)
				}
				fails(t, d.repair(ctx, func() error { return wrong }), wrong)
				isAbandoned(tells)
				ok(t, d.repair(ctx, func() error { return nil }))
				isAbandoned(false)
				ok(t, d.do(ctx, func() error { return nil }))
				var exits sync.WaitGroup
				exits.Go(func() { d.repair(ctx, func() error { runtime.Goexit(); return nil }) })
				exits.Wait()
				isAbandoned(tells)
				ended, cancel := context.WithCancel(ctx)
				cancel()
				for _, do := range []func(context.Context, func() error) error{d.do, d.repair} {
					fails(t, do(ended, func() error { t.Error("it has begun"); return nil }), context.Canceled)
				}
			})
		}
	})
}

// TestDoWithin: a panic in an inner Do of one owner is known outside, where the lock is still held.
func TestDoWithin(t *testing.T) {
	ctx := modetest.Patient(t)
	c := dialOurs(t, manager.Options{})
	m, o := must(manager.NewReentrantMutex(ctx, c))(t), manager.NewOwner()
	g := must(m.Lock(ctx, o))(t)
	func() {
		defer func() { recover() }()
		m.Do(ctx, o, func() error { panic("within") })
	}()
	if !g.Abandoned() {
		t.Error("the outer guard does not know")
	}
	if _, free, err := m.TryLock(ctx, manager.NewOwner()); free || err != nil {
		t.Errorf("the lock is free: %v", err)
	}
	ok(t, g.Repaired(ctx))
	g.Unlock()
	ok(t, m.Do(ctx, manager.NewOwner(), func() error { return nil }))
}

// TestTry: what is not to be had at once is not waited for.
func TestTry(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		sem := must(manager.NewSemaphore(ctx, c, 1))(t)
		for _, want := range []bool{true, false} {
			if got := must(sem.TryWait(ctx))(t); got != want {
				t.Errorf("TryWait: %v", got)
			}
		}
		ok(t, sem.Post(ctx, 1))
		if c.IsPython() {
			fails(t, sem.Do(ctx, func() error { return nil }), errors.ErrUnsupported)
			return
		}
		ok(t, sem.Do(ctx, func() error {
			if n := must(sem.Value(ctx))(t); n != 0 {
				t.Errorf("%d permits in Do", n)
			}
			return nil
		}))
		if n := must(sem.Value(ctx))(t); n != 1 {
			t.Errorf("%d permits after Do", n)
		}
		rw := must(manager.NewRWMutex(ctx, c))(t)
		try := func(take func(context.Context) (manager.Guard, bool, error), want bool) manager.Guard {
			t.Helper()
			g, got, err := take(ctx)
			if got != want || err != nil {
				t.Errorf("%v, %v", got, err)
			}
			return g
		}
		r1, r2 := try(rw.TryRLock, true), try(rw.TryRLock, true)
		try(rw.TryLock, false)
		r1.Unlock()
		r2.Unlock()
		w := try(rw.TryLock, true)
		try(rw.TryRLock, false)
		try(rw.TryLock, false)
		w.Unlock()
		func() {
			defer func() { recover() }()
			rw.RDo(ctx, func() error { panic("a reader leaves nothing behind") })
		}()
		ok(t, rw.RDo(ctx, func() error { return nil }))
	})
}

// TestWaitFor: a condition that becomes true, or whose lock a dead one held meanwhile.
func TestWaitFor(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		cond, n := must(manager.NewCond(ctx, c))(t), must(manager.NewValue(ctx, c, 0))(t)
		g := must(cond.Lock(ctx))(t)
		wrong := errors.New("wrong")
		fails(t, cond.WaitFor(ctx, g, func() (bool, error) { return false, wrong }), wrong)
		waits := make(chan struct{})
		other := make(chan error, 1)
		go func() {
			<-waits
			g, err := cond.Lock(ctx) // not before the first waits
			if err == nil {
				err = errors.Join(n.Set(ctx, 1), cond.Broadcast(ctx, g))
				g.Unlock()
			}
			other <- err
		}()
		times := 0
		ok(t, cond.WaitFor(ctx, g, func() (bool, error) {
			if times++; times == 1 {
				close(waits)
			}
			is, err := n.Get(ctx)
			return is == 1, err
		}))
		ok(t, <-other)
		if times != 2 || g.Abandoned() {
			t.Errorf("looked %d times, abandoned: %v", times, g.Abandoned())
		}
		g.Unlock()
	})
}

// notifyAndDie signals and ends with the lock in its hands.
var notifyAndDie = multiproc.Proc("manager_test.notifyAndDie", func(ctx context.Context, cond *manager.Cond) error {
	g, err := cond.Lock(ctx)
	if err != nil {
		return err
	}
	return cond.Broadcast(ctx, g)
})

func TestWaitForAfterADeath(t *testing.T) {
	ctx := modetest.Patient(t)
	c := dialOurs(t, manager.Options{})
	cond := must(manager.NewCond(ctx, c))(t)
	g := must(cond.Lock(ctx))(t)
	var dying *multiproc.Call[multiproc.None]
	err := cond.WaitFor(ctx, g, func() (bool, error) {
		if dying != nil {
			t.Error("the predicate was called although nobody knows what it would see")
		}
		var err error
		dying, err = notifyAndDie.Start(ctx, cond)
		return false, err
	})
	fails(t, err, manager.ErrAbandoned)
	if !g.Abandoned() {
		t.Error("the guard does not know")
	}
	ok(t, g.Repaired(ctx))
	g.Unlock()
	ok(t, dying.Wait(ctx))
}

// failWith ends with an error of a package.
var failWith = multiproc.Proc("manager_test.failWith", func(_ context.Context, i int) error { return sentinels[i] })

var sentinels = []error{
	manager.ErrClosed, manager.ErrEmptyKey, manager.ErrUnflushed, manager.ErrUnsupported, manager.ErrAuthentication, manager.ErrAddress, manager.ErrAbandoned,
	conn.ErrLength, conn.ErrInterrupted, conn.ErrNoKey,
}

// TestSentinels: errors.Is knows them where they came from another process.
func TestSentinels(t *testing.T) {
	ctx := modetest.Patient(t)
	for i, err := range sentinels {
		fails(t, must(failWith.Start(ctx, i))(t).Wait(ctx), err)
	}
	fails(t, manager.ErrUnsupported, errors.ErrUnsupported)
}
