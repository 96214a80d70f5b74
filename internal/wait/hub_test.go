package wait

import (
	"context"
	"errors"
	"math"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/memory"
	"github.com/multiproc-go/multiproc/internal/sys"
)

const watchdog = time.Minute

// room is a hub over memory of its own, with a word to wait for.
type room struct {
	*Hub
	table *lease.Table
	off   uint64
	word  *atomic.Uint32
}

// eachWay runs test with every way of waiting that this system has.
func eachWay(t *testing.T, test func(t *testing.T, r room)) {
	for _, way := range []Way{Waitv, Futex, Local} {
		t.Run(way.String(), func(t *testing.T) {
			switch {
			case way != Local && runtime.GOOS != "linux":
				t.Skip("NOT RUN: only Linux has it")
			case way == Waitv && !sys.HasWaitv():
				t.Skip("NOT RUN: the kernel has no futex_waitv for this process")
			}
			test(t, newRoom(t, way))
		})
	}
}

func newRoom(t *testing.T, way Way) room {
	t.Helper()
	make := memory.Create
	if way == Local {
		make = memory.NewHeap
	}
	mem, err := make(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mem.Close() })
	table := lease.NewTable(mem)
	r := room{Hub: NewHub(mem, table, way), table: table}
	id, err := table.Reserve(0)
	if err != nil {
		t.Fatal(err)
	}
	r.Join(table, id)
	// Any word will do that nothing else uses: the last slot's bell.
	last := table.Slot(layout.Slots - 1)
	r.word = &last.Bell
	r.off = layout.SlotsAt + (layout.Slots-1)*layout.SlotSize + 20
	if (*atomic.Uint32)(mem.Ptr(r.off)) != r.word {
		t.Fatal("the offset is another word's")
	}
	return r
}

// block calls Block in a goroutine, again and again while again says so.
func (r room) block(ctx context.Context, again func() bool) <-chan error {
	ended := make(chan error, 1)
	go func() {
		for {
			err := r.Block(ctx, r.word, r.off, 0, r.Epoch(), never)
			if err != nil || !again() {
				ended <- err
				return
			}
		}
	}()
	return ended
}

// sleepOnce has a goroutine sleep until somebody is woken, and returns its error. A sleep may end by itself, and the next begin.
func (r room) sleepOnce(t *testing.T, ctx context.Context) error {
	t.Helper()
	var woken atomic.Bool
	ended := r.block(ctx, func() bool { return !woken.Load() })
	r.wake(t, r.word)
	woken.Store(true)
	for deadline := time.Now().Add(watchdog); ; {
		select {
		case err := <-ended:
			return err
		case <-time.After(time.Millisecond):
			r.Wake(r.word, 1) // it sleeps again, if it had not seen that yet
		}
		if time.Now().After(deadline) {
			t.Fatal("it sleeps for ever")
		}
	}
}

// never suspects an owner.
func never() bool { return false }

func receive(t *testing.T, c <-chan error) error {
	t.Helper()
	select {
	case err := <-c:
		return err
	case <-time.After(watchdog):
		t.Fatal("it sleeps for ever")
		return nil
	}
}

// wake wakes one sleeper, as soon as there is one.
func (r room) wake(t *testing.T, word *atomic.Uint32) {
	t.Helper()
	for deadline := time.Now().Add(watchdog); r.Wake(word, 1) == 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("nobody ever sleeps")
		}
	}
}

func TestBlockLooksFirst(t *testing.T) {
	eachWay(t, func(t *testing.T, r room) {
		r.word.Store(7)
		for range 100 { // each would take a quarter of a second at least
			if err := r.Block(t.Context(), r.word, r.off, 0, r.Epoch(), never); err != nil {
				t.Fatal(err)
			}
		}
		r.word.Store(0)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.Block(ctx, r.word, r.off, 0, r.Epoch(), never); !errors.Is(err, context.Canceled) {
			t.Errorf("ctx had ended: %v", err)
		}
		if err := r.Block(t.Context(), r.word, r.off, 0, r.Epoch()+1, never); err != nil {
			t.Errorf("a death that was announced meanwhile: %v", err)
		}
	})
}

