package rwlock_test

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/holds"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/internal/rwlock"
	"github.com/multiproc-go/multiproc/internal/wait"
)

var (
	_ = os.Setenv(lock.EnvRelease, "store")
	_ = os.Setenv(wait.EnvLastResort, "1h") // a lost wake is a test that hangs
)

// TestSlots: what is taken is what was taken and not given back, also when the turn and the tickets wrap around.
func TestSlots(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var h layout.Hold
	const rest = layout.HoldOpen | layout.ReadWatched | 5<<layout.HoldTagShift
	w := rest | layout.ReadTurn - 100<<layout.HoldSlots
	for i := range h.Tickets {
		ticket := -rnd.Uint32N(50)
		h.Tickets[i].Store(ticket)
		w |= uint64(ticket&1) << i
	}
	want := uint64(0)
	for range 5000 {
		if rnd.IntN(2) == 0 {
			slot, ticket, ok := rwlock.Vacant(&h, w)
			if ok != (want != layout.HoldSlotBits) || ok && (want>>slot&1 != 0 || ticket != h.Tickets[slot].Load()) {
				t.Fatalf("slots %#x: vacant is %d, %v", want, slot, ok)
			}
			if ok {
				next := rwlock.Taken(w, slot)
				if next&layout.ReadTurn == w&layout.ReadTurn {
					t.Fatal("the turn is the same")
				}
				w = next
				want |= 1 << slot
			}
		} else if slot := rnd.IntN(layout.HoldSlots); want>>slot&1 != 0 {
			h.Tickets[slot].Add(1)
			want &^= 1 << slot
		}
		if got := rwlock.TakenOf(&h, w); got != want || w&(layout.HoldTag|layout.HoldOpen|layout.ReadWatched) != rest {
			t.Fatalf("taken %#x, want %#x; word %#x", got, want, w)
		}
	}
}

func newLock(t *testing.T) (*rwlock.Lock, *family.Member) {
	t.Helper()
	if race.Enabled || family.ModeOf() != family.Processes {
		t.Skip("NOT RUN: no reader leaves by a store in goroutine mode, nor under the race detector")
	}
	ref, err := family.NewRef(family.Shape{Kind: layout.KindRWMutex, Bytes: rwlock.Bytes})
	if err != nil {
		t.Fatal(err)
	}
	m := ref.Member
	l := &rwlock.Lock{Holds: holds.List{Env: &m.Env, Arena: m.Arena, Block: ref.Block(), Gen: ref.Gen}}
	l.At(ref.Payload(), ref.PayloadAt())
	l.Init()
	t.Cleanup(func() { ref.Close(nil) })
	return l, m
}

// TestLeaveAgainstWatch: either the reader sees that a writer is going to sleep, or that one sees the slot free. A
// processor that looks before its store is seen by others would break that.
func TestLeaveAgainstWatch(t *testing.T) {
	if runtime.NumCPU() == 1 {
		t.Skip("NOT RUN: one CPU is always in order")
	}
	l, m := newLock(t)
	me := m.ID()
	const rounds = 5000
	var begin, done atomic.Int32
	var r rwlock.Reading
	var stored, overtaken bool
	go func() {
		for n := int32(1); n <= rounds; n++ {
			for k := 0; begin.Load() != n; k++ {
				rest(k)
			}
			stored, overtaken = l.Leave(r)
			done.Store(n)
		}
	}()
	met, sink := 0, uint32(0)
	for n := int32(1); n <= rounds; n++ {
		var err error
		if r, err = l.RLock(context.Background(), me); err != nil {
			t.Fatal(err)
		}
		for w := r.Hold.Word.Load(); ; w = r.Hold.Word.Load() {
			if r.Hold.Word.CompareAndSwap(w, w&^layout.ReadWatched) {
				break
			}
		}
		begin.Store(n)
		for range n % 3000 { // they meet within some nanoseconds, if at all
			sink += uint32(n)
		}
		l.ShutAll()
		if l.Holds.AnyHeld(me) {
			l.Watch(me)
		}
		held := l.Holds.AnyHeld(me)
		for k := 0; done.Load() != n; k++ {
			rest(k)
		}
		if stored && held && !overtaken {
			t.Fatalf("round %d: neither saw the other", n)
		}
		if overtaken {
			met++
		}
	}
	t.Logf("they met in %d of %d rounds (%d)", met, rounds, sink)
}

