package layout

import "sync/atomic"

// Slots is the number of rows of the process table. Row 0 is never used, nor is
// the last one, whose id with the last generation is [OwnerClosed].
const Slots = 1 << SlotBits

// An owner id is a slot and the generation of the slot: 29 bits.
const (
	SlotBits       = 12
	GenerationBits = 18
)

// Lease is the word of a slot that tells who lives in it.
//
//	state      word                     who moves it on
//	free       0                        a parent: CAS to reserved
//	reserved   Reserved | parent slot   the child: CAS to its thread id; the parent or a reaper: CAS to dead
//	alive      thread id | Waiters      the kernel, when that thread dies: to dead
//	dead       Waiters | Died           a reaper: CAS to reaping
//	reaping    Reaping | reaper's slot  that reaper: to free; whoever reaps the reaper: CAS to dead
type Lease struct {
	Word atomic.Uint32
}

const (
	LeaseWaiters  uint32 = 1 << 31 // the kernel wakes only when it is set
	LeaseDied     uint32 = 1 << 30 // set by the kernel
	LeaseReserved uint32 = 1 << 29 // thread ids end below these two
	LeaseReaping  uint32 = 1 << 28
	LeaseSlot     uint32 = 1<<SlotBits - 1 // the slot in reserved and reaping
	LeaseThread   uint32 = 1<<28 - 1
	LeaseDead            = LeaseWaiters | LeaseDied
)

// WaitWords is how many words a process that lacks futex_waitv can record as
// waited for; those beyond it are found by the timeout alone.
const WaitWords = 8

// SlotSize is the size of a row.
const SlotSize = 256

// TextWords is how many words a name in a row has.
const TextWords = 6

// SlotBlockedAt is where [Slot].Blocked lies in a row.
const SlotBlockedAt = 224

// Slot is a row of the process table. It belongs to whoever moved its lease:
// the reserver until the child registers, then the child, then the reaper.
type Slot struct {
	Generation atomic.Uint32 // counts the lives of the slot; written by the reserver
	Parent     atomic.Uint32 // owner id of the reserver, 0 for the root
	Pid        atomic.Uint32 // 0 until the child has registered completely
	Confirmed  atomic.Uint32 // the generation whose end was proven
	Announced  atomic.Uint32 // the generation whose end was told to all sleepers
	Bell       atomic.Uint32 // rung to make the warden of this process look again
	_          [8]byte
	Start      atomic.Uint64 // the start time that identifies Pid
	Limbo      atomic.Uint64 // a free block whose pages this process is giving back; see Redo
	Proving    atomic.Uint64 // until when, on the monotonic clock, somebody looks for proof of its death
	_          [8]byte
	Waits      [WaitWords]atomic.Uint64 // offsets of words waited for, without futex_waitv
	// Who it is, for people: UTF-8 up to the first zero. Written by the process, zeroed by the reserver.
	Name  [TextWords]atomic.Uint64
	Entry [TextWords]atomic.Uint64
	// Blocked is the block of this row's [Waits], 0 if it has none. It is the row's, whoever lives in it.
	Blocked atomic.Uint64
	// Unnoted is how many goroutines of the process wait without a record of that.
	Unnoted atomic.Uint32
	_       [SlotSize - 236]byte
}
