package layout

import "sync/atomic"

// Queue is the head of the payload of a KindQueue or KindJoinable block. Behind it lie
//
//	[Leases+Bigs]QueueCell   messages that somebody holds, and large ones
//	[Leases] of LeaseRoom    the bytes of the former
//	the ring                 Slots of Stride bytes, or records that vary in size
//
// A position is a count of messages in its upper half and, where messages vary in size, of 8-byte words
// in the lower; both wrap around. Tail belongs to the holder of Put.Lock, Head to
// that of Get.Lock; to store one of them is what commits. What lies outside of
// [Head, Tail) means nothing.
//
// A block's payload begins in the middle of a cache line. Words that different processes
// write lie two lines apart, for processors fetch lines in pairs.
type Queue struct {
	Type      uint32 // signature of the element type
	Stride    uint32 // bytes of a slot; 0: messages vary in size
	Slots     uint32 // slots, or words of the ring; a power of two
	Capacity  uint32 // messages
	Leases    uint32 // cells for messages that somebody holds
	Bigs      uint32 // cells for messages too large for the ring
	LeaseRoom uint32 // bytes of one of the former
	Inline    uint32 // the largest message in the ring
	Budget    uint64 // bytes of all blocks of large messages
	State     atomic.Uint32
	Spin      uint32 // microseconds; see ring.Config
	_         [48]byte
	Put       QueueSide
	Tail      atomic.Uint64
	_         [120]byte
	Get       QueueSide
	Head      atomic.Uint64
	_         [120]byte
	// The bells: bit 0 says that somebody sleeps or is about to, the rest counts.
	GetBell  atomic.Uint32 // of those who wait for a message
	_        [124]byte
	PutBell  atomic.Uint32 // of those who wait for room
	_        [60]byte
	JoinBell atomic.Uint32 // of those who wait until all is done
	_        [60]byte
}

// QueueSide is what belongs to the holder of one of the two locks.
type QueueSide struct {
	Lock     Lock
	Seen     uint64        // the other side's position as it was last read
	Cells    uint32        // Get: whether cells were ever used
	Returned atomic.Uint32 // Get: cells in state CellReturned
	Epoch    uint32        // Get: of deaths, up to which holders have been looked after
	Done     uint32        // Get: messages that are done; see JoinableQueue
	_        uint32
	_        [92]byte
}

// States of a queue.
const (
	QueueOpen     uint32 = 0
	QueueDraining uint32 = 1 // no Put any more
	QueueClosed   uint32 = 2 // whoever looks may free it
)

// QueueCell is a message outside the ring's order: one that is being written, one that is too large
// for the ring, one that somebody holds.
//
//	state           → next          made by
//	CellFree        → CellWriting   who reserves, under Put.Lock
//	CellWriting     → CellPlacing   the writer's commit, under Put.Lock, which then stores Tail
//	                → CellFree      the writer; anybody, if the writer is dead
//	CellPlacing     → CellQueued    the same commit, after Tail; the next holder of Put.Lock, if the writer is dead: to Queued or Free, by Tail
//	CellFree        → CellTaking    who leases a message of the ring, under Get.Lock
//	CellPlacing, CellQueued → CellTaking   who takes a large message, under Get.Lock, and then stores Head
//	CellTaking      → CellHeld      the same, after Head; the next holder of Get.Lock, if the taker is dead: back, or to Returned, by Head
//	CellReturned    → CellHeld      who takes it again, under Get.Lock
//	CellHeld        → CellDone      Ack, under Get.Lock
//	                → CellReturned  Nack, or, if the holder is dead, whoever notices; under Get.Lock
//	CellDone        → CellFree      the same Ack; the next holder of Get.Lock, if it is dead
type QueueCell struct {
	Word       atomic.Uint64 // state in the upper half, the process whose it is in the lower
	Block      uint64        // of the arena, whose payload is the message; 0: none
	Len        uint64        // bytes of the message, or those that are asked for while the block is being made
	Pos        uint32        // the count of the position at which it stands or stood
	Deliveries uint32        // how often it was taken
	Flags      uint32        // of the record
	Done       uint32        // QueueSide.Done once it is done
	_          [24]byte
}

// States of a cell, in the upper half of its word.
const (
	CellFree uint64 = iota << 32
	CellWriting
	CellPlacing
	CellQueued
	CellTaking
	CellHeld
	CellReturned
	CellDone
	CellState uint64 = 0xffffffff << 32
)

// A record of a ring with messages that vary in size is one word and the bytes, padded to words. The
// word is the number of bytes in its lower half and flags in its upper.
const (
	RecordNil  uint64 = 1 << 32 // a nil slice, which is not an empty one
	RecordCell uint64 = 1 << 33 // the bytes are in the cell of that number
	RecordSkip uint64 = 1 << 34 // no message: what follows is at the ring's beginning
)
