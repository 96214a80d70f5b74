package psync

import (
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// set makes b the handle that ref is, but for its seats.
func (b *Barrier) set(ref family.Ref) {
	b.bind(ref)
	// SAFETY: a block of this kind holds a layout.Barrier; its address is valid for as
	// long as the process lives, whatever becomes of the block.
	x := (*layout.Barrier)(ref.Payload())
	b.barrier.X, b.barrier.Env = x, b.env
	b.barrier.Place, b.barrier.On = ref.Place(&x.Lock, layout.BarrierLockAt), ref.On(layout.KindBarrier)
}