func TestWakeReachesTheSleeper(t *testing.T) {
	eachWay(t, func(t *testing.T, r room) {
		for range 20 {
			if err := r.sleepOnce(t, t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := r.Wake(r.word, math.MaxInt32); n != 0 {
			t.Errorf("%d sleep after all have gone", n)
		}
	})
}

func TestWakeCountsItsSleepers(t *testing.T) {
	eachWay(t, func(t *testing.T, r room) {
		const sleepers = 5
		var gone atomic.Bool
		var all []<-chan error
		for range sleepers {
			all = append(all, r.block(t.Context(), func() bool { return !gone.Load() }))
		}
		for range 2 * sleepers {
			r.wake(t, r.word) // and each comes back
		}
		gone.Store(true)
		for _, ended := range all {
			for waiting := true; waiting; {
				select {
				case err := <-ended:
					if err != nil {
						t.Error(err)
					}
					waiting = false
				default:
					r.Wake(r.word, math.MaxInt32)
					runtime.Gosched()
				}
			}
		}
	})
}

func TestCancelReachesTheSleeper(t *testing.T) {
	eachWay(t, func(t *testing.T, r room) {
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			ended := r.block(ctx, func() bool { return true })
			r.wake(t, r.word) // it has slept, and will again
			cancel()
			if err := receive(t, ended); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := receive(t, r.block(ctx, func() bool { return true })); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// TestCancelReachesAll: several sleep under one context, after others did, and it ends for all of them.
func TestCancelReachesAll(t *testing.T) {
	eachWay(t, func(t *testing.T, r room) {
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			for range 2 { // what one of them has left is used by the next
				if err := r.sleepOnce(t, ctx); err != nil {
					t.Fatal(err)
				}
			}
			again := func() bool { return true }
			all := []<-chan error{r.block(ctx, again), r.block(ctx, again), r.block(ctx, again)}
			r.wake(t, r.word)
			cancel()
			for _, ended := range all {
				if err := receive(t, ended); !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestCancelDisturbsNobody: who sleeps beside one whose ctx ends is not told of a ctx.
func TestCancelDisturbsNobody(t *testing.T) {
	eachWay(t, func(t *testing.T, r room) {
		ctx, cancel := context.WithCancel(t.Context())
		var stop atomic.Bool
		stays := r.block(t.Context(), func() bool { return !stop.Load() })
		leaves := r.block(ctx, func() bool { return true })
		r.wake(t, r.word)
		cancel()
		if err := receive(t, leaves); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		stop.Store(true)
		r.Wake(r.word, math.MaxInt32)
		if err := receive(t, stays); err != nil {
			t.Error(err)
		}
	})
}

// TestDeathReachesTheSleeper: the announcement of a death ends every wait.
func TestDeathReachesTheSleeper(t *testing.T) {
	eachWay(t, func(t *testing.T, r room) {
		for range 10 {
			epoch := r.Epoch()
			ended := make(chan error, 1)
			go func() { ended <- r.Block(t.Context(), r.word, r.off, 0, epoch, never) }()
			if r.way == Futex {
				// It sleeps on its word alone; who announces a death wakes what is recorded.
				for r.row.Waits[0].Load() != r.off {
					runtime.Gosched()
				}
				r.table.Epoch().Add(1)
				r.table.Hooks.Recorded(r.row)
			} else {
				r.table.Epoch().Add(1)
				r.table.Hooks.Wake(r.table.Epoch(), math.MaxInt32)
			}
			if err := receive(t, ended); err != nil {
				t.Fatal(err)
			}
		}
		for i := range r.row.Waits {
			if off := r.row.Waits[i].Load(); off != 0 {
				t.Errorf("word %d is still recorded as waited for", off)
			}
		}
	})
}

// TestMoreWaitsThanARowHolds: those without a record still are woken and still end.
func TestMoreWaitsThanARowHolds(t *testing.T) {
	eachWay(t, func(t *testing.T, r room) {
		ctx, cancel := context.WithCancel(t.Context())
		var all []<-chan error
		for range 3 * layout.WaitWords {
			all = append(all, r.block(ctx, func() bool { return true }))
		}
		r.wake(t, r.word)
		cancel()
		for _, ended := range all {
			if err := receive(t, ended); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		for i := range r.row.Waits {
			if off := r.row.Waits[i].Load(); off != 0 {
				t.Errorf("word %d is still recorded as waited for", off)
			}
		}
	})
}

// TestRecordedNonsense: a row that a process of another build, or a broken one, has
// filled makes nobody read where it must not.
func TestRecordedNonsense(t *testing.T) {
	eachWay(t, func(t *testing.T, r room) {
		for i, off := range []uint64{1, r.mem.Size(), r.mem.Size() - 4, r.mem.Size() + 4, 1<<64 - 4, 1 << 63, r.off} {
			r.row.Waits[i].Store(off)
		}
		r.wakeRecorded(r.row)
		for i := range r.row.Waits {
			r.row.Waits[i].Store(0)
		}
	})
}

func TestChooseWay(t *testing.T) {
	for value, want := range map[string]Way{"futex": Futex, "waitv": Waitv} {
		t.Setenv(EnvVar, value)
		got, err := ChooseWay()
		switch {
		case value == "waitv" && !sys.HasWaitv():
			if err == nil {
				t.Error("waitv is chosen where there is none")
			}
		case err != nil || got != want:
			t.Errorf("%s: %v, %v", value, got, err)
		}
	}
	t.Setenv(EnvVar, "sometimes")
	if _, err := ChooseWay(); err == nil {
		t.Error("nonsense is accepted")
	}
	os.Unsetenv(EnvVar)
	got, err := ChooseWay()
	if err != nil || (got == Waitv) != sys.HasWaitv() {
		t.Errorf("by default: %v, %v", got, err)
	}
}
