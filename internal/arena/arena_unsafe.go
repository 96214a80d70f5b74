package arena

import (
	"sync/atomic"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/layout"
)

// Block is the header of the block at off. It does not check that off is one.
func (a *Arena) Block(off uint64) *layout.Block {
	// SAFETY: an offset from the allocator's own state, or one that Valid accepted.
	return (*layout.Block)(a.mem.Ptr(off))
}

// Payload is the address of what follows the header.
func (a *Arena) Payload(off uint64) unsafe.Pointer { return a.mem.Ptr(off + layout.BlockHeader) }

func (a *Arena) payload(off, n uint64) []byte {
	// SAFETY: the block at off is this process's and has n bytes behind its header.
	return unsafe.Slice((*byte)(a.Payload(off)), n)
}

// word is a receiver of AllocInto. Others may read it meanwhile, and find the block whole.
func (a *Arena) word(off uint64) *atomic.Uint64 {
	// SAFETY: whoever asked for the block passed an offset of its own, and so it is in the record.
	return (*atomic.Uint64)(a.mem.Ptr(off))
}
