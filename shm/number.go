package shm

// Integer is any integer type whose values can be shared.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Number is what [Add] adds.
type Number interface {
	Integer | ~float32 | ~float64
}

// Add adds delta to v in one atomic step and returns the new value. Integers wrap
// around as Go's do. It panics with a [*ClosedError] after Close.
func Add[T Number](v *Value[T], delta T) T {
	v.check("Add")
	if sum, ok := v.addWord(delta); ok {
		return sum
	}
	for {
		old := v.loadAtomic()
		if v.swapWord(old, old+delta) {
			return old + delta
		}
	}
}

// CompareAndSwap stores new in v if v is old, in one atomic step, and reports whether
// it did. It panics with a [*ClosedError] after Close.
func CompareAndSwap[T Integer | ~bool](v *Value[T], old, new T) bool {
	v.check("CompareAndSwap")
	return v.swapWord(old, new)
}
