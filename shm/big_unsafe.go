package shm

import (
	"context"
	"sync/atomic"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/race"
)

// bigValue is a value in two copies; see [layout.BigValue]. A reader copies the
// valid one and looks again at the count of flips: only if a writer may have begun to
// fill that copy anew, which is the second Store after the reader began, it reads again.
type bigValue struct {
	head   *layout.BigValue
	copies [2]unsafe.Pointer
	size   uintptr
}

const bigHead = unsafe.Sizeof(layout.BigValue{})

// copyBytes is the room of one copy: whole cache lines.
func copyBytes(size uint64) uint64 { return (size + 63) &^ 63 }

func bigBytes(size uint64) uint64 { return uint64(bigHead) + 2*copyBytes(size) }

func (b *bigValue) set(p unsafe.Pointer, size uintptr) {
	// SAFETY: the payload is as long as bigBytes says.
	b.head = (*layout.BigValue)(p)
	b.copies[0] = unsafe.Add(p, bigHead)
	b.copies[1] = unsafe.Add(p, bigHead+uintptr(copyBytes(uint64(size))))
	b.size = size
}

func (b *bigValue) flips() *uint64 { return &b.head.Flips }

// publish makes *src the value. The caller holds the lock, or is alone.
//
//go:norace
func (b *bigValue) publish(src unsafe.Pointer) {
	race.Disable()
	defer race.Enable()
	n := atomic.LoadUint64(b.flips())
	dst := b.copies[(n+1)&1]
	half := b.size / 2
	copyPlain(dst, src, half)
	crashpoint.At("value.half")
	copyPlain(unsafe.Add(dst, half), unsafe.Add(src, half), b.size-half)
	crashpoint.At("value.flip")
	// SYNC: this store is the release that the loads in read acquire.
	atomic.StoreUint64(b.flips(), n+1)
}

//go:norace
func copyPlain(dst, src unsafe.Pointer, n uintptr) {
	copy(unsafe.Slice((*byte)(dst), n), unsafe.Slice((*byte)(src), n))
}

// read copies the value to *dst. It returns false if a writer was too fast.
//
//go:norace
func (b *bigValue) read(dst unsafe.Pointer) bool {
	race.Disable()
	defer race.Enable()
	n := atomic.LoadUint64(b.flips())
	src := b.copies[n&1]
	i := uintptr(0)
	for ; i+8 <= b.size; i += 8 {
		// SAFETY: copies are aligned and whole words long. Atomic loads keep their
		// order, so all of them precede the second look at flips.
		w := atomic.LoadUint64((*uint64)(unsafe.Add(src, i)))
		*(*[8]byte)(unsafe.Add(dst, i)) = *(*[8]byte)(unsafe.Pointer(&w))
	}
	if i < b.size {
		w := atomic.LoadUint64((*uint64)(unsafe.Add(src, i)))
		copyPlain(unsafe.Add(dst, i), unsafe.Pointer(&w), b.size-i)
	}
	return atomic.LoadUint64(b.flips()) == n
}

// touch tells the race detector of a plain access to the value. All of them
// name the same copy.
func (b *bigValue) touch(access func(unsafe.Pointer, uintptr)) { access(b.copies[0], b.size) }

// patience is how often a reader reads again before it asks for the lock.
const patience = 1000

func (v *Value[T]) loadBig() (x T) {
	v.big.touch(race.Read)
	for range patience {
		if v.big.read(unsafe.Pointer(&x)) {
			return x
		}
	}
	if err := v.underLock(context.Background(), func() error {
		v.big.read(unsafe.Pointer(&x))
		return nil
	}); err != nil {
		panic(&ClosedError{"Value.Load"})
	}
	return x
}

func (v *Value[T]) storeBig(x T) {
	// Before the lock is taken: Stores do not order what they do not protect.
	v.big.touch(race.Write)
	if err := v.underLock(context.Background(), func() error {
		v.big.publish(unsafe.Pointer(&x))
		return nil
	}); err != nil {
		panic(&ClosedError{"Value.Store"})
	}
}

// updateBig is the part of Update that follows fn.
func (v *Value[T]) updateBig(x T) {
	v.big.touch(race.Write)
	v.big.publish(unsafe.Pointer(&x))
}
