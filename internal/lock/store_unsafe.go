//go:build amd64

package lock

import (
	"sync/atomic"
	"unsafe"
)

// store is an atomic store that releases and does not fence: what came before it is seen
// before it, what comes after may happen before it is seen. Every store of this
// architecture is one.
func store(w *atomic.Uint32, v uint32) {
	// SAFETY: an aligned word; atomic.Uint32 has no other field. The compiler keeps the order of stores.
	*(*uint32)(unsafe.Pointer(w)) = v
}
