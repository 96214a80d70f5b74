package manager_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
)

// synced is what a child uses of the server.
type synced struct {
	Mutex *manager.Mutex
	RW    *manager.RWMutex
	Sem   *manager.Semaphore
	Cond  *manager.Cond
	Queue *manager.Queue[string]
	Count *manager.Counter
	Ready *manager.Event
}

// takeAll takes what there is, says so, and waits for its end.
var takeAll = multiproc.Proc("manager_test.takeAll", func(ctx context.Context, s synced) error {
	_, err := s.Mutex.Lock(ctx)
	_, err1 := s.RW.Lock(ctx)
	_, err2 := s.Sem.Acquire(ctx)
	_, err3 := s.Cond.Lock(ctx)
	_, err4 := s.Count.Add(ctx, 1)
	if err := errors.Join(err, err1, err2, err3, err4, s.Ready.Set(ctx)); err != nil {
		return err
	}
	_, err = s.Queue.Get(ctx) // there is none
	return err
})

func newSynced(t *testing.T, ctx context.Context, c *manager.Client) synced {
	return synced{
		must(manager.NewMutex(ctx, c))(t), must(manager.NewRWMutex(ctx, c))(t), must(manager.NewSemaphore(ctx, c, 1))(t),
		must(manager.NewCond(ctx, c))(t), must(manager.NewQueue[string](ctx, c, 2))(t), must(manager.NewCounter(ctx, c, 0))(t),
		must(manager.NewEvent(ctx, c))(t),
	}
}

// TestHolderIsKilled: what a killed process held is given to the next, who is told.
func TestHolderIsKilled(t *testing.T) {
	modetest.NeedProcess(t, "kills one")
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			ctx := modetest.Patient(t)
			c := dialOurs(t, manager.Options{Network: network})
			s := newSynced(t, ctx, c)
			call := must(takeAll.Start(ctx, s))(t)
			ok(t, s.Ready.Wait(ctx))
			if _, free, err := s.Mutex.TryLock(ctx); free || err != nil {
				t.Errorf("the child's lock is free: %v", err)
			}
			ok(t, call.Kill())
			g := must(s.Mutex.Lock(ctx))(t)
			if !g.Abandoned() {
				t.Error("the lock of the dead is not Abandoned")
			}
			g.Unlock()
			if err := s.Mutex.Do(ctx, func() error { return nil }); !errors.Is(err, manager.ErrAbandoned) {
				t.Errorf("Do: %v", err)
			}
			g = must(s.Mutex.Lock(ctx))(t)
			ok(t, g.Repaired(ctx))
			g.Unlock()
			ok(t, s.Mutex.Do(ctx, func() error { return nil }))
			w := must(s.RW.RLock(ctx))(t)
			if !w.Abandoned() {
				t.Error("the RWMutex of the dead writer is not Abandoned")
			}
			w.Unlock()
			must(s.Sem.Acquire(ctx))(t).Release()
			must(s.Cond.Lock(ctx))(t).Unlock()
			ok(t, s.Queue.Put(ctx, "not for the dead"))
			if item := must(s.Queue.Get(ctx))(t); item != "not for the dead" {
				t.Errorf("the queue has %q", item)
			}
			if n := must(s.Count.Load(ctx))(t); n != 1 {
				t.Errorf("the counter is %d", n)
			}
		})
	}
}

func panics(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if _, isGuard := recover().(*manager.GuardError); !isGuard {
			t.Errorf("%s did not panic", what)
		}
	}()
	f()
}

