package layout

import "sync/atomic"

// Classes is the number of block sizes of the allocator.
const Classes = 128

// BlockAlign is the alignment and the smallest size of a block, a cache line;
// BlockHeader is what its header takes of it.
const (
	BlockAlign  = 64
	BlockHeader = 32
)

// AllocAt is the offset of the allocator's state, and so of its lock.
const AllocAt = 256

// Block heads every piece of the arena from BlocksAt to Alloc.Top; its payload
// follows. The generation is odd while the block is allocated and even while it
// is free; each change makes all older handles stale.
type Block struct {
	Generation atomic.Uint32
	Kind       uint32 // what lies in it
	Class      uint32 // its size class, for ever
	Owner      uint32 // the process that received it
	Bytes      uint64 // of payload that were asked for
	Next       uint64 // the next free block of its class
}

// Alloc is the allocator's state. All of it belongs to the holder of Lock. A
// change is first written to Redo, then made; the holder after a death makes
// it again from there.
type Alloc struct {
	Lock Lock
	Top  uint64 // end of the last block
	Live uint64 // allocated blocks
	Used uint64 // bytes in them, headers included
	_    [32]byte
	Redo Redo
	Free [Classes]uint64 // heads of the free lists
}

// Redo is one planned change of the allocator, in absolute values, so that
// making it twice is the same as once.
type Redo struct {
	Pending    atomic.Uint32 // 1: the rest is complete and must be applied
	Class      uint32
	Block      uint64
	Generation uint32
	Kind       uint32
	Owner      uint32
	LimboSlot  atomic.Uint32 // the slot whose Limbo becomes the value below; 0 is none
	Limbo      uint64
	Bytes      uint64
	Next       uint64
	Head       uint64 // the new head of the class's free list
	Top        uint64
	Live       uint64
	Used       uint64
	Receiver   uint64 // offset of the word that the block's offset is stored to, or 0; 0 when it is freed
	_          [32]byte
}
