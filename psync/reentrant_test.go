package psync_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

func newReentrant(t testing.TB) *psync.ReentrantMutex {
	t.Helper()
	m, err := psync.NewReentrantMutex()
	must(t, err)
	t.Cleanup(func() { m.Close() })
	return m
}

func newOwner(t testing.TB) psync.Owner {
	t.Helper()
	o, err := psync.NewOwner()
	must(t, err)
	return o
}

func mustReenter(t testing.TB, m *psync.ReentrantMutex, o psync.Owner, depth int) psync.ReentrantGuard {
	t.Helper()
	g, err := m.Lock(modetest.Patient(t), o)
	must(t, err)
	if g.Depth() != depth {
		t.Errorf("depth %d, want %d", g.Depth(), depth)
	}
	return g
}

func TestReentrantMutex(t *testing.T) {
	m, me, other := newReentrant(t), newOwner(t), newOwner(t)
	if me == other {
		t.Fatal("two owners are one")
	}
	refused := func(what string) {
		t.Helper()
		if _, ok := m.TryLock(other); ok {
			t.Errorf("%s: another owner has it too", what)
		}
		if _, err := m.Lock(modetest.Ended(), other); err != context.Canceled {
			t.Errorf("%s: %v", what, err)
		}
	}
	for range 3 {
		a := mustReenter(t, m, me, 1)
		refused("once")
		b := mustReenter(t, m, me, 2)
		c, ok := m.TryLock(me)
		if !ok || c.Depth() != 3 {
			t.Fatal("TryLock of its owner")
		}
		d, err := m.Lock(modetest.Ended(), me) // it need not wait
		must(t, err)
		refused("four times")
		d.Unlock()
		c.Unlock()
		wantGuardError(t, "used", "Unlock", c.Unlock)
		wantGuardError(t, "not the latest", "Unlock", a.Unlock)
		c = mustReenter(t, m, me, 3)
		wantGuardError(t, "used, at the same depth", "Unlock", d.Unlock)
		c.Unlock()
		b.Unlock()
		refused("once again")
		a.Unlock()
		for _, g := range []psync.ReentrantGuard{a, b, c} {
			wantGuardError(t, "used", "Unlock", g.Unlock)
			wantGuardError(t, "used", "Repaired", g.Repaired)
		}
		g := mustReenter(t, m, other, 1)
		wantGuardError(t, "used, and another has it", "Unlock", a.Unlock)
		g.Unlock()
	}
	wantGuardError(t, "zero", "Unlock", psync.ReentrantGuard{}.Unlock)
	wantGuardError(t, "zero", "Abandoned", func() { psync.ReentrantGuard{}.Abandoned() })
	if modetest.PanicOf(func() { m.Lock(t.Context(), psync.Owner{}) }) == nil {
		t.Error("the zero Owner has locked it")
	}
}

func TestReentrantDo(t *testing.T) {
	m, me := newReentrant(t), newOwner(t)
	ctx := modetest.Patient(t)
	ran := 0
	outer := func(inner func() error) error {
		return m.Do(ctx, me, func() error { ran++; return m.Do(ctx, me, inner) })
	}
	if err := outer(func() error { ran++; return errTest }); err != errTest || ran != 2 {
		t.Errorf("%v, ran %d times", err, ran)
	}
	if p := modetest.PanicOf(func() { outer(func() error { panic(errTest) }) }); p != errTest {
		t.Errorf("panic %v", p)
	}
	if err := outer(never); !errors.Is(err, psync.ErrAbandoned) {
		t.Errorf("after a panic: %v", err)
	}
	if err := m.Repair(ctx, me, func() error { return errTest }); err != errTest {
		t.Error(err)
	}
	if err := m.Do(ctx, me, never); !errors.Is(err, psync.ErrAbandoned) {
		t.Errorf("after a repair that failed: %v", err)
	}
	must(t, m.Repair(ctx, me, func() error { return nil }))
	// A panic inside of two: the outer one, which goes on, finds it abandoned.
	must(t, m.Do(ctx, me, func() error {
		modetest.PanicOf(func() { m.Do(ctx, me, func() error { panic(errTest) }) })
		if err := m.Do(ctx, me, never); !errors.Is(err, psync.ErrAbandoned) {
			t.Errorf("inside of the other: %v", err)
		}
		return m.Repair(ctx, me, func() error { return nil })
	}))
	if err := m.Do(modetest.Ended(), me, never); err != context.Canceled {
		t.Error(err)
	}
	mustReenter(t, m, newOwner(t), 1).Unlock()
}

type reentrantJob struct {
	M     *psync.ReentrantMutex
	Total *shm.Value[int64]
	Turns int
	Seed  uint64
	How   string
}

