package psync

import (
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// The payloads of their blocks.
const (
	reentrantBytes = uint64(unsafe.Sizeof(layout.Reentrant{}))
	onceBytes      = uint64(unsafe.Sizeof(layout.Once{}))
)

// set makes m the handle that ref is.
func (m *ReentrantMutex) set(ref family.Ref) {
	// SAFETY: a block of this kind holds a layout.Reentrant, which begins with a layout.Mutex; its address is valid for as
	// long as the process lives, whatever becomes of the block.
	m.x = (*layout.Reentrant)(ref.Payload())
	m.mu.set(ref)
	m.mu.place.On = ref.On(layout.KindReentrant)
}

// set makes o the handle that ref is.
func (o *Once) set(ref family.Ref) {
	// SAFETY: a block of this kind holds a layout.Once, which begins with a layout.Mutex; its address is valid for as
	// long as the process lives, whatever becomes of the block.
	o.x = (*layout.Once)(ref.Payload())
	o.mu.set(ref)
	o.mu.place.On = ref.On(layout.KindOnce)
}
