package pickle

import "unsafe"

// address says where something is, and keeps it alive. It is compared and never followed.
type address = unsafe.Pointer

// boxed is how the compiler lays out an any.
type boxed struct{ kind, word unsafe.Pointer }

// identityOf returns what identical compares.
func identityOf(v any) boxed {
	// SAFETY: as in wordOf.
	return *(*boxed)(unsafe.Pointer(&v))
}

// wordOf returns the pointer in v: the object itself, or the box of a value that is not a pointer.
//
// The box of a value is its identity, as every float and every complex is an object in Python.
func wordOf(v any) address {
	// SAFETY: an interface value without methods is two pointers, the second to its data. Only its address is used.
	return (*boxed)(unsafe.Pointer(&v)).word
}

// identical reports whether a and b are one object, Python's "is".
func identical(a, b any) bool {
	return identityOf(a) == identityOf(b)
}

// dataOf returns where the bytes of s are.
func dataOf(s string) address {
	// SAFETY: the pointer is compared and kept, never followed.
	return unsafe.Pointer(unsafe.StringData(s))
}

// stringOf returns b as a string without a copy. Nobody writes to b while the string is in use.
func stringOf(b []byte) string {
	// SAFETY: a string may be at any address; that it does not change is what the callers promise.
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// boxes makes values of type T into values of type any, many with one allocation. A box that is alive keeps those
// beside it alive, and what they refer to.
type boxes[T any] []T

// box returns v as an any, in a box that nothing else is in.
func (b *boxes[T]) box(v T, size int) any {
	if len(*b) == cap(*b) {
		*b = make([]T, 0, size)
	}
	*b = append(*b, v)
	var a any = *new(T)
	// SAFETY: an any that holds a T, which is no pointer, is the type and the address of a T that is never written to
	// again. It may be inside of an allocation: the collector finds that by any address in it.
	(*boxed)(unsafe.Pointer(&a)).word = unsafe.Pointer(&(*b)[len(*b)-1])
	return a
}
