package psync_test

import (
	"context"
	"fmt"
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
	RW    *psync.RWMutex
	Event *psync.Event
	Cond  *psync.Cond
	Bar   *psync.Barrier
	Done  *psync.Event // until when it holds what it has got
}

func newSeats(t testing.TB) seats {
	t.Helper()
	return seats{Mu: newMutex(t), RW: newRWMutex(t), Event: newEvent(t), Cond: newCond(t), Bar: newBarrier(t, 2), Done: newEvent(t)}
}

var sit = multiproc.Proc("sit", func(ctx context.Context, s seats) error {
	switch s.What {
	case "mutex":
		return s.Mu.Do(ctx, func() error { return s.Done.Wait(ctx) })
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
	for _, what := range []string{"mutex", "write", "read", "event", "cond", "barrier"} {
		t.Run(what, func(t *testing.T) {
			s := newSeats(t)
			s.What = what
			var holders, waiters func() []psync.Party
			var free func()
			switch what {
			case "mutex":
				holders, waiters, free = s.Mu.Holders, s.Mu.Waiters, mustLock(t, s.Mu).Unlock
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
				if what != "write" && me[0].Since.Before(began) {
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
		t.Run(fmt.Sprintf("checked=%v", checked), func(t *testing.T) { waitersAreCounted(t, newMutexWith(t, psync.MutexOptions{Deadlock: checked})) })
	}
}

func waitersAreCounted(t *testing.T, mu *psync.Mutex) {
	const n = 5
	g := mustLock(t, mu)
	ended := make(chan error, n)
	var cancels []context.CancelFunc
	for range n {
		ctx, cancel := context.WithCancel(modetest.Patient(t))
		cancels = append(cancels, cancel)
		go func() {
			g, err := mu.Lock(ctx)
			if err == nil {
				g.Unlock()
			}
			ended <- err
		}()
	}
	count := func() int {
		list := mu.Waiters()
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
	g.Unlock()
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
	must(t, s.Mu.Close(), s.RW.Close(), s.Event.Close(), s.Cond.Close(), s.Bar.Close())
	zero := seats{Mu: new(psync.Mutex), RW: new(psync.RWMutex), Event: new(psync.Event), Cond: new(psync.Cond), Bar: new(psync.Barrier)}
	for _, x := range []seats{s, zero} {
		for i, f := range []func() []psync.Party{
			x.Mu.Holders, x.Mu.Waiters, x.RW.Holders, x.RW.Waiters, x.Event.Waiters, x.Cond.Waiters, x.Bar.Members, x.Bar.Waiters,
		} {
			if list := f(); len(list) != 0 {
				t.Errorf("%d: %+v", i, list)
			}
		}
	}
}
