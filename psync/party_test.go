package psync_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
)

// until polls for what others are about to do.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(modetest.Watchdog); !f(); time.Sleep(500 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

// seats is one object of each kind, and what a child does with one of them.
type seats struct {
	What  string
	Mu    *psync.Mutex
	Re    *psync.ReentrantMutex
	Once  *psync.Once
	RW    *psync.RWMutex
	Sema  *psync.Semaphore // of 2 permits
	Event *psync.Event
	Cond  *psync.Cond
	Bar   *psync.Barrier
	Done  *psync.Event // until when it holds what it has got
}

func newSeats(t testing.TB) seats {
	t.Helper()
	return seats{Mu: newMutex(t), Re: newReentrant(t), Once: newOnce(t), RW: newRWMutex(t), Sema: newSemaphore(t, 2),
		Event: newEvent(t), Cond: newCond(t), Bar: newBarrier(t, 2), Done: newEvent(t)}
}

var sit = multiproc.Proc("sit", func(ctx context.Context, s seats) error {
	switch s.What {
	case "mutex":
		return s.Mu.Do(ctx, func() error { return s.Done.Wait(ctx) })
	case "reentrant":
		o, err := psync.NewOwner()
		if err != nil {
			return err
		}
		return s.Re.Do(ctx, o, func() error { return s.Done.Wait(ctx) })
	case "once":
		return s.Once.Do(ctx, func() error { return s.Done.Wait(ctx) })
	case "acquire":
		return s.Sema.Do(ctx, func() error { return s.Done.Wait(ctx) })
	case "wait":
		return s.Sema.Wait(ctx)
	case "write":
		return s.RW.Do(ctx, func() error { return s.Done.Wait(ctx) })
	case "read":
		return s.RW.RDo(ctx, func() error { return s.Done.Wait(ctx) })
	case "event":
		return s.Event.Wait(ctx)
	case "cond":
		g, err := s.Cond.Mutex().Lock(ctx)
		if err != nil {
			return err
		}
		defer func() { g.Unlock() }()
		return s.Cond.Wait(ctx, &g)
	case "barrier":
		_, err := s.Bar.Wait(ctx)
		return err
	}
	return fmt.Errorf("what is %q?", s.What)
})

// alone reports whether p is in the list, once, and nobody else.
func alone(list []psync.Party, p *multiproc.Process) bool {
	return len(list) == 1 && list[0].Pid == p.Pid() && list[0].Name == p.Name() && list[0].Count == 1
}

// TestParties: who holds what and who waits for it, by name.
func TestParties(t *testing.T) {
	began := time.Now().Add(-time.Second) // the two clocks may differ by a little
	for _, what := range []string{"mutex", "reentrant", "once", "write", "read", "acquire", "wait", "event", "cond", "barrier"} {
		t.Run(what, func(t *testing.T) {
			s := newSeats(t)
			s.What = what
			var holders, waiters func() []psync.Party
			var free func()
			switch what {
			case "mutex":
				holders, waiters, free = s.Mu.Holders, s.Mu.Waiters, mustLock(t, s.Mu).Unlock
			case "reentrant":
				holders, waiters, free = s.Re.Holders, s.Re.Waiters, mustReenter(t, s.Re, newOwner(t), 1).Unlock
			case "once":
				did, end := make(chan error), make(chan error)
				begun := make(chan bool)
				go func() {
					did <- s.Once.Do(context.Background(), func() error { close(begun); return <-end })
				}()
				<-begun
				holders, waiters = s.Once.Holders, s.Once.Waiters
				free = func() {
					end <- errTest // so the child does it
					if err := <-did; err != errTest {
						t.Error(err)
					}
				}
			case "acquire":
				holders, waiters, free = s.Sema.Holders, s.Sema.Waiters, mustAcquire(t, s.Sema, 2).Release
			case "wait":
				waiters, free = s.Sema.Waiters, mustAcquire(t, s.Sema, 2).Release
			case "write": // while the test reads
				holders, waiters, free = s.RW.Holders, s.RW.Waiters, mustRead(t, s.RW).Unlock
			case "read":
				holders, waiters, free = s.RW.Holders, s.RW.Waiters, mustWrite(t, s.RW).Unlock
			case "event":
				waiters, free = s.Event.Waiters, func() { must(t, s.Event.Set()) }
			case "cond":
				waiters, free = s.Cond.Waiters, s.Cond.Broadcast
			case "barrier":
				waiters, free = s.Bar.Waiters, func() {
					if _, err := s.Bar.Wait(modetest.Patient(t)); err != nil {
						t.Error(err)
					}
				}
			}
			p, err := multiproc.Start(t.Context(), sit.With(s).WithOptions(multiproc.Options{Name: "sitter"}))
			must(t, err)
			until(t, "a waiter", func() bool { return alone(waiters(), p) })
			w := waiters()[0]
			if w.Pid != p.Pid() || w.Name != "sitter" || w.Entry != "sit" || w.Reads != (what == "read") {
				t.Errorf("the waiter is %+v", w)
			}
			if w.Since.Before(began) || w.Since.After(time.Now().Add(time.Second)) {
				t.Errorf("it waits since %v; the test began at %v", w.Since, began)
			}
			if holders != nil {
				me := holders()
				if len(me) != 1 || me[0].Pid != os.Getpid() || me[0].Name != "main" || me[0].Entry != "" || me[0].Reads != (what == "write") {
					t.Errorf("held by %+v", me)
				}
				if seen := what != "write" && what != "acquire"; seen && me[0].Since.Before(began) {
					t.Errorf("held since %v", me[0].Since)
				}
			}
			if what == "barrier" {
				if list := s.Bar.Members(); !alone(list, p) {
					t.Errorf("the members are %+v", list)
				}
			}
			free()
			until(t, "nobody waits", func() bool { return len(waiters()) == 0 })
			if holders != nil {
				until(t, "the child holds it", func() bool { return alone(holders(), p) })
				if h := holders()[0]; h.Reads != (what == "read") {
					t.Errorf("held by %+v", h)
				}
			}
			must(t, s.Done.Set(), p.Wait(modetest.Patient(t)))
			if holders != nil && len(holders()) != 0 {
				t.Errorf("held by %+v, who has ended", holders())
			}
		})
	}
}

