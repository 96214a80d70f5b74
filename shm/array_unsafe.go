package shm

import (
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

func (a *Array[T]) setHead(ref family.Ref) {
	a.ref = ref
	// SAFETY: a block of this kind begins with a layout.Array.
	a.head = (*layout.Array)(ref.Payload())
}

// setView is called with a number of elements that is known to fit in the block. It
// does not read the number again: any process of the family can overwrite it.
func (a *Array[T]) setView(n uint64) {
	if n == 0 {
		a.view = []T{} // behind the head there may be no memory to point to
		return
	}
	// SAFETY: n elements of T lie behind the head; T has no pointers, and its
	// alignment is at most 8.
	a.view = unsafe.Slice((*T)(unsafe.Add(unsafe.Pointer(a.head), arrayHead)), int(n))
}
