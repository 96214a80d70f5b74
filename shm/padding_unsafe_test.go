package shm_test

import (
	"testing"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/modetest"
)

type (
	plainPadded struct { // the compiler copies it field by field
		A uint8
		B uint32
	}
	arrayPadded struct { // the compiler copies it whole
		A [3]uint8
		B uint32
	}
	oddPadded struct { // 6 bytes
		A uint16
		B uint8
		C uint16
	}
	blankField struct {
		A uint8
		_ [3]uint8
		B uint32
	}
)

// dirty is a T whose bytes, padding included, are all b.
func dirty[T any](b byte) (x T) {
	// SAFETY: every bit pattern is a T here.
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&x)), unsafe.Sizeof(x))
	for i := range raw {
		raw[i] = b
	}
	return x
}

// TestPadding: whatever lies between the fields, an Update ends.
func TestPadding(t *testing.T) {
	t.Run("plain", func(t *testing.T) { padding(t, func(p *plainPadded) { p.B++ }) })
	t.Run("array", func(t *testing.T) { padding(t, func(p *arrayPadded) { p.B++ }) })
	t.Run("odd", func(t *testing.T) { padding(t, func(p *oddPadded) { p.C++ }) })
	t.Run("blank", func(t *testing.T) { padding(t, func(p *blankField) { p.B++ }) })
}

//go:noinline
func padding[T comparable](t *testing.T, change func(*T)) {
	ctx := modetest.Patient(t)
	v := newValue(t, dirty[T](0xff))
	for _, b := range []byte{0xff, 0, 0xaa} {
		before := dirty[T](b)
		v.Store(before)
		after := before
		change(&after)
		runs := 0
		err := v.Update(ctx, func(p *T) error {
			if runs++; runs > 100 {
				t.Fatal("an Update without a rival does not end")
			}
			change(p)
			return nil
		})
		if err != nil || v.Load() != after || runs != 1 {
			t.Errorf("%v became %v in %d runs, %v", before, v.Load(), runs, err)
		}
	}
}

// TestViewIsTheMemory: Slice is no copy, and its elements lie as in a Go array.
func TestViewIsTheMemory(t *testing.T) {
	a := newArray[arrayPadded](t, 3)
	s := a.Slice()
	if unsafe.SliceData(s) != unsafe.SliceData(a.Slice()) {
		t.Error("two Slices are two memories")
	}
	if p := uintptr(unsafe.Pointer(unsafe.SliceData(s))); p%8 != 0 {
		t.Errorf("elements begin at %#x", p)
	}
	s[2] = arrayPadded{B: 9}
	if got := a.At(2).B; got != 9 {
		t.Errorf("wrote 9 through the view, read %d", got)
	}
}