// TestWaitersAreCounted: the goroutines of one process are one party.
func TestWaitersAreCounted(t *testing.T) {
	for _, checked := range []bool{false, true} {
		t.Run(fmt.Sprintf("checked=%v", checked), func(t *testing.T) {
			mu := newMutexWith(t, psync.MutexOptions{Deadlock: checked})
			waitersAreCounted(t, mu.Waiters, func(ctx context.Context) (func(), error) {
				g, err := mu.Lock(ctx)
				return g.Unlock, err
			})
		})
	}
	t.Run("semaphore", func(t *testing.T) {
		s := newSemaphore(t, 3)
		waitersAreCounted(t, s.Waiters, func(ctx context.Context) (func(), error) {
			p, err := s.AcquireN(ctx, 3)
			return p.Release, err
		})
	})
	t.Run("reentrant", func(t *testing.T) {
		m := newReentrant(t)
		waitersAreCounted(t, m.Waiters, func(ctx context.Context) (func(), error) {
			g, err := m.Lock(ctx, newOwner(t))
			return g.Unlock, err
		})
	})
}

func waitersAreCounted(t *testing.T, waiters func() []psync.Party, lock func(context.Context) (unlock func(), err error)) {
	const n = 5
	unlock, err := lock(modetest.Patient(t))
	must(t, err)
	ended := make(chan error, n)
	var cancels []context.CancelFunc
	for range n {
		ctx, cancel := context.WithCancel(modetest.Patient(t))
		cancels = append(cancels, cancel)
		go func() {
			unlock, err := lock(ctx)
			if err == nil {
				unlock()
			}
			ended <- err
		}()
	}
	count := func() int {
		list := waiters()
		if len(list) == 0 {
			return 0
		}
		if len(list) != 1 || list[0].Pid != os.Getpid() {
			t.Fatalf("%+v", list)
		}
		return list[0].Count
	}
	until(t, "all wait", func() bool { return count() == n })
	cancels[0]()
	cancels[3]()
	until(t, "two have given up", func() bool { return count() == n-2 })
	unlock()
	for range n {
		modetest.Receive(t, ended, "end of a waiter")
	}
	until(t, "nobody waits", func() bool { return count() == 0 })
	for _, cancel := range cancels {
		cancel()
	}
}

// TestUnrecorded: a process waits for more than can be recorded. That is counted, and made up for when there is room.
func TestUnrecorded(t *testing.T) {
	const n, room = 50, 31
	events := make([]*psync.Event, n)
	ended := make(chan error, n)
	for i := range events {
		events[i] = newEvent(t)
		go func() { ended <- events[i].Wait(modetest.Patient(t)) }()
	}
	recorded := func() (list []int) {
		for i, e := range events {
			if len(e.Waiters()) == 1 {
				list = append(list, i)
			}
		}
		return list
	}
	unrecorded := func() int {
		list := psync.Unrecorded()
		if len(list) == 0 {
			return 0
		}
		return list[0].Count
	}
	until(t, "all wait", func() bool { return len(recorded()) == room && unrecorded() == n-room })
	if list := psync.Unrecorded(); len(list) != 1 || list[0].Pid != os.Getpid() || list[0].Name != "main" {
		t.Errorf("%+v", list)
	}
	for _, i := range recorded()[:n-room] {
		must(t, events[i].Set())
		must(t, modetest.Receive(t, ended, "end of a wait"))
	}
	until(t, "the others have got the room", func() bool { return len(recorded()) == room && unrecorded() == 0 })
	for _, e := range events {
		must(t, e.Set())
	}
	for range room {
		must(t, modetest.Receive(t, ended, "end of a wait"))
	}
	if n := len(recorded()); n != 0 {
		t.Errorf("%d waits are recorded, of none", n)
	}
}

