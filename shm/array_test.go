package shm_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/shm"
)

func TestArraySizes(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 4, 5, 63, 64, 1000, 1 << 16, 1<<20 + 3} {
		a := newArray[uint16](t, n)
		if a.Len() != n || len(a.Slice()) != n || cap(a.Slice()) != n {
			t.Errorf("%d elements: Len %d, Slice %d of %d", n, a.Len(), len(a.Slice()), cap(a.Slice()))
		}
		for i, x := range a.Slice() {
			if x != 0 {
				t.Fatalf("%d elements: the new element %d is %d", n, i, x)
			}
		}
		for i := range a.Slice() {
			a.Set(i, uint16(i)|1)
		}
		count := 0
		for i, x := range a.All() {
			if i != count || x != uint16(i)|1 || a.At(i) != x {
				t.Fatalf("%d elements: element %d is %d, %d", n, i, x, a.At(i))
			}
			count++
		}
		if count != n {
			t.Errorf("%d elements: All has %d", n, count)
		}
		a.Close() // the next one of this size gets this block, and must find zeros
		again := newArray[uint16](t, n)
		if slices.ContainsFunc(again.Slice(), func(x uint16) bool { return x != 0 }) {
			t.Errorf("%d elements: those of a used block are not zero", n)
		}
		again.Close()
	}
}

func TestNewArrayOf(t *testing.T) {
	s := []wide{{N: 1}, {N: 2}}
	a, err := shm.NewArrayOf(s)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	s[0].N = 9
	if a.Len() != 2 || a.At(0).N != 1 || a.At(1).N != 2 {
		t.Errorf("%v", a.Slice())
	}
	none, err := shm.NewArrayOf[int8](nil)
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	if none.Len() != 0 || none.Equal(newArray[int8](t, 0)) {
		t.Error("wrong with nil")
	}
	if err := none.Update(t.Context(), 0, 0, func(s []int8) error { return errTest }); err != errTest {
		t.Errorf("Update of no elements: %v", err)
	}
	for range none.All() {
		t.Error("an element")
	}
}

func TestArrayPanics(t *testing.T) {
	a := newArray[int32](t, 4)
	for name, f := range map[string]func(){
		"At -1":            func() { a.At(-1) },
		"At Len":           func() { a.At(4) },
		"At far":           func() { a.At(math.MaxInt) },
		"Set -1":           func() { a.Set(-1, 1) },
		"Set Len":          func() { a.Set(4, 1) },
		"Update -1":        func() { a.Update(t.Context(), -1, 2, never[[]int32](t)) },
		"Update past":      func() { a.Update(t.Context(), 2, 5, never[[]int32](t)) },
		"Update backwards": func() { a.Update(t.Context(), 3, 2, never[[]int32](t)) },
		"beyond the view":  func() { _ = a.Slice()[:5] },
		"beyond the range": func() { a.Update(t.Context(), 1, 2, func(s []int32) error { s[:2][1] = 1; return nil }) },
	} {
		if _, ok := modetest.PanicOf(f).(runtime.Error); !ok {
			t.Errorf("%s: %v", name, modetest.PanicOf(f))
		}
	}
	if p := modetest.PanicOf(func() { shm.NewArray[int8](-1) }); p == nil {
		t.Error("NewArray(-1) does not panic")
	}
	// Nothing is held after them; the one that was inside has left the array abandoned.
	if err := a.Repair(modetest.Ended(), func(s []int32) error { return nil }); err != nil {
		t.Error(err)
	}
	if err := a.Update(modetest.Ended(), 0, 4, func(s []int32) error { return nil }); err != nil {
		t.Error(err)
	}
	if a.At(3) != 0 {
		t.Error("something was written")
	}
}

