package shm

import (
	"math"
	"reflect"
	"sync/atomic"
)

// Integer is any integer type whose values can be shared.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Number is what [Add] adds.
type Number interface {
	Integer | ~float32 | ~float64
}

// Add adds delta to v in one atomic step and returns the new value. Integers wrap
// around as Go's do. It panics with a [*ClosedError] after Close, and if v names nothing.
func Add[T Number](v *Value[T], delta T) T {
	// Just simple enough to be inlined, which is a third of its time.
	if *v.gen != v.open {
		return v.add(delta)
	}
	return T(atomic.AddUint64(v.cell, uint64(delta)))
}

// add is Add for every T that is a Number, and if v was closed.
func (v *Value[T]) add(delta T) T {
	v.check("Add")
	if sum, ok := v.addWord(delta); ok {
		return sum
	}
	for kind := reflect.TypeFor[T]().Kind(); ; {
		old := v.loadAtomic()
		if sum := fromWord[T](plus(kind, v.size, toWord(old), toWord(delta))); v.swapWord(old, sum) {
			return sum
		}
	}
}

// plus adds the bits of two numbers of a kind and size.
func plus(kind reflect.Kind, size uintptr, a, b uint64) uint64 {
	switch kind {
	case reflect.Float32:
		return uint64(math.Float32bits(math.Float32frombits(uint32(a)) + math.Float32frombits(uint32(b))))
	case reflect.Float64:
		return math.Float64bits(math.Float64frombits(a) + math.Float64frombits(b))
	}
	return (a + b) & (1<<(8*size) - 1)
}

// CompareAndSwap stores new in v if v is old, in one atomic step, and reports whether
// it did. It panics with a [*ClosedError] after Close.
func CompareAndSwap[T Integer | ~bool](v *Value[T], old, new T) bool {
	v.check("CompareAndSwap")
	return v.swapWord(old, new)
}
