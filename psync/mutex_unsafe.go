package psync

import (
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// set makes m the handle that ref is.
func (m *Mutex) set(ref family.Ref) {
	// SAFETY: a block of this kind holds a layout.Mutex; its address is valid for as
	// long as the process lives, whatever becomes of the block.
	m.lock = &(*layout.Mutex)(ref.Payload()).Lock
	m.bind(ref)
}