func TestSyncProxies(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		m := must(manager.NewMutex(ctx, c))(t)
		g := must(m.Lock(ctx))(t)
		if _, free, err := m.TryLock(ctx); free || err != nil {
			t.Errorf("TryLock of a held lock: %v, %v", free, err)
		}
		if g.Abandoned() {
			t.Error("a new lock is Abandoned")
		}
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		if !c.IsPython() { // there a ghost would wait on
			_, err := m.Lock(short)
			fails(t, err, context.DeadlineExceeded)
		}
		cancel()
		g.Unlock()
		panics(t, "a second Unlock", g.Unlock)
		panics(t, "the zero Guard", manager.Guard{}.Unlock)
		must(m.Lock(ctx))(t).Unlock() // behind the one that was given up, should the server not know of it yet
		g, free, err := m.TryLock(ctx)
		if !free || err != nil {
			t.Fatalf("TryLock of a free lock: %v, %v", free, err)
		}
		g.Unlock()

		cond, list := must(manager.NewCond(ctx, c))(t), must(manager.NewList[int](ctx, c))(t)
		waits := make(chan error, 1)
		g = must(cond.Lock(ctx))(t)
		go func() {
			g, err := cond.Lock(ctx)
			for n := 0; err == nil && n == 0; n, err = list.Len(ctx) {
				if err = cond.Wait(ctx, g); err != nil {
					break
				}
			}
			g.Unlock()
			waits <- err
		}()
		ok(t, cond.Signal(ctx, g, 1)) // nobody has the lock to wait yet
		g.Unlock()
		for len(waits) == 0 { // until it does wait, there is nobody to notify
			g = must(cond.Lock(ctx))(t)
			if must(list.Len(ctx))(t) == 0 {
				ok(t, list.Append(ctx, 1))
			}
			ok(t, cond.Broadcast(ctx, g))
			g.Unlock()
		}
		ok(t, <-waits)
		g = must(cond.Lock(ctx))(t)
		short, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
		fails(t, cond.Wait(short, g), context.DeadlineExceeded)
		cancel()
		ok(t, cond.Broadcast(ctx, g)) // it is held again
		g.Unlock()

		sem := must(manager.NewBoundedSemaphore(ctx, c, 1))(t)
		fails(t, sem.Post(ctx, 1), manager.ErrValue)
		ok(t, sem.Wait(ctx))
		ok(t, sem.Post(ctx, 1))

		event := must(manager.NewEvent(ctx, c))(t)
		ok(t, event.Set(ctx))
		ok(t, event.Wait(ctx))
		ok(t, event.Clear(ctx))
		if must(event.IsSet(ctx))(t) {
			t.Error("the event is set")
		}

		b := must(manager.NewBarrier(ctx, c, 2))(t)
		other := make(chan int, 1)
		go func() { i, _ := b.Wait(ctx); other <- i }()
		if i, j := must(b.Wait(ctx))(t), <-other; i+j != 1 {
			t.Errorf("the indices are %d and %d", i, j)
		}
		ok(t, b.Abort(ctx))
		_, err = b.Wait(ctx)
		fails(t, err, manager.ErrBrokenBarrier)
		if !must(b.Broken(ctx))(t) || must(b.Parties(ctx))(t) != 2 || must(b.Waiting(ctx))(t) != 0 {
			t.Error("the barrier is not broken, of two")
		}
		ok(t, b.Reset(ctx))

		q := must(manager.NewQueue[map[string]int](ctx, c, 1))(t)
		ok(t, q.Put(ctx, map[string]int{"a": 1}))
		if put, err := q.TryPut(ctx, nil); put || err != nil {
			t.Errorf("TryPut to a full queue: %v, %v", put, err)
		}
		if n := must(q.Len(ctx))(t); n != 1 {
			t.Errorf("Len is %d", n)
		}
		if item := must(q.Get(ctx))(t); item["a"] != 1 {
			t.Errorf("the item is %v", item)
		}
		if _, got, err := q.TryGet(ctx); got || err != nil {
			t.Errorf("TryGet of an empty queue: %v, %v", got, err)
		}
		ok(t, q.TaskDone(ctx))
		ok(t, q.Join(ctx))
		fails(t, q.TaskDone(ctx), manager.ErrValue)
		if c.IsPython() {
			_, err := manager.NewRWMutex(ctx, c)
			if err == nil {
				t.Error("CPython has an RWLock")
			}
			_, err = q.Cap(ctx)
			fails(t, err, errors.ErrUnsupported)
			return
		}
		if n := must(q.Cap(ctx))(t); n != 1 {
			t.Errorf("Cap is %d", n)
		}
		ok(t, q.Shutdown(ctx, false))
		_, err = q.Get(ctx)
		fails(t, err, manager.ErrShutDown)
		count := must(manager.NewCounter(ctx, c, 5))(t)
		if n := must(count.Add(ctx, -2))(t); n != 3 {
			t.Errorf("the count is %d", n)
		}
		ok(t, count.Store(ctx, 7))
		if !must(count.CompareAndSwap(ctx, 7, 8))(t) || must(count.CompareAndSwap(ctx, 7, 9))(t) {
			t.Error("CompareAndSwap")
		}
		rw := must(manager.NewRWMutex(ctx, c))(t)
		r1, r2 := must(rw.RLock(ctx))(t), must(rw.RLock(ctx))(t)
		r1.Unlock()
		r2.Unlock()
		must(rw.Lock(ctx))(t).Unlock()
		p, got, err := sem.TryAcquire(ctx)
		if !got || err != nil || must(sem.Value(ctx))(t) != 0 {
			t.Errorf("TryAcquire: %v, %v", got, err)
		}
		p.Release()
		if _, err := c.Create(ctx, "Pool", 4); err == nil || !containsAll(err.Error(), "no Python code", "multiprocessing.Pool") {
			t.Errorf("a Pool: %v", err)
		}
	})
}

