package shm

import (
	"context"
	"fmt"
	"iter"
	"math/bits"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// An Array is a fixed number of T that processes share. It is a handle. Its elements
// are plain memory: whoever uses them while another process writes them needs a lock,
// as for a slice.
type Array[T any] struct {
	ref  family.Ref
	head *layout.Array
	view []T
}

const arrayHead = 32

func arrayShape(info typeInfo, bytes uint64) family.Shape {
	return family.Shape{Kind: layout.KindArray, Type: info.sig, Bytes: bytes}
}

// NewArray makes a shared array of n zeros. The error is a [*TypeError] or a
// [*FullError], or says that this process cannot be a member of a family. It panics
// if n is negative, as make does.
func NewArray[T any](n int) (*Array[T], error) {
	info := infoOf[T]()
	if info.err != nil {
		return nil, info.err
	}
	if n < 0 {
		panic(fmt.Sprintf("shm: NewArray of %d elements", n))
	}
	hi, bytes := bits.Mul64(uint64(n), info.size)
	if hi != 0 || bytes+arrayHead < bytes {
		return nil, fmt.Errorf("shm: NewArray: %w", &FullError{Need: 1<<64 - 1, Err: ErrLimit})
	}
	ref, err := family.NewRef(arrayShape(info, arrayHead+bytes))
	if err != nil {
		return nil, fmt.Errorf("shm: NewArray: %w", err)
	}
	a := new(Array[T])
	a.setHead(ref)
	a.head.Type, a.head.Size, a.head.Len = info.sig, uint32(info.size), uint64(n)
	a.setView(uint64(n))
	return a, nil
}

// NewArrayOf makes a shared array with the elements of s.
func NewArrayOf[T any](s []T) (*Array[T], error) {
	a, err := NewArray[T](len(s))
	if err == nil {
		copy(a.view, s)
	}
	return a, err
}

func (a *Array[T]) elements(op string) []T {
	if !a.ref.Live() {
		panic(&ClosedError{"Array." + op})
	}
	return a.view
}

// Len is the number of elements. It never changes.
func (a *Array[T]) Len() int { return len(a.view) }

// At returns element i. It panics if i is out of range, and with a [*ClosedError]
// after Close.
func (a *Array[T]) At(i int) T { return a.elements("At")[i] }

// Set replaces element i. It panics as [Array.At] does.
func (a *Array[T]) Set(i int, x T) { a.elements("Set")[i] = x }

// All iterates over indexes and elements.
func (a *Array[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i, x := range a.elements("All") {
			if !yield(i, x) {
				return
			}
		}
	}
}

// Slice returns the elements themselves, not a copy: writing to it writes to the
// shared memory, at the speed of memory. The view must not be used after Close, by any
// process; nothing can detect that.
func (a *Array[T]) Slice() []T { return a.elements("Slice")[:len(a.view):len(a.view)] }

// Update runs fn on elements [i, j) in place. Updates of an array exclude each other,
// in all processes. The error is fn's, ctx's or [ErrClosed]; what fn has written
// stays, whatever it returns. If a process died inside a former Update, or fn panicked, the
// elements may be half-written: then it is [ErrAbandoned], without running fn, until [Array.Repair].
// It panics if the range is invalid.
func (a *Array[T]) Update(ctx context.Context, i, j int, fn func([]T) error) error {
	if !a.ref.Live() {
		return ErrClosed
	}
	part := a.view[i:j:j]
	return underLock(ctx, &a.ref, &a.head.Lock, func(abandoned bool) error {
		if abandoned {
			return ErrAbandoned
		}
		return fn(part)
	})
}

// Repair runs fn on all elements, as [Array.Update] does, abandoned or not. If fn
// returns nil the array is not abandoned any more.
func (a *Array[T]) Repair(ctx context.Context, fn func([]T) error) error {
	if !a.ref.Live() {
		return ErrClosed
	}
	return underLock(ctx, &a.ref, &a.head.Lock, func(bool) error { return fn(a.view) })
}

// Abandoned reports whether a process died inside an Update and no Repair came since.
func (a *Array[T]) Abandoned() bool {
	a.elements("Abandoned")
	return lock.Abandoned(&a.head.Lock)
}

// Close frees the memory for all processes. It waits for an Update that is under way.
// The second Close is [ErrClosed].
func (a *Array[T]) Close() error {
	if !a.ref.Live() {
		return ErrClosed
	}
	return closeUnderLock(&a.ref, &a.head.Lock)
}

// Equal reports whether both name the same memory.
func (a *Array[T]) Equal(o *Array[T]) bool { return o != nil && a.ref.Equal(&o.ref) }

// String names the array for people; it does not read it.
func (a *Array[T]) String() string { return fmt.Sprintf("array@%#x[%d]", a.ref.Off, len(a.view)) }

// BindMember makes a the handle of a member of this process; multiproc calls it
// where an argument arrives in goroutine mode.
func (a *Array[T]) BindMember(m *family.Member) { a.ref.Bind(m) }

// MarshalBinary encodes the handle for another process of the family.
func (a *Array[T]) MarshalBinary() ([]byte, error) {
	return a.ref.AppendBinary(nil, arrayShape(infoOf[T](), 0))
}

// UnmarshalBinary makes a the handle that b encodes. It returns a [*HandleError] for
// anything that is no handle to an open array of this type and family.
func (a *Array[T]) UnmarshalBinary(b []byte) error { return a.decode(b, family.DecodeBinary) }

// MarshalText is MarshalBinary as one word of ASCII, for a flag or the environment.
func (a *Array[T]) MarshalText() ([]byte, error) {
	return a.ref.AppendText(nil, arrayShape(infoOf[T](), 0))
}

// UnmarshalText undoes MarshalText.
func (a *Array[T]) UnmarshalText(text []byte) error { return a.decode(text, family.DecodeText) }

func (a *Array[T]) decode(b []byte, how func([]byte, family.Shape) (family.Ref, error)) error {
	info := infoOf[T]()
	if info.err != nil {
		return info.err
	}
	ref, err := how(b, arrayShape(info, arrayHead))
	if err != nil {
		return err
	}
	x := new(Array[T])
	x.setHead(ref)
	n, room, sig := x.head.Len, ref.Bytes(), x.head.Type
	hi, bytes := bits.Mul64(n, info.size)
	switch {
	case !ref.Live(): // and so what was read may be another object's
		return &HandleError{Kind: "array", Err: ErrClosed}
	case sig != info.sig:
		return &HandleError{Kind: "array", Reason: "its element type is another", Err: ErrKind}
	case hi != 0 || room < arrayHead || bytes > room-arrayHead:
		return &HandleError{Kind: "array", Reason: "longer than its block", Err: ErrHandle}
	}
	x.setView(n)
	*a = *x
	return nil
}
