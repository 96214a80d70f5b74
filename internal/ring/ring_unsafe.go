package ring

import (
	"sync/atomic"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/layout"
)

const (
	headBytes = uint64(unsafe.Sizeof(layout.Queue{}))
	cellBytes = uint64(unsafe.Sizeof(layout.QueueCell{}))

	putLockAt  = uint64(unsafe.Offsetof(layout.Queue{}.Put))
	getLockAt  = uint64(unsafe.Offsetof(layout.Queue{}.Get))
	getBellAt  = uint64(unsafe.Offsetof(layout.Queue{}.GetBell))
	putBellAt  = uint64(unsafe.Offsetof(layout.Queue{}.PutBell))
	joinBellAt = uint64(unsafe.Offsetof(layout.Queue{}.JoinBell))
	blockAt    = uint64(unsafe.Offsetof(layout.QueueCell{}.Block))
)

func (r *Ring) setHead() {
	// SAFETY: a block of this kind begins with a layout.Queue; its address is valid for as long as the
	// process lives, whatever becomes of the block.
	r.q = (*layout.Queue)(r.ref.Payload())
}

// blockOf is the block of a cell whose owner may be about to receive one.
func blockOf(c *layout.QueueCell) uint64 {
	// SAFETY: an aligned word; the allocator stores it as one.
	return (*atomic.Uint64)(unsafe.Pointer(&c.Block)).Load()
}

// Slot is the address of the i-th slot from pos on. Its bytes are the caller's between Begin and End only.
func (r *Ring) Slot(pos uint64, i uint32) unsafe.Pointer {
	// SAFETY: masked, the index is one of a slot, and the slots lie in the block, which was checked.
	return unsafe.Add(unsafe.Pointer(r.q), r.ringAt+uint64((count(pos)+i)&r.mask)*r.stride)
}

// ringWord is the word at a multiple of 8 that is less than the ring's length.
func (r *Ring) ringWord(at uint64) *uint64 {
	// SAFETY: the caller has masked at.
	return (*uint64)(unsafe.Add(unsafe.Pointer(r.q), r.ringAt+at))
}

// ringBytes is n bytes of the ring, which the caller knows to be in it.
func (r *Ring) ringBytes(at, n uint64) []byte {
	// SAFETY: the caller has checked that they do not go beyond the ring's end.
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(r.q), r.ringAt+at)), n)
}

// cellAt is the distance of a cell into the payload.
func (r *Ring) cellAt(i uint32) uint64 { return r.cellsAt + uint64(i)*cellBytes }

// cell is the i-th cell, which the caller knows to be one.
func (r *Ring) cell(i uint32) *layout.QueueCell {
	// SAFETY: the cells lie in the block, which was checked.
	return (*layout.QueueCell)(unsafe.Add(unsafe.Pointer(r.q), r.cellAt(i)))
}

// leaseBytes is the place for n bytes of the message in a cell of the first kind.
func (r *Ring) leaseBytes(i uint32, n uint64) []byte {
	// SAFETY: i is less than r.leases and n no more than r.leaseRoom.
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(r.q), r.roomsAt+uint64(i)*r.leaseRoom)), n)
}

// blockBytes is n bytes of the block at off, which the caller has checked.
func (r *Ring) blockBytes(off, n uint64) []byte {
	// SAFETY: the block is the cell's and holds n bytes.
	return unsafe.Slice((*byte)(r.ref.Member.Arena.Payload(off)), n)
}

// slotBytes is the message in the slot at pos.
func (r *Ring) slotBytes(pos uint64) []byte {
	// SAFETY: as for Slot; a slot holds r.inline bytes.
	return unsafe.Slice((*byte)(r.Slot(pos, 0)), r.inline)
}
