package blocked

import (
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/layout"
)

// Bytes is the payload of a block of records.
const Bytes = uint64(unsafe.Sizeof(layout.Waits{}))

// list is the records of a row, nil if it has none.
func (b *Book) list(slot uint32) *layout.Waits {
	off := b.table.Slot(slot).Blocked.Load()
	if off == 0 || off%layout.BlockAlign != 0 || !b.mem.Holds(off, layout.BlockHeader+Bytes) {
		return nil
	}
	// SAFETY: the range is backed and aligned. What lies there counts only where it agrees with the process table; it is
	// read by atomic operations, and written only by the process in that row.
	return (*layout.Waits)(b.mem.Ptr(off + layout.BlockHeader))
}
