package shm_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/shm"
)

// wantClosed checks that f panics with what names op.
func wantClosed(t *testing.T, op string, f func()) {
	t.Helper()
	p := panicOf(f)
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

// TestCloseDuringUpdate: the block may be somebody else's before fn returns.
func TestCloseDuringUpdate(t *testing.T) {
	t.Run("small", func(t *testing.T) { closeDuringUpdate(t, 7, 8, 9) })
	t.Run("big", func(t *testing.T) { closeDuringUpdate(t, wide{N: 7}, wide{N: 8}, wide{N: 9}) })
}

func closeDuringUpdate[T comparable](t *testing.T, before, during, heirs T) {
	v := newValue(t, before)
	var heir *shm.Value[T]
	inside, leave, left := make(chan bool), make(chan bool), make(chan error, 1)
	err := v.Update(t.Context(), func(p *T) error {
		*p = during
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		heir = newValue(t, before) // where v was, for what is free is used first
		go func() {
			left <- heir.Update(modetest.Patient(t), func(p *T) error {
				*p = heirs
				close(inside)
				<-leave
				return nil
			})
		}()
		<-inside
		return nil
	})
	if !errors.Is(err, shm.ErrClosed) {
		t.Errorf("Update of what was closed meanwhile: %v", err)
	}
	if x := heir.Load(); x != before {
		t.Errorf("the next value in that place has become %v", x)
	}
	if err := heir.Update(modetest.Ended(), never[*T](t)); !errors.Is(err, context.Canceled) {
		t.Errorf("its lock was given back by somebody else: %v", err)
	}
	close(leave)
	if err := modetest.Receive(t, left, "end of the Update"); err != nil || heir.Load() != heirs {
		t.Errorf("%v, %v", err, heir.Load())
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
		waited := make(chan error, waiters)
		for range waiters {
			go func() { waited <- a.Update(modetest.Patient(t), 0, 1, never[[]int64](t)) }()
		}
		modetest.Receive(t, sleeping, "waiter")
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		b := newArray[int64](t, 2)
		for range waiters {
			if err := modetest.Receive(t, waited, "error"); !errors.Is(err, shm.ErrClosed) {
				t.Errorf("a waiter: %v", err)
			}
		}
		close(leave)
		if err := modetest.Receive(t, left, "end of the Update"); err != nil && !errors.Is(err, shm.ErrClosed) {
			t.Errorf("the holder: %v", err)
		}
		if err := b.Update(modetest.Ended(), 0, 2, func([]int64) error { return nil }); err != nil {
			t.Fatalf("the next array in that place: %v", err)
		}
		if b.Abandoned() {
			t.Fatal("the next array in that place is abandoned")
		}
		b.Close()
	}
}
