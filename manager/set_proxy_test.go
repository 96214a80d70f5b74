package manager_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
)

func sorted(values []int) []int {
	slices.Sort(values)
	return values
}

func TestSet(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		s := must(manager.NewSet(ctx, c, 3, 1, 3))(t)
		ok(t, s.Add(ctx, 2))
		ok(t, s.Add(ctx, 2))
		ok(t, s.AddAll(ctx, 7, 8, 9, 1))
		if got := sorted(must(s.Values(ctx))(t)); !slices.Equal(got, []int{1, 2, 3, 7, 8, 9}) {
			t.Errorf("%v", got)
		}
		ok(t, s.Remove(ctx, 9))
		fails(t, s.Remove(ctx, 9), manager.ErrKey)
		ok(t, s.Discard(ctx, 9))
		ok(t, s.DiscardAll(ctx, 8, 10))
		ok(t, s.Retain(ctx, 1, 2, 7, 100))
		if n := must(s.Len(ctx))(t); n != 3 {
			t.Errorf("%d values", n)
		}
		if !must(s.Contains(ctx, 7))(t) || must(s.Contains(ctx, 3))(t) {
			t.Error("Contains")
		}
		var seen []int
		for v, err := range s.All(ctx) {
			ok(t, err)
			seen = append(seen, v)
		}
		if !slices.Equal(sorted(seen), []int{1, 2, 7}) {
			t.Errorf("All: %v", seen)
		}
		popped := must(s.Pop(ctx))(t)
		if !slices.Contains([]int{1, 2, 7}, popped) || must(s.Contains(ctx, popped))(t) {
			t.Errorf("popped %d", popped)
		}
		ok(t, s.Clear(ctx))
		_, err := s.Pop(ctx)
		fails(t, err, manager.ErrKey)
		if got := must(s.Values(ctx))(t); got == nil || len(got) > 0 {
			t.Errorf("after Clear: %v", got)
		}
		mixed := must(manager.NewSet[any](ctx, c))(t)
		ok(t, mixed.AddAll(ctx, "a", 1, nil))
		same := must(manager.AsSet[string](must(c.Create(ctx, "set", []string{"x"}))(t)))(t)
		if !must(same.Contains(ctx, "x"))(t) {
			t.Error("of a list of one")
		}
		_, err = manager.AsSet[int](must(c.Create(ctx, "list"))(t))
		fails(t, err, manager.ErrHandle)
	})
}

func TestSetsTogether(t *testing.T) {
	ctx, c := modetest.Patient(t), dialOurs(t, manager.Options{})
	a, b := must(manager.NewSet(ctx, c, 1, 2, 3))(t), must(manager.NewSet(ctx, c, 2, 3, 4))(t)
	for name, test := range map[string]struct {
		got  func(context.Context, *manager.Set[int]) ([]int, error)
		want []int
	}{
		"union":                {a.Union, []int{1, 2, 3, 4}},
		"intersection":         {a.Intersection, []int{2, 3}},
		"difference":           {a.Difference, []int{1}},
		"symmetric difference": {a.SymmetricDifference, []int{1, 4}},
	} {
		if got := sorted(must(test.got(ctx, b))(t)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	if must(a.IsSubset(ctx, b))(t) || !must(a.IsSubset(ctx, a))(t) || must(a.IsDisjoint(ctx, b))(t) {
		t.Error("IsSubset, IsDisjoint")
	}
}

func TestReentrantMutex(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		m := must(manager.NewReentrantMutex(ctx, c))(t)
		o, other := manager.NewOwner(), manager.NewOwner()
		first := must(m.Lock(ctx, o))(t)
		second := must(m.Lock(ctx, o))(t)
		third, got, err := m.TryLock(ctx, o)
		if !got || err != nil {
			t.Errorf("TryLock of the owner: %v, %v", got, err)
		}
		if _, got, err := m.TryLock(ctx, other); got || err != nil {
			t.Errorf("TryLock of another: %v, %v", got, err)
		}
		first.Unlock() // in any order
		third.Unlock()
		if _, got, err := m.TryLock(ctx, other); got || err != nil {
			t.Errorf("after two of three: %v, %v", got, err)
		}
		next := make(chan error, 1)
		go func() {
			next <- m.Do(ctx, other, func() error {
				return m.Do(ctx, other, func() error { return nil })
			})
		}()
		second.Unlock()
		ok(t, modetest.Receive(t, next, "the other's Do"))
		wantGuardPanic(t, second.Unlock)
		g := must(m.Lock(ctx, o))(t)
		g.Unlock()

		free := must(manager.NewReentrantMutex(ctx, c))(t) // owners are of any number of locks
		g1, g2 := must(m.Lock(ctx, o))(t), must(free.Lock(ctx, o))(t)
		g1.Unlock()
		if _, got, err := free.TryLock(ctx, other); got || err != nil {
			t.Errorf("of two locks, the second: %v, %v", got, err)
		}
		g2.Unlock()
	})
}

func wantGuardPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if _, is := recover().(*manager.GuardError); !is {
			t.Error("no panic with a GuardError")
		}
	}()
	f()
}

// TestReentrantMutexOfMany: two owners in each of some goroutines; what the lock protects is never seen in between.
func TestReentrantMutexOfMany(t *testing.T) {
	ctx, c := modetest.Patient(t), dialOurs(t, manager.Options{})
	m := must(manager.NewReentrantMutex(ctx, c))(t)
	inside := 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			o := manager.NewOwner()
			for range 50 {
				g, err := m.Lock(ctx, o)
				if err != nil {
					t.Error(err)
					return
				}
				if inside++; inside != 1 {
					t.Errorf("%d inside", inside)
				}
				again, err := m.Lock(ctx, o)
				if err != nil {
					t.Error(err)
					return
				}
				again.Unlock()
				inside--
				g.Unlock()
			}
		})
	}
	all.Wait()
}

// reentered takes a ReentrantMutex twice, says so, and waits for its end.
var reentered = multiproc.Proc("manager_test.reentered", func(ctx context.Context, s struct {
	Mutex *manager.ReentrantMutex
	Ready *manager.Event
}) error {
	o := manager.NewOwner()
	_, err := s.Mutex.Lock(ctx, o)
	_, err1 := s.Mutex.Lock(ctx, o)
	if err := errors.Join(err, err1, s.Ready.Set(ctx)); err != nil {
		return err
	}
	<-ctx.Done()
	time.Sleep(time.Hour)
	return nil
})

// TestReentrantHolderIsKilled: it is free, however often it was held, and the next is told.
func TestReentrantHolderIsKilled(t *testing.T) {
	modetest.NeedProcess(t, "kills one")
	ctx, c := modetest.Patient(t), dialOurs(t, manager.Options{})
	m, ready := must(manager.NewReentrantMutex(ctx, c))(t), must(manager.NewEvent(ctx, c))(t)
	call := must(reentered.Start(ctx, struct {
		Mutex *manager.ReentrantMutex
		Ready *manager.Event
	}{m, ready}))(t)
	ok(t, ready.Wait(ctx))
	o := manager.NewOwner()
	ok(t, call.Kill())
	call.Wait(ctx)
	g := must(m.Lock(ctx, o))(t)
	if !g.Abandoned() {
		t.Error("nobody is told")
	}
	again := must(m.Lock(ctx, o))(t)
	ok(t, again.Repaired(ctx))
	again.Unlock()
	g.Unlock()
	ok(t, m.Do(ctx, o, func() error { return nil }))
}
