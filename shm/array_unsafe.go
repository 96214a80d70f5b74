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

// setView is called once Len is known to fit in the block.
func (a *Array[T]) setView() {
	// SAFETY: Len elements of T lie behind the head; T has no pointers, and its
	// alignment is at most 8.
	a.view = unsafe.Slice((*T)(unsafe.Add(unsafe.Pointer(a.head), arrayHead)), int(a.head.Len))
}
