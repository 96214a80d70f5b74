package psync_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

func newBarrier(t testing.TB, parties int) *psync.Barrier {
	t.Helper()
	b, err := psync.NewBarrier(parties)
	must(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

// arrival is how a Wait ended.
type arrival struct {
	index int
	err   error
}

// arrive is a goroutine that waits, and has arrived.
func arrive(t testing.TB, ctx context.Context, b *psync.Barrier, action func() error) <-chan arrival {
	t.Helper()
	before := b.Waiting()
	done := make(chan arrival, 1)
	go func() {
		i, err := b.Do(ctx, action)
		done <- arrival{i, err}
	}()
	for b.Waiting() == before {
		runtime.Gosched()
	}
	return done
}

// ends sees how waits end.
func ends(t testing.TB, want error, all ...<-chan arrival) {
	t.Helper()
	for i, c := range all {
		if got := modetest.Receive(t, c, "end of a waiter"); !errors.Is(got.err, want) || want == nil && got.index != i {
			t.Fatalf("waiter %d: %d, %v; want %v", i, got.index, got.err, want)
		}
	}
}

func TestBarrier(t *testing.T) {
	b := newBarrier(t, 3)
	ctx := modetest.Patient(t)
	if b.Parties() != 3 || b.Waiting() != 0 || b.Broken() {
		t.Errorf("new: %d, %d, %v", b.Parties(), b.Waiting(), b.Broken())
	}
	for range 100 { // more rounds than the history remembers
		first := arrive(t, ctx, b, never)
		second := arrive(t, ctx, b, never)
		if len(first)+len(second) != 0 {
			t.Fatal("they did not wait")
		}
		acted := false
		i, err := b.Do(ctx, func() error {
			acted = len(first)+len(second) == 0 && b.Waiting() == 3
			return nil
		})
		must(t, err)
		if i != 2 || !acted {
			t.Fatalf("the last is number %d; acted before anybody went on: %v", i, acted)
		}
		ends(t, nil, first, second)
	}
	one := newBarrier(t, 1)
	for range 3 {
		if i, err := one.Wait(modetest.Ended()); i != 0 || err != nil {
			t.Errorf("alone: %d, %v", i, err)
		}
	}
	for _, parties := range []int{-1, 0, psync.MostParties + 1} {
		if modetest.PanicOf(func() { psync.NewBarrier(parties) }) == nil {
			t.Errorf("%d parties", parties)
		}
	}
	most := newBarrier(t, psync.MostParties)
	if most.Parties() != psync.MostParties {
		t.Errorf("%d parties", most.Parties())
	}
}

func TestBarrierContext(t *testing.T) {
	b := newBarrier(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	stays := arrive(t, modetest.Patient(t), b, nil)
	goes := arrive(t, ctx, b, nil)
	cancel()
	if got := modetest.Receive(t, goes, "end of one who gives up"); got.err != context.Canceled {
		t.Errorf("its ctx ended: %v", got.err)
	}
	if b.Broken() || b.Waiting() != 1 || len(stays) != 0 {
		t.Errorf("broken: %v, %d wait", b.Broken(), b.Waiting())
	}
	if _, err := b.Wait(modetest.Ended()); err != context.Canceled {
		t.Errorf("ctx has ended: %v", err)
	}
	other := arrive(t, modetest.Patient(t), b, nil)
	i, err := b.Wait(modetest.Patient(t))
	if i != 2 || err != nil {
		t.Errorf("%d, %v", i, err)
	}
	ends(t, nil, stays, other)
}

func TestBarrierAction(t *testing.T) {
	b := newBarrier(t, 2)
	ctx := modetest.Patient(t)
	ended := make(chan bool)
	for name, act := range map[string]func() error{
		"error":  func() error { return errTest },
		"panic":  func() error { panic(errTest) },
		"Goexit": func() error { runtime.Goexit(); return nil },
		"abort":  func() error { return b.Abort() },
		"reset":  func() error { return b.Reset(ctx) },
	} {
		first := arrive(t, ctx, b, nil)
		go func() {
			defer func() { recover(); ended <- true }()
			_, err := b.Do(ctx, act)
			if want := map[string]error{"error": errTest, "abort": psync.ErrBroken, "reset": psync.ErrBroken}[name]; err != want {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}()
		<-ended
		ends(t, psync.ErrBroken, first)
		if b.Broken() != (name != "reset") {
			t.Errorf("%s: broken: %v", name, b.Broken())
		}
		must(t, b.Repair(ctx))
	}
	// One whose ctx ends while the action runs.
	impatient, cancel := context.WithCancel(t.Context())
	first := arrive(t, impatient, b, nil)
	_, err := b.Do(ctx, func() error {
		cancel()
		ends(t, context.Canceled, first)
		return nil
	})
	if !errors.Is(err, psync.ErrBroken) {
		t.Errorf("the action of a round that somebody has left: %v", err)
	}
}

func TestBarrierAbortResetRepair(t *testing.T) {
	b := newBarrier(t, 3)
	ctx := modetest.Patient(t)
	must(t, b.Repair(ctx)) // of the unbroken: nothing
	for range 20 {
		waits := []<-chan arrival{arrive(t, ctx, b, nil), arrive(t, ctx, b, nil)}
		must(t, b.Abort(), b.Abort())
		ends(t, psync.ErrBroken, waits...)
		if _, err := b.Wait(ctx); !errors.Is(err, psync.ErrBroken) || !b.Broken() {
			t.Fatalf("broken: %v, Wait: %v", b.Broken(), err)
		}
		must(t, b.Repair(ctx), b.Repair(ctx))
		if b.Broken() || b.Waiting() != 0 || b.Parties() != 3 {
			t.Fatalf("after Repair: broken %v, %d of %d", b.Broken(), b.Waiting(), b.Parties())
		}
		waits = []<-chan arrival{arrive(t, ctx, b, nil), arrive(t, ctx, b, nil)}
		must(t, b.Repair(ctx))
		if b.Waiting() != 2 {
			t.Fatal("Repair has disturbed a whole barrier")
		}
		must(t, b.Reset(ctx))
		ends(t, psync.ErrBroken, waits...)
		waits = []<-chan arrival{arrive(t, ctx, b, nil), arrive(t, ctx, b, nil)}
		_, err := b.Wait(ctx)
		must(t, err)
		ends(t, nil, waits...)
	}
}

func TestBarrierLeave(t *testing.T) {
	b := newBarrier(t, 3)
	ctx := modetest.Patient(t)
	if err := b.Leave(ctx); !errors.Is(err, psync.ErrNoSeat) {
		t.Errorf("without a seat: %v", err)
	}
	for range 3 {
		must(t, b.Join(ctx))
	}
	if err := b.Join(ctx); !errors.Is(err, psync.ErrFull) {
		t.Errorf("a fourth: %v", err)
	}
	waits := []<-chan arrival{arrive(t, ctx, b, nil), arrive(t, ctx, b, nil)}
	must(t, b.Leave(ctx))
	ends(t, nil, waits...)
	if b.Parties() != 2 || b.Waiting() != 0 {
		t.Errorf("%d of %d", b.Waiting(), b.Parties())
	}
	must(t, b.Leave(ctx))
	_, err := b.Wait(ctx)
	must(t, err, b.Reset(ctx))
	if b.Parties() != 3 || b.Broken() {
		t.Errorf("after Reset: %d parties, broken %v", b.Parties(), b.Broken())
	}
	must(t, b.Join(ctx), b.Join(ctx))
}

func TestBarrierAfterClose(t *testing.T) {
	b := newBarrier(t, 2)
	text, err := b.MarshalText()
	must(t, err)
	w := arrive(t, modetest.Patient(t), b, nil)
	must(t, b.Close())
	ends(t, psync.ErrClosed, w)
	for name, b := range map[string]*psync.Barrier{"closed": b, "zero": {}} {
		ctx := t.Context()
		_, wait := b.Wait(ctx)
		_, binary := b.MarshalBinary()
		_, texted := b.MarshalText()
		for how, err := range map[string]error{
			"Wait": wait, "Join": b.Join(ctx), "Leave": b.Leave(ctx), "Abort": b.Abort(), "Reset": b.Reset(ctx),
			"Repair": b.Repair(ctx), "Close": b.Close(), "MarshalBinary": binary, "MarshalText": texted,
		} {
			if !errors.Is(err, psync.ErrClosed) {
				t.Errorf("%s of a %s barrier: %v", how, name, err)
			}
		}
		if !b.Broken() || b.Parties() != 0 || b.Waiting() != 0 {
			t.Errorf("a %s barrier: broken %v, %d of %d", name, b.Broken(), b.Waiting(), b.Parties())
		}
		_ = b.String()
	}
	if err := new(psync.Barrier).UnmarshalText(text); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("UnmarshalText: %v", err)
	}
}

type phased struct {
	B      *psync.Barrier
	Cells  *shm.Array[int64]
	Me     int
	Phases int
	Die    int // in this phase
}

// step adds to its own cell what all had in the phase before, which it reads without a lock.
var step = multiproc.Proc("step", func(ctx context.Context, j phased) error {
	for phase := range j.Phases {
		if j.Die > 0 && phase == j.Die {
			return errTest
		}
		sum := int64(0)
		for i := range j.Cells.Len() {
			sum += j.Cells.At(i)
		}
		if _, err := j.B.Wait(ctx); err != nil {
			return err
		}
		j.Cells.Set(j.Me, sum)
		if _, err := j.B.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
})

func TestBarrierBetweenProcesses(t *testing.T) {
	const n, phases = 4, 30
	cells, err := shm.NewArrayOf([]int64{1, 1, 1, 1})
	must(t, err)
	defer cells.Close()
	b := newBarrier(t, n)
	var started []*multiproc.Process
	for i := range n {
		p, err := multiproc.Start(t.Context(), step.With(phased{b, cells, i, phases, 0}))
		must(t, err)
		started = append(started, p)
	}
	for _, p := range started {
		must(t, p.Wait(modetest.Patient(t)))
	}
	const want = int64(1) << (2 * phases) // each phase multiplies by four
	if got := cells.Slice(); !slices.Equal(got, []int64{want, want, want, want}) {
		t.Errorf("%v, want %d", got, want)
	}
	if !b.Broken() {
		t.Error("its members are gone, and it is whole")
	}
}

// TestBarrierLosesAMember: the rest goes on when it has repaired it.
func TestBarrierLosesAMember(t *testing.T) {
	ctx := modetest.Patient(t)
	cells, err := shm.NewArrayOf([]int64{1, 1, 1})
	must(t, err)
	defer cells.Close()
	b := newBarrier(t, 3)
	must(t, b.Join(ctx), b.Join(ctx))
	p, err := multiproc.Start(t.Context(), step.With(phased{b, cells, 2, 10, 2}))
	must(t, err)
	both := func() (one, two error) {
		var wg sync.WaitGroup
		wg.Go(func() { _, one = b.Wait(ctx) })
		_, two = b.Wait(ctx)
		wg.Wait()
		return one, two
	}
	for range 4 {
		one, two := both()
		must(t, one, two)
	}
	if one, two := both(); !errors.Is(one, psync.ErrBroken) || !errors.Is(two, psync.ErrBroken) {
		t.Fatalf("after a death: %v, %v", one, two)
	}
	if err := p.Wait(ctx); err == nil {
		t.Error("it has not died")
	}
	must(t, b.Repair(ctx))
	if b.Parties() != 2 {
		t.Errorf("%d parties", b.Parties())
	}
	one, two := both()
	must(t, one, two)
	// A successor takes the seat after a Reset.
	must(t, b.Reset(ctx))
	p, err = multiproc.Start(t.Context(), step.With(phased{b, cells, 2, 1, 0}))
	must(t, err)
	for range 2 {
		one, two := both()
		must(t, one, two)
	}
	must(t, p.Wait(ctx))
}

func TestBarrierCrowd(t *testing.T) {
	const n = 2000
	b := newBarrier(t, n)
	ctx := modetest.Patient(t)
	var wg sync.WaitGroup
	seen := make([]bool, n)
	for range n - 1 {
		wg.Go(func() {
			i, err := b.Wait(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			seen[i] = true // each index once, so no race
		})
	}
	for b.Waiting() < n-1 {
		runtime.Gosched()
	}
	wantFewThreads(t)
	i, err := b.Wait(ctx)
	must(t, err)
	seen[i] = true
	wg.Wait()
	if slices.Contains(seen, false) {
		t.Error("an index is missing")
	}
}

// TestBarrierModel does random things through two handles and compares with a count.
func TestBarrierModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	const parties = 4
	one := newBarrier(t, parties)
	text, err := one.MarshalText()
	must(t, err)
	var two psync.Barrier
	must(t, two.UnmarshalText(text))
	handles := []*psync.Barrier{one, &two}
	type waiter struct {
		done   <-chan arrival
		cancel context.CancelFunc
		index  int
	}
	var waiters []waiter
	broken := false
	finish := func(what string, want error) {
		t.Helper()
		for _, w := range waiters {
			got := modetest.Receive(t, w.done, "end of a waiter")
			if got.err != want || want == nil && got.index != w.index {
				t.Fatalf("seed %d: %s: waiter %d ended with %d, %v", seed, what, w.index, got.index, got.err)
			}
			w.cancel()
		}
		waiters = nil
	}
	ctx := modetest.Patient(t)
	for range 3000 {
		b := handles[rnd.IntN(2)]
		switch op := rnd.IntN(20); {
		case op < 13:
			switch {
			case broken:
				if _, err := b.Wait(ctx); err != psync.ErrBroken {
					t.Fatalf("seed %d: Wait at a broken barrier: %v", seed, err)
				}
			case len(waiters) == parties-1:
				i, err := b.Wait(ctx)
				if i != parties-1 || err != nil {
					t.Fatalf("seed %d: the last: %d, %v", seed, i, err)
				}
				finish("complete", nil)
			default:
				ctx, cancel := context.WithCancel(ctx)
				waiters = append(waiters, waiter{arrive(t, ctx, b, nil), cancel, len(waiters)})
			}
		case op < 16 && len(waiters) > 0: // the last to come, so that the indexes of the others stay
			w := waiters[len(waiters)-1]
			w.cancel()
			if got := modetest.Receive(t, w.done, "end of one who gives up"); got.err != context.Canceled {
				t.Fatalf("seed %d: %v", seed, got.err)
			}
			waiters = waiters[:len(waiters)-1]
		case op == 16:
			must(t, b.Abort())
			broken = true
			finish("abort", psync.ErrBroken)
		case op == 17:
			must(t, b.Reset(ctx))
			broken = false
			finish("reset", psync.ErrBroken)
		default:
			must(t, b.Repair(ctx))
			broken = false
		}
		if b.Broken() != broken || b.Waiting() != len(waiters) || b.Parties() != parties {
			t.Fatalf("seed %d: broken %v, %d of %d; want %v, %d of %d", seed, b.Broken(), b.Waiting(), b.Parties(), broken, len(waiters), parties)
		}
		for _, w := range waiters {
			if len(w.done) != 0 {
				t.Fatalf("seed %d: one has come back: %v", seed, <-w.done)
			}
		}
	}
	for _, w := range waiters {
		w.cancel()
		<-w.done
	}
}

// TestBarrierStorm: rounds as fast as they go, with members who give up and come back.
func TestBarrierStorm(t *testing.T) {
	for _, parties := range []int{2, 5} {
		t.Run(fmt.Sprint(parties), func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			b := newBarrier(t, parties)
			const rounds = 500
			count := make([]int, parties) // each its own; all read them between the rounds
			var wg sync.WaitGroup
			for me := range parties {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(seed, uint64(me)))
					wait := func() bool {
						for {
							ctx, cancel := modetest.Patient(t), context.CancelFunc(func() {})
							if rnd.IntN(4) == 0 {
								ctx, cancel = context.WithTimeout(ctx, 0)
							}
							_, err := b.Wait(ctx)
							cancel()
							if err == nil {
								return true
							}
							if err != context.DeadlineExceeded {
								t.Errorf("seed %d: %v", seed, err)
								return false
							}
						}
					}
					for range rounds {
						count[me]++
						if !wait() {
							return
						}
						for _, n := range count {
							if n != count[me] {
								t.Errorf("seed %d: %v", seed, count)
							}
						}
						if !wait() {
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