func containsAll(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// TestLocksAreNoSemaphores: Python has one class of proxies for both.
func TestLocksAreNoSemaphores(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		for _, typeid := range []string{"Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event"} {
			p := must(c.Create(ctx, typeid))(t)
			_, asLock := manager.AsMutex(p)
			_, asSemaphore := manager.AsSemaphore(p)
			isLock, isSemaphore := strings.HasSuffix(typeid, "Lock"), strings.HasSuffix(typeid, "Semaphore")
			if (asLock == nil) != isLock || (asSemaphore == nil) != isSemaphore {
				t.Errorf("%s: as a Mutex %v, as a Semaphore %v", typeid, asLock, asSemaphore)
			}
			data := must(p.MarshalBinary())(t)
			if isLock {
				fails(t, new(manager.Semaphore).UnmarshalBinary(data), manager.ErrHandle)
			} else {
				fails(t, new(manager.Mutex).UnmarshalBinary(data), manager.ErrHandle)
			}
		}
	})
}

// leaveHeld takes what there is and ends, with all of it in its hands.
var leaveHeld = multiproc.Proc("manager_test.leaveHeld", func(ctx context.Context, s leaving) error {
	o := manager.NewOwner()
	_, err := s.Mutex.Lock(ctx)
	_, err1 := s.RW.Lock(ctx)
	_, err2 := s.Sem.Acquire(ctx)
	_, err3 := s.Cond.Lock(ctx)
	_, err4 := s.Again.Lock(ctx, o)
	_, err5 := s.Again.Lock(ctx, o)
	g, err6 := s.Other.Lock(ctx)
	g.Unlock() // but this one
	return errors.Join(err, err1, err2, err3, err4, err5, err6)
})

type leaving struct {
	Mutex, Other *manager.Mutex
	RW           *manager.RWMutex
	Sem          *manager.Semaphore
	Cond         *manager.Cond
	Again        *manager.ReentrantMutex
}

// TestEndWithGuards: the end of an entry, in a process or a goroutine, gives up what it holds.
func TestEndWithGuards(t *testing.T) {
	ctx := modetest.Patient(t)
	c := dialOurs(t, manager.Options{})
	s := leaving{
		must(manager.NewMutex(ctx, c))(t), must(manager.NewMutex(ctx, c))(t), must(manager.NewRWMutex(ctx, c))(t),
		must(manager.NewSemaphore(ctx, c, 1))(t), must(manager.NewCond(ctx, c))(t), must(manager.NewReentrantMutex(ctx, c))(t),
	}
	call := must(leaveHeld.Start(ctx, s))(t)
	ok(t, call.Wait(ctx))
	guards := map[string]manager.Guard{
		"Mutex": must(s.Mutex.Lock(ctx))(t), "RWMutex": must(s.RW.Lock(ctx))(t), "Cond": must(s.Cond.Lock(ctx))(t),
		"ReentrantMutex": must(s.Again.Lock(ctx, manager.NewOwner()))(t),
	}
	for name, g := range guards {
		if !g.Abandoned() {
			t.Errorf("%s: nobody is told", name)
		}
		g.Unlock()
	}
	must(s.Sem.Acquire(ctx))(t).Release()
	g := must(s.Other.Lock(ctx))(t)
	if g.Abandoned() {
		t.Error("what was unlocked is abandoned")
	}
	g.Unlock()
}
