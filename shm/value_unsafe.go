package shm

import (
	"reflect"
	"sync/atomic"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/race"
)

// set makes v the handle that ref is.
func (v *Value[T]) set(ref family.Ref) {
	v.ref = ref
	v.size = unsafe.Sizeof(*new(T))
	// SAFETY: the block is a value's of this type and size; its address is valid for
	// as long as the process lives, whatever becomes of the block.
	if v.size <= wordBytes {
		v.small = (*layout.Value)(ref.Payload())
		v.setFast()
	} else {
		v.big.set(ref.Payload(), v.size)
	}
}

// setFast prepares for Add. The race detector is told what Add does by another way.
func (v *Value[T]) setFast() {
	v.gen, v.open = new(uint32), 1 // never equal
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64:
		if v.size == 8 && !race.Enabled {
			// SAFETY: an aligned word that lives as long as the process; atomic.Uint32 has no other field.
			v.gen = (*uint32)(unsafe.Pointer(v.ref.Generation()))
			v.open = v.ref.Gen
			v.cell = &v.small.Cell
		}
	}
}

// format writes the head of a new value.
func (v *Value[T]) format(info typeInfo) {
	if v.small != nil {
		v.small.Type, v.small.Size = info.sig, uint32(info.size)
	} else {
		v.big.head.Type, v.big.head.Size = info.sig, uint32(info.size)
	}
}

// init sets the value that nobody else can see yet.
func (v *Value[T]) init(x T) {
	if v.small != nil {
		v.small.Cell = toWord(x)
	} else {
		v.big.publish(unsafe.Pointer(&x))
	}
}

func (v *Value[T]) lock() *layout.Lock {
	if v.small != nil {
		return &v.small.Lock
	}
	return &v.big.head.Lock
}

// toWord puts x into the low bytes of a word, fromWord takes it out. Both
// architectures of process mode are little endian.
func toWord[T any](x T) (w uint64) {
	// SAFETY: T has no pointers and at most 8 bytes.
	*(*T)(unsafe.Pointer(&w)) = x
	return w
}

func fromWord[T any](w uint64) T { return *(*T)(unsafe.Pointer(&w)) }

// A cell of up to 4 bytes is used by 32-bit instructions only, a larger one by
// 64-bit instructions only; its unused bytes are zero.

func (v *Value[T]) cell32() *uint32 { return (*uint32)(unsafe.Pointer(&v.small.Cell)) }

// loadWord is a plain access to the race detector, and so is storeWord.
func (v *Value[T]) loadWord() T {
	if race.Enabled {
		race.Read(unsafe.Pointer(&v.small.Cell), v.size)
		race.Disable()
		defer race.Enable()
	}
	return v.loadAtomic()
}

func (v *Value[T]) loadAtomic() T {
	if v.size <= 4 {
		return fromWord[T](uint64(atomic.LoadUint32(v.cell32())))
	}
	return fromWord[T](atomic.LoadUint64(&v.small.Cell))
}

func (v *Value[T]) storeWord(x T) {
	if race.Enabled {
		race.Write(unsafe.Pointer(&v.small.Cell), v.size)
		race.Disable()
		defer race.Enable()
	}
	if v.size <= 4 {
		store32(v.cell32(), uint32(toWord(x)))
	} else {
		store64(&v.small.Cell, toWord(x))
	}
}

// swapWord is a compare-and-swap of the bits.
func (v *Value[T]) swapWord(old, new T) bool {
	if v.size <= 4 {
		return atomic.CompareAndSwapUint32(v.cell32(), uint32(toWord(old)), uint32(toWord(new)))
	}
	return atomic.CompareAndSwapUint64(&v.small.Cell, toWord(old), toWord(new))
}

// addWord adds to an integer of 4 or 8 bytes.
func (v *Value[T]) addWord(delta T) (T, bool) {
	switch any(delta).(type) {
	case int32, uint32:
		return fromWord[T](uint64(atomic.AddUint32(v.cell32(), uint32(toWord(delta))))), true
	case int64, uint64, int, uint:
		return fromWord[T](atomic.AddUint64(&v.small.Cell, toWord(delta))), true
	}
	if v.size < 4 {
		return delta, false
	}
	switch k := reflect.TypeFor[T]().Kind(); {
	case k == reflect.Float32 || k == reflect.Float64:
		return delta, false
	case v.size == 4:
		return fromWord[T](uint64(atomic.AddUint32(v.cell32(), uint32(toWord(delta))))), true
	default:
		return fromWord[T](atomic.AddUint64(&v.small.Cell, toWord(delta))), true
	}
}
