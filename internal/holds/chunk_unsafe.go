package holds

import (
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/layout"
)

const chunkBytes = uint64(unsafe.Sizeof(layout.HoldChunk{}))

// chunk is the payload of the block at off.
func (l *List) chunk(off uint64) *layout.HoldChunk {
	// SAFETY: follow or Alloc has found that it is a block of this kind and size; its address is valid as long as the process lives.
	return (*layout.HoldChunk)(l.Arena.Payload(off))
}
