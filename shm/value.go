package shm

import (
	"context"
	"fmt"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// wordBytes is the size up to which a value is one atomic word.
const wordBytes = 8

// A Value is one T that processes share. It is a handle.
type Value[T any] struct {
	// What Add reads: the cell of an integer of 8 bytes, and what *gen is as long as the
	// value is open. In all other cases open is something else.
	cell *uint64
	gen  *uint32
	open uint32

	ref   family.Ref
	small *layout.Value // for a T of up to 8 bytes
	big   bigValue      // for others
	size  uintptr
}

// smallBytes is the payload of a value that is a word.
const smallBytes = 40

func valueShape(info typeInfo) family.Shape {
	s := family.Shape{Kind: layout.KindValue, Type: info.sig, Bytes: smallBytes}
	if info.size > wordBytes {
		s.Bytes = bigBytes(info.size)
	}
	return s
}

// NewValue makes a shared value. The error is a [*TypeError], or says that there is
// no memory left or that this process cannot be a member of a family.
func NewValue[T any](v T) (*Value[T], error) {
	info := infoOf[T]()
	if info.err != nil {
		return nil, info.err
	}
	ref, err := family.NewRef(valueShape(info))
	if err != nil {
		return nil, fmt.Errorf("shm: NewValue: %w", err)
	}
	x := new(Value[T])
	x.set(ref)
	x.format(info)
	x.init(v)
	return x, nil
}

// check panics if v was closed.
func (v *Value[T]) check(op string) {
	if !v.ref.Live() {
		panic(&ClosedError{"Value." + op})
	}
}

// Load returns the value: all of what one Store or Update wrote. It never keeps a
// writer waiting, and it sees what was done before the Store that wrote the value.
// It panics with a [*ClosedError] after Close.
func (v *Value[T]) Load() T {
	v.check("Load")
	if v.small != nil {
		return v.loadWord()
	}
	x := v.loadBig()
	v.check("Load") // what was read is the value's only if it was open all the time
	return x
}

// Store replaces the value. A process that dies inside leaves the old one. Who Loads it sees what
// was done before; a Load of another value that follows may happen before others see the Store, which
// it does not with a lock, Add or CompareAndSwap. A T
// of more than 8 bytes is stored under the value's own lock, so a Store may wait for
// an Update. It panics with a [*ClosedError] after Close.
func (v *Value[T]) Store(x T) {
	v.check("Store")
	if v.small != nil {
		v.storeWord(x)
		return
	}
	v.storeBig(x)
}

// Update changes the value by fn, which works on a copy: what fn leaves there
// becomes the value if fn returns nil. Updates exclude each other, in all processes;
// a process that dies inside leaves the old value. For a T of up to 8 bytes, fn
// runs again if a Store, Add or CompareAndSwap came between. fn must not
// use v. The error is fn's, ctx's, or [ErrClosed].
func (v *Value[T]) Update(ctx context.Context, fn func(*T) error) error {
	if !v.ref.Live() {
		return ErrClosed
	}
	return v.underLock(ctx, func() error {
		for {
			old := v.current()
			x := old
			if err := fn(&x); err != nil {
				return err
			}
			if !v.ref.Live() {
				return ErrClosed
			}
			if v.small == nil {
				v.updateBig(x)
				return nil
			}
			if v.swapWord(old, x) {
				return nil
			}
		}
	})
}

// current is the value for an Update, which may meet an Add.
func (v *Value[T]) current() T {
	if v.small != nil {
		return v.loadAtomic()
	}
	return v.loadBig()
}

// Close frees the memory for all processes. It waits for an Update that is under way,
// and for a Store of a T of more than 8 bytes. The second Close is [ErrClosed].
//
// A word is stored without a lock: whoever closes a value makes sure that nobody is just about
// to store one, for the memory may be another object's a moment later.
func (v *Value[T]) Close() error {
	if !v.ref.Live() {
		return ErrClosed
	}
	return closeUnderLock(&v.ref, v.lock())
}

// Equal reports whether both name the same memory.
func (v *Value[T]) Equal(o *Value[T]) bool { return o != nil && v.ref.Equal(&o.ref) }

// String names the value for people; it does not read it.
func (v *Value[T]) String() string { return fmt.Sprintf("value@%#x", v.ref.Off) }

// underLock runs fn under the value's own lock. That of a dead holder is
// taken over without a word: what it had begun was never published.
func (v *Value[T]) underLock(ctx context.Context, fn func() error) error {
	return underLock(ctx, &v.ref, v.lock(), func(bool) error { return fn() })
}