// TestLongNames: names are cut to what the table holds, at a character.
func TestLongNames(t *testing.T) {
	s := newSeats(t)
	s.What = "event"
	name := strings.Repeat("ä", 40) + "\n"
	p, err := multiproc.Start(t.Context(), sit.With(s).WithOptions(multiproc.Options{Name: name}))
	must(t, err)
	until(t, "a waiter", func() bool { return len(s.Event.Waiters()) == 1 })
	if got, want := s.Event.Waiters()[0].Name, strings.Repeat("ä", 22)+"…"; got != want {
		t.Errorf("%q; want %q", got, want)
	}
	must(t, s.Event.Set(), p.Wait(modetest.Patient(t)))
}

// TestPartiesOfNothing: the zero handles, and those of closed objects, are nobody's.
func TestPartiesOfNothing(t *testing.T) {
	s := newSeats(t)
	must(t, s.Mu.Close(), s.Re.Close(), s.Once.Close(), s.RW.Close(), s.Sema.Close(), s.Event.Close(), s.Cond.Close(), s.Bar.Close())
	zero := seats{Mu: new(psync.Mutex), Re: new(psync.ReentrantMutex), Once: new(psync.Once), RW: new(psync.RWMutex), Sema: new(psync.Semaphore),
		Event: new(psync.Event), Cond: new(psync.Cond), Bar: new(psync.Barrier)}
	for _, x := range []seats{s, zero} {
		for i, f := range []func() []psync.Party{
			x.Re.Holders, x.Re.Waiters, x.Once.Holders, x.Once.Waiters, x.Sema.Holders, x.Sema.Waiters,
			x.Mu.Holders, x.Mu.Waiters, x.RW.Holders, x.RW.Waiters, x.Event.Waiters, x.Cond.Waiters, x.Bar.Members, x.Bar.Waiters,
		} {
			if list := f(); len(list) != 0 {
				t.Errorf("%d: %+v", i, list)
			}
		}
	}
}

// TestHoldsAreCounted: permits, also those that were acquired together, and how often a reentrant mutex is locked.
func TestHoldsAreCounted(t *testing.T) {
	s, m, o := newSemaphore(t, 100), newReentrant(t), newOwner(t)
	check := func(what string, list []psync.Party, want int) {
		t.Helper()
		if want == 0 && len(list) == 0 || len(list) == 1 && list[0].Pid == os.Getpid() && list[0].Count == want {
			return
		}
		t.Errorf("%s: %+v, want %d", what, list, want)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var permits []psync.Permit
	held := 0
	for range 300 {
		n := 1 + rnd.IntN(4)
		if p, ok := s.TryAcquireN(n); ok && rnd.IntN(2) == 0 {
			permits, held = append(permits, p), held+n
		} else if ok {
			p.Release()
		} else { // there are too few
			i := rnd.IntN(len(permits))
			permits[i].Release()
			held -= permits[i].Count()
			permits = append(permits[:i], permits[i+1:]...)
		}
		check("permits", s.Holders(), held)
	}
	for _, p := range permits {
		p.Release()
	}
	check("all given back", s.Holders(), 0)
	must(t, s.Wait(modetest.Patient(t)))
	check("nobody's", s.Holders(), 0)

	var guards []psync.ReentrantGuard
	for depth := 1; depth <= 5; depth++ {
		guards = append(guards, mustReenter(t, m, o, depth))
		check("locked", m.Holders(), depth)
	}
	for depth := 4; depth >= 0; depth-- {
		guards[depth].Unlock()
		check("unlocked", m.Holders(), depth)
	}
}

// TestKilledParties: who has died holds none from then on, nor waits.
func TestKilledParties(t *testing.T) {
	s := newSeats(t)
	s.What = "acquire"
	start := func() *multiproc.Process {
		p, err := multiproc.Start(t.Context(), sit.With(s))
		must(t, err)
		return p
	}
	first := start()
	until(t, "one holds", func() bool { return alone(s.Sema.Holders(), first) })
	g := mustAcquire(t, s.Sema, 1)
	second := start()
	until(t, "one waits", func() bool { return alone(s.Sema.Waiters(), second) })
	if list := s.Sema.Holders(); len(list) != 2 {
		t.Errorf("held by %+v", list)
	}
	first.Kill()
	_ = first.Wait(modetest.Patient(t))
	until(t, "the second holds", func() bool { return len(s.Sema.Waiters()) == 0 && len(s.Sema.Holders()) == 2 })
	for _, p := range s.Sema.Holders() {
		if p.Pid != second.Pid() && p.Name != "main" {
			t.Errorf("held by %+v", p)
		}
	}
	g.Release()
	third := mustAcquire(t, s.Sema, 1)
	s.What = "wait"
	last := start()
	until(t, "the last waits", func() bool { return alone(s.Sema.Waiters(), last) })
	last.Kill()
	_ = last.Wait(modetest.Patient(t))
	until(t, "nobody waits", func() bool { return len(s.Sema.Waiters()) == 0 })
	third.Release()
	must(t, s.Done.Set(), second.Wait(modetest.Patient(t)))
	wantPermits(t, s.Sema, 2)
}
