package psync

import (
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// set makes e the handle that ref is.
func (e *Event) set(ref family.Ref) {
	e.bind(ref)
	v := &e.event
	// SAFETY: a block of this kind holds a layout.Event; its address is valid for as
	// long as the process lives, whatever becomes of the block.
	v.X = (*layout.Event)(ref.Payload())
	v.Off, v.Block, v.Gen, v.Hub = ref.PayloadAt(), ref.Block(), ref.Gen, e.env.Hub
	v.Book, v.On = e.env.Book, ref.On(layout.KindEvent)
}
