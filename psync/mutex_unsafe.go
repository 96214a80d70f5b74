package psync

import (
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

const mutexBytes = uint64(unsafe.Sizeof(layout.Mutex{}))

// set makes m the handle that ref is.
func (m *Mutex) set(ref family.Ref) {
	// SAFETY: a block of this kind holds a layout.Mutex; its address is valid for as
	// long as the process lives, whatever becomes of the block.
	x := (*layout.Mutex)(ref.Payload())
	m.place = ref.Place(&x.Lock, 0)
	m.place.Mutex, m.place.On, m.place.Checked = x, ref.On(layout.KindMutex), x.Checked.Load() != 0
	m.bind(ref)
}
