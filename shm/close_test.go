package shm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/shm"
)

// wantClosed checks that f panics with what names op.
func wantClosed(t *testing.T, op string, f func()) {
	t.Helper()
	p := modetest.PanicOf(f)
	e, ok := p.(*shm.ClosedError)
	if !ok || e.Op != op || !errors.Is(e, shm.ErrClosed) || !strings.Contains(e.Error(), op) {
		t.Errorf("%s: panic %v", op, p)
	}
}

func never[T any](t *testing.T) func(T) error {
	return func(T) error { t.Error("the function ran"); return nil }
}

func TestValueAfterClose(t *testing.T) {
	t.Run("small", func(t *testing.T) { valueAfterClose(t, int64(1)) })
	t.Run("big", func(t *testing.T) { valueAfterClose(t, wide{N: 1}) })
}

func valueAfterClose[T any](t *testing.T, x T) {
	v := newValue(t, x)
	other := travel(t, v)
	text, err := v.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil { // by whoever
		t.Fatal(err)
	}
	for name, v := range map[string]*shm.Value[T]{"the maker's": v, "the closer's": other, "the zero": {}} {
		wantClosed(t, "Value.Load", func() { v.Load() })
		wantClosed(t, "Value.Store", func() { v.Store(x) })
		if err := v.Update(t.Context(), never[*T](t)); !errors.Is(err, shm.ErrClosed) {
			t.Errorf("%s: Update: %v", name, err)
		}
		if err := v.Close(); !errors.Is(err, shm.ErrClosed) {
			t.Errorf("%s: Close: %v", name, err)
		}
		_, binary := v.MarshalBinary()
		_, texted := v.MarshalText()
		for _, err := range []error{binary, texted} {
			if e, ok := errors.AsType[*shm.HandleError](err); !ok || e.Err != shm.ErrClosed {
				t.Errorf("%s: Marshal: %v", name, err)
			}
		}
		_ = v.String()
	}
	if err := new(shm.Value[T]).UnmarshalText(text); !errors.Is(err, shm.ErrClosed) {
		t.Errorf("UnmarshalText: %v", err)
	}
}

func TestNumbersAfterClose(t *testing.T) {
	v := newValue(t, int16(1))
	v.Close()
	wantClosed(t, "Value.Add", func() { shm.Add(v, 1) })
	wantClosed(t, "Value.CompareAndSwap", func() { shm.CompareAndSwap(v, 1, 2) })
}

func TestArrayAfterClose(t *testing.T) {
	a := newArray[int32](t, 4)
	for range a.All() {
		break
	}
	text, err := a.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	wantClosed(t, "Array.At", func() { a.At(0) })
	wantClosed(t, "Array.Set", func() { a.Set(0, 1) })
	wantClosed(t, "Array.Slice", func() { a.Slice() })
	wantClosed(t, "Array.Abandoned", func() { a.Abandoned() })
	wantClosed(t, "Array.All", func() {
		for range a.All() {
			t.Error("an element")
		}
	})
	if n := a.Len(); n != 4 {
		t.Errorf("Len %d", n)
	}
	for how, err := range map[string]error{
		"Update": a.Update(t.Context(), 0, 4, never[[]int32](t)),
		"Repair": a.Repair(t.Context(), never[[]int32](t)),
		"Close":  a.Close(),
		"decode": new(shm.Array[int32]).UnmarshalText(text),
	} {
		if !errors.Is(err, shm.ErrClosed) {
			t.Errorf("%s: %v", how, err)
		}
	}
	wantClosed(t, "Array.At", func() { new(shm.Array[int]).At(0) })
}

// TestCloseDuringUpdate: Close waits, for whoever is inside writes into the memory.
func TestCloseDuringUpdate(t *testing.T) {
	t.Run("small", func(t *testing.T) { closeDuringUpdate(t, 7, 8) })
	t.Run("big", func(t *testing.T) { closeDuringUpdate(t, wide{N: 7}, wide{N: 8}) })
	t.Run("array", func(t *testing.T) {
		a := newArray[int32](t, 1)
		closed := make(chan error, 1)
		sleeping := onSleep(t)
		err := a.Update(modetest.Patient(t), 0, 1, func(s []int32) error {
			go func() { closed <- a.Close() }()
			<-sleeping
			s[0] = 1
			return nil
		})
		if errc := modetest.Receive(t, closed, "Close"); err != nil || errc != nil {
			t.Errorf("Update: %v, Close: %v", err, errc)
		}
	})
}

func closeDuringUpdate[T comparable](t *testing.T, before, during T) {
	v := newValue(t, before)
	closed := make(chan error, 1)
	sleeping := onSleep(t)
	err := v.Update(modetest.Patient(t), func(p *T) error {
		go func() { closed <- v.Close() }()
		<-sleeping
		if x := v.Load(); x != before {
			t.Errorf("it is %v in an Update", x)
		}
		*p = during
		return nil
	})
	if errc := modetest.Receive(t, closed, "Close"); err != nil || errc != nil {
		t.Errorf("Update: %v, Close: %v", err, errc)
	}
	if err := v.Update(t.Context(), never[*T](t)); !errors.Is(err, shm.ErrClosed) {
		t.Errorf("Update after Close: %v", err)
	}
}

// TestCloseDuringStores: what is being stored does not land in the next object.
func TestCloseDuringStores(t *testing.T) {
	if race.Enabled {
		t.Skip("NOT RUN under the race detector: its Loads and Stores race on purpose")
	}
	for range 300 {
		v := newValue(t, wide{})
		stored := make(chan bool)
		go func() {
			defer close(stored)
			defer func() { recover() }() // a ClosedError
			for {
				v.Store(wide{N: 7})
			}
		}()
		for v.Load() == (wide{}) {
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		heir := newValue(t, wide{})
		<-stored
		if x := heir.Load(); x != (wide{}) {
			t.Fatalf("the next value in that place is %v", x)
		}
		heir.Close()
	}
}

// TestCloseWakesWaiters, also when the block is used again before they look.
func TestCloseWakesWaiters(t *testing.T) {
	for range 30 {
		a := newArray[int64](t, 2)
		sleeping := onSleep(t)
		inside, leave, left := make(chan bool), make(chan bool), make(chan error, 1)
		go func() {
			left <- a.Update(modetest.Patient(t), 0, 1, func([]int64) error { close(inside); <-leave; return nil })
		}()
		<-inside
		const waiters = 3
		closed, waited := make(chan error, 1), make(chan error, waiters)
		for i := range waiters {
			if i == 1 {
				go func() { closed <- a.Close() }()
			}
			go func() { waited <- a.Update(modetest.Patient(t), 0, 1, func([]int64) error { return nil }) }()
		}
		modetest.Receive(t, sleeping, "waiter")
		close(leave)
		if err := modetest.Receive(t, closed, "Close"); err != nil {
			t.Fatal(err)
		}
		b := newArray[int64](t, 2)
		for range waiters { // each came before the Close or after it
			if err := modetest.Receive(t, waited, "error"); err != nil && !errors.Is(err, shm.ErrClosed) {
				t.Errorf("a waiter: %v", err)
			}
		}
		if err := modetest.Receive(t, left, "end of the Update"); err != nil {
			t.Errorf("the holder: %v", err)
		}
		if err := b.Update(modetest.Ended(), 0, 2, func([]int64) error { return nil }); err != nil {
			t.Fatalf("the next array in that place: %v", err)
		}
		b.Close()
	}
}
