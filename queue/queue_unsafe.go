package queue

import (
	"sync"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/ring"
)

// store puts v into the i-th slot from pos on.
func store[T any](r *ring.Ring, pos uint64, i uint32, v T) {
	// SAFETY: the slot is the caller's, at least as large as a T and aligned to 8; T has no pointers.
	*(*T)(r.Slot(pos, i)) = v
}

// load takes v from the i-th slot from pos on.
func load[T any](r *ring.Ring, pos uint64, i uint32) T {
	// SAFETY: as for store. Whatever bytes are there are a T.
	return *(*T)(r.Slot(pos, i))
}

// bytesOf is the memory of a T that has no pointers.
func bytesOf[T any](v *T) []byte {
	// SAFETY: the caller uses it as long as v only; T has no pointers.
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// asBytes is v, whose type is []byte.
func asBytes[T any](v *T) *[]byte {
	// SAFETY: the element's form says that T is []byte.
	return (*[]byte)(unsafe.Pointer(v))
}

// asText is v, whose type is string.
func asText[T any](v *T) *string {
	// SAFETY: the element's form says that T is string.
	return (*string)(unsafe.Pointer(v))
}

// textBytes is the bytes of v, whose type is string. They are only read.
func textBytes[T any](v *T) []byte {
	s := *asText(v)
	// SAFETY: nobody writes to them.
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// ownText is b as a text, which nobody else has.
func ownText(b []byte) string {
	// SAFETY: the caller has made b and forgets it.
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// scratches are buffers into which items are copied while the queue is locked.
var scratches = sync.Pool{New: func() any {
	b := make([]byte, 0, 512)
	return &b
}}

// maxScratch is the largest that is kept.
const maxScratch = 64 << 10
