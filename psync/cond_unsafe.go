package psync

import (
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// set makes c the handle that ref is, but for its mutex.
func (c *Cond) set(ref family.Ref) {
	c.bind(ref)
	c.cond.Ref = ref
	// SAFETY: a block of this kind holds a layout.Cond; its address is valid for as
	// long as the process lives, whatever becomes of the block.
	c.cond.X = (*layout.Cond)(ref.Payload())
}