func TestSliceIsOnlyTheArray(t *testing.T) {
	a, b := newArray[byte](t, 24), newArray[byte](t, 24)
	for i := range b.Slice() {
		b.Set(i, 0xee)
	}
	s := append(a.Slice(), 1, 2, 3) // must move: capacity ends where the array ends
	s[0] = 7
	if a.At(0) != 0 {
		t.Error("append did not copy")
	}
	if slices.ContainsFunc(b.Slice(), func(x byte) bool { return x != 0xee }) {
		t.Error("append wrote into another array")
	}
	if err := a.Update(t.Context(), 3, 5, func(part []byte) error {
		if len(part) != 2 || cap(part) != 2 {
			t.Errorf("the range has length %d and capacity %d", len(part), cap(part))
		}
		part[0] = 9
		_ = append(part, 8)
		return errTest
	}); err != errTest {
		t.Error(err)
	}
	if a.At(3) != 9 || a.At(5) != 0 {
		t.Errorf("after Update: %v", a.Slice())
	}
}

func TestHugeArrays(t *testing.T) {
	for name, make := range map[string]func() error{
		"overflow":         func() error { _, err := shm.NewArray[int64](math.MaxInt); return err },
		"overflow to few":  func() error { _, err := shm.NewArray[[1 << 20]byte](1<<44 + 1); return err },
		"overflow by head": func() error { _, err := shm.NewArray[byte](math.MaxInt); return err },
		"2^62":             func() error { _, err := shm.NewArray[byte](1 << 62); return err },
		"the whole arena":  func() error { _, err := shm.NewArray[byte](1 << 38); return err },
		"almost":           func() error { _, err := shm.NewArray[byte](1<<38 - 2<<20); return err },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "almost" {
				modetest.NeedProcess(t, "Go memory is asked for, not reserved: the machine may have as much")
			}
			err := make()
			e, ok := errors.AsType[*shm.FullError](err)
			if !ok || !errors.Is(err, shm.ErrLimit) && !errors.Is(err, shm.ErrNoSpace) {
				t.Fatalf("%v", err)
			}
			if e.Need < 1<<37 || e.Have >= e.Need {
				t.Errorf("it needs %d and has %d", e.Need, e.Have)
			}
		})
	}
	if a := newArray[byte](t, 1); a.At(0) != 0 {
		t.Error("afterwards nothing works")
	}
}

// sum adds the elements of its part of an array up, through the view.
var sum = multiproc.Func("sum", func(_ context.Context, p part) (float64, error) {
	total := 0.0
	for _, x := range p.Array.Slice()[p.From:p.To] {
		total += x
	}
	return total, nil
})

type part struct {
	Array    *shm.Array[float64]
	From, To int
}

func TestSumOverViews(t *testing.T) {
	const n, children = 1 << 20, 4
	a := newArray[float64](t, n)
	for i, s := 0, a.Slice(); i < n; i++ {
		s[i] = float64(i)
	}
	var calls []*multiproc.Call[float64]
	for i := range children {
		c, err := sum.Start(t.Context(), part{a, i * n / children, (i + 1) * n / children})
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}
	total := 0.0
	for _, c := range calls {
		x, err := c.Result(modetest.Patient(t))
		if err != nil {
			t.Fatal(err)
		}
		total += x
	}
	if want := float64(n) * (n - 1) / 2; total != want {
		t.Errorf("%v, want %v", total, want)
	}
}