// reenter adds 1 at some depth, with two owners in two goroutines.
var reenter = multiproc.Proc("reenter", func(ctx context.Context, j reentrantJob) error {
	var errs [2]error
	var wg sync.WaitGroup
	for i := range errs {
		rnd := rand.New(rand.NewPCG(j.Seed, uint64(i)))
		wg.Go(func() {
			o, err := psync.NewOwner()
			for range j.Turns {
				if err != nil {
					break
				}
				err = j.deeper(ctx, o, rnd, 1+rnd.IntN(4))
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return errors.Join(errs[:]...)
})

func (j reentrantJob) deeper(ctx context.Context, o psync.Owner, rnd *rand.Rand, n int) error {
	g, err := j.M.Lock(ctx, o)
	if err != nil {
		return err
	}
	defer g.Unlock()
	if rnd.IntN(20) == 0 {
		runtime.Gosched()
	}
	if n > 1 {
		return j.deeper(ctx, o, rnd, n-1)
	}
	j.Total.Store(j.Total.Load() + 1)
	return nil
}

// TestReentrantBetweenProcesses: nobody is inside with another, at whatever depth.
func TestReentrantBetweenProcesses(t *testing.T) {
	const processes = 4
	j := reentrantJob{M: newReentrant(t), Total: newValue(t), Turns: 1500, Seed: rand.Uint64()}
	t.Logf("seed %d", j.Seed)
	var all []*multiproc.Process
	for i := range processes {
		j := j
		j.Seed += uint64(i)
		p, err := multiproc.Start(t.Context(), reenter.With(j))
		must(t, err)
		all = append(all, p)
	}
	for _, p := range all {
		must(t, p.Wait(modetest.Patient(t)))
	}
	if got, want := shm.Add(j.Total, 0), int64(processes*2*j.Turns); got != want {
		t.Errorf("%d, want %d", got, want)
	}
}

// dieInside ends at depth 3.
var dieInside = multiproc.Proc("die inside", func(ctx context.Context, j reentrantJob) error {
	o, err := psync.NewOwner()
	if err != nil {
		return err
	}
	for range 3 {
		if _, err := j.M.Lock(ctx, o); err != nil {
			return err
		}
	}
	switch j.How {
	case "panic":
		panic("inside")
	case "Goexit":
		runtime.Goexit()
	}
	return nil
})

// TestReentrantAbandoned: a death leaves it abandoned, and at depth 1 for the next.
func TestReentrantAbandoned(t *testing.T) {
	for _, how := range []string{"return", "panic", "Goexit"} {
		m, me := newReentrant(t), newOwner(t)
		for range 2 {
			p, err := multiproc.Start(t.Context(), dieInside.With(reentrantJob{M: m, How: how}))
			must(t, err)
			p.Wait(modetest.Patient(t))
			g := mustReenter(t, m, me, 1)
			h := mustReenter(t, m, me, 2)
			if !g.Abandoned() || !h.Abandoned() {
				t.Errorf("%s: not abandoned", how)
			}
			h.Repaired()
			h.Unlock()
			if g.Abandoned() {
				t.Errorf("%s: still abandoned", how)
			}
			g.Unlock()
			k, ok := m.TryLock(newOwner(t))
			if !ok {
				t.Fatalf("%s: held", how)
			}
			k.Unlock()
		}
	}
}

func TestReentrantAfterClose(t *testing.T) {
	m, me := newReentrant(t), newOwner(t)
	g := mustReenter(t, m, me, 1)
	h := mustReenter(t, m, me, 2)
	must(t, m.Close())
	for name, m := range map[string]*psync.ReentrantMutex{"closed": m, "zero": {}} {
		_, err := m.Lock(t.Context(), me)
		_, binary := m.MarshalBinary()
		for how, err := range map[string]error{"Lock": err, "Do": m.Do(t.Context(), me, never), "Close": m.Close(), "MarshalBinary": binary} {
			if !errors.Is(err, psync.ErrClosed) {
				t.Errorf("%s: %s: %v", name, how, err)
			}
		}
		if _, ok := m.TryLock(me); ok {
			t.Errorf("%s: TryLock", name)
		}
	}
	h.Unlock()
	g.Unlock()
	heir := newReentrant(t)
	if heir.String() != m.String() {
		t.Errorf("%v was not freed; the next is %v", m, heir)
	}
	k := mustReenter(t, heir, me, 1)
	g.Unlock() // of one that is closed: nothing
	h.Unlock()
	k.Unlock()
}

// TestReentrantWaits: another owner of the same process waits until it is unlocked as often as it was locked.
func TestReentrantWaits(t *testing.T) {
	m, me := newReentrant(t), newOwner(t)
	sleeping := onSleep(t)
	a := mustReenter(t, m, me, 1)
	b := mustReenter(t, m, me, 2)
	got := make(chan time.Time, 1)
	go func() {
		o, _ := psync.NewOwner()
		g, err := m.Lock(modetest.Patient(t), o)
		if err != nil {
			t.Error(err)
			return
		}
		got <- time.Now()
		g.Unlock()
	}()
	modetest.Receive(t, sleeping, "waiter")
	b.Unlock()
	before := time.Now()
	a.Unlock()
	if at := modetest.Receive(t, got, "turn of the other"); at.Before(before) {
		t.Error("two owners have it")
	}
}
