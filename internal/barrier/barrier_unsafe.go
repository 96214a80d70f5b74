package barrier

import (
	"sync/atomic"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/layout"
)

// Bind finds the seats of X.
func (b *Barrier) Bind() {
	// SAFETY: the seats follow X in its block, as many as it says; whoever made the block, or checked its
	// size, has seen to that.
	first := (*atomic.Uint32)(unsafe.Add(unsafe.Pointer(b.X), layout.BarrierSeatsAt))
	b.seats = unsafe.Slice(first, b.X.Declared)
	b.seat.Store(0)
}