// countUp increments elements of an array many times, some by some.
var countUp = multiproc.Proc("countUp", func(ctx context.Context, a *shm.Array[int32]) error {
	for i := range 1000 {
		at := i % (a.Len() - 1)
		if err := a.Update(ctx, at, at+2, func(s []int32) error {
			s[0]++
			s[1]++
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
})

func TestArrayUpdatesExcludeEachOther(t *testing.T) {
	a := newArray[int32](t, 5)
	var children []*multiproc.Process
	for range 3 {
		p, err := multiproc.Start(t.Context(), countUp.With(a))
		if err != nil {
			t.Fatal(err)
		}
		children = append(children, p)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				if err := a.Update(t.Context(), 0, 5, func(s []int32) error { s[2]++; return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, p := range children {
		if err := p.Wait(modetest.Patient(t)); err != nil {
			t.Error(err)
		}
	}
	if want := []int32{750, 1500, 1500 + 2000, 1500, 750}; !slices.Equal(a.Slice(), want) {
		t.Errorf("%v, want %v", a.Slice(), want)
	}
}

// halfWritten dies in the middle of an Update: as a process by SIGKILL, as a goroutine
// by returning while another one of it still is inside.
var halfWritten = multiproc.Proc("halfWritten", func(ctx context.Context, a *shm.Array[int32]) error {
	inside := make(chan bool)
	go func() {
		a.Update(ctx, 0, 2, func(s []int32) error {
			s[0] = 1
			kill()
			close(inside)
			<-outlive // only a goroutine gets here
			return nil
		})
		outlived <- true
	}()
	<-inside
	return nil
})

// outlive lets the goroutine go that outlives its entry; outlived tells that it has.
var outlive, outlived = make(chan bool), make(chan bool)

func TestArrayAbandoned(t *testing.T) {
	a := newArray[int32](t, 2)
	p, err := multiproc.Start(t.Context(), halfWritten.With(a))
	if err != nil {
		t.Fatal(err)
	}
	err = p.Wait(modetest.Patient(t))
	if _, killed := errors.AsType[*multiproc.SignalError](err); !killed && err != nil {
		t.Fatal(err)
	}
	for range 2 { // until it is repaired
		if err := a.Update(modetest.Patient(t), 0, 2, never[[]int32](t)); !errors.Is(err, shm.ErrAbandoned) {
			t.Errorf("Update: %v", err)
		}
		if !a.Abandoned() {
			t.Error("not abandoned")
		}
	}
	if err := a.Repair(modetest.Patient(t), func(s []int32) error { return errTest }); err != errTest || !a.Abandoned() {
		t.Errorf("a repair that failed: %v, abandoned: %v", err, a.Abandoned())
	}
	modetest.PanicOf(func() { a.Repair(t.Context(), func(s []int32) error { panic(1) }) })
	if !a.Abandoned() {
		t.Error("a repair that panicked counts as one")
	}
	if s := a.Slice(); s[0] != 1 || s[1] != 0 {
		t.Errorf("what it had written is not there: %v", s)
	}
	if err := a.Repair(t.Context(), func(s []int32) error {
		if len(s) != 2 {
			t.Errorf("Repair sees %d elements", len(s))
		}
		s[1] = s[0]
		return nil
	}); err != nil || a.Abandoned() {
		t.Errorf("Repair: %v, abandoned: %v", err, a.Abandoned())
	}
	if err := a.Update(t.Context(), 0, 1, func(s []int32) error { s[0]++; return nil }); err != nil || a.At(0) != 2 {
		t.Errorf("Update after Repair: %v, %v", err, a.Slice())
	}
	if family.ModeOf() == family.Goroutines {
		// The dead one's goroutine goes on, and gives nothing back that is not its own.
		err := a.Update(t.Context(), 0, 1, func([]int32) error {
			outlive <- true
			<-outlived
			return a.Update(modetest.Ended(), 0, 1, never[[]int32](t))
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after the ghost has left: %v", err)
		}
	}
	// A repair where nothing is to be repaired.
	if err := a.Repair(t.Context(), func([]int32) error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestArrayUpdatePanic(t *testing.T) {
	a := newArray[int32](t, 2)
	if p := modetest.PanicOf(func() { a.Update(t.Context(), 0, 1, func(s []int32) error { s[0] = 5; panic(errTest) }) }); p != errTest {
		t.Errorf("%v", p)
	}
	if err := a.Update(modetest.Patient(t), 0, 1, func(s []int32) error { s[0]++; return nil }); !errors.Is(err, shm.ErrAbandoned) || a.At(0) != 5 {
		t.Errorf("Update after a panic: %v, %v", err, a.Slice())
	}
}

func TestArrayContext(t *testing.T) {
	a := newArray[int32](t, 2)
	sleeping := onSleep(t)
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 2)
	if err := a.Update(modetest.Ended(), 0, 1, func([]int32) error {
		for range 2 {
			go func() { waited <- a.Update(ctx, 1, 2, never[[]int32](t)) }()
		}
		<-sleeping
		cancel()
		for range 2 {
			if err := modetest.Receive(t, waited, "error"); !errors.Is(err, context.Canceled) {
				t.Errorf("a waiter: %v", err)
			}
		}
		return nil
	}); err != nil {
		t.Errorf("a free array with an ended ctx: %v", err)
	}
}