// TestSleepAgainstLeave: a writer does not sleep for one who left before the holds were shut, and was seen to have left
// only after the writer looked.
func TestSleepAgainstLeave(t *testing.T) {
	l, m := newLock(t)
	me := m.ID()
	r, err := l.RLock(t.Context(), me)
	if err != nil {
		t.Fatal(err)
	}
	l.ShutAll() // the reader has looked, and tells nobody
	if !l.Holds.AnyHeld(me) {
		t.Fatal("nobody reads")
	}
	lock.StoreRelease(r.Counter(), r.Ticket+1) // is seen now
	if l.Watch(me) {
		t.Fatal("the writer sleeps, and nobody will wake it")
	}
}

// rest lets others run when a spin takes long: the machine may be busy.
func rest(n int) {
	if n%1000 == 999 {
		runtime.Gosched()
	}
}

// TestWatched: a writer that has slept is not forgotten, and readers store again later.
func TestWatched(t *testing.T) {
	l, m := newLock(t)
	me := m.ID()
	r, err := l.RLock(t.Context(), me)
	if err != nil {
		t.Fatal(err)
	}
	l.ShutAll()
	if l.Watch(me) || !l.Watch(me) || l.Quiet(r.Hold) || r.Hold.Word.Load()&layout.ReadWatched == 0 {
		t.Fatalf("not watched: %#x", r.Hold.Word.Load())
	}
	if stored, _ := l.Leave(r); stored {
		t.Fatal("the reader left by a store")
	}
	if l.RUnlock(r) {
		t.Fatal("the reading ended twice")
	}
	for n := 0; ; n++ {
		if r, err = l.RLock(t.Context(), me); err != nil {
			t.Fatal(err)
		}
		if stored, _ := l.Leave(r); stored {
			break
		}
		if n == 100 {
			t.Fatal("it is never quiet again")
		}
	}
}

// TestInherit: the slots of the dead are free, and what they do late changes nothing.
func TestInherit(t *testing.T) {
	l, m := newLock(t)
	me := m.ID()
	r, err := l.RLock(t.Context(), me)
	if err != nil {
		t.Fatal(err)
	}
	l.Reset(r.Hold)
	if l.Holds.AnyHeld(me) || l.RUnlock(r) {
		t.Fatal("it reads still")
	}
	again, err := l.RLock(t.Context(), me)
	if err != nil || again.Hold != r.Hold || again.Slot != r.Slot {
		t.Fatalf("%v, %v", again, err)
	}
	if l.RUnlock(r) || !l.Holds.AnyHeld(me) || !l.RUnlock(again) || l.Holds.AnyHeld(me) {
		t.Fatal("the slot is not its new owner's")
	}
}

// TestInheritAgainstLeave: nor does what they do at the same time leave a slot taken.
func TestInheritAgainstLeave(t *testing.T) {
	l, m := newLock(t)
	me := m.ID()
	const rounds = 20000
	var begin, done atomic.Int32
	var r rwlock.Reading
	go func() {
		for n := int32(1); n <= rounds; n++ {
			for k := 0; begin.Load() != n; k++ {
				rest(k)
			}
			for range n % 61 { // into each part of the other's way
				begin.Load()
			}
			r.Counter().CompareAndSwap(r.Ticket, r.Ticket+1)
			done.Store(n)
		}
	}()
	for n := int32(1); n <= rounds; n++ {
		var err error
		if r, err = l.RLock(t.Context(), me); err != nil {
			t.Fatal(err)
		}
		begin.Store(n)
		l.Reset(r.Hold)
		for k := 0; done.Load() != n; k++ {
			rest(k)
		}
		if l.Holds.AnyHeld(me) {
			t.Fatalf("round %d: a slot is taken, by nobody", n)
		}
	}
}
