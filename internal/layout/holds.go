package layout

import "sync/atomic"

// Hold is one process's part in an object that several may hold at a time: an [RWMutex], or a [Semaphore], which says
// itself what else is in Word. It is the record
// of what the process holds and the lock itself: when its owner is dead, what stands in it counts no more.
//
// Nothing that another process writes lies within 128 bytes of Word, since processors fetch cache
// lines in pairs.
//
//	Owner                transition        made by
//	0, or one dead       → me|HoldClaiming a process that has none yet, or none with room
//	me|HoldClaiming      → me              the same, when Word is empty and has the object's tag
//
// A slot of an RWMutex is taken if its bit is not the lowest of its ticket. So it is taken by a change of the word and
// given back by a store to a word of its own.
//
//	Word, of a living owner                made by
//	a slot's bit changed its owner         RLock, when the slot is free; with ReadTurn + 1
//	HoldOpen 0 → 1       its owner         RLock, while it has the writers' lock
//	HoldOpen 1 → 0       anybody           Lock, once it has that lock; Close
//	ReadWatched 0 → 1    anybody           Lock, when it is going to sleep: it has shut the hold and put a barrier on all CPUs
//	ReadWatched 1 → 0    its owner         RUnlock, now and then, while the hold is open
//
//	Tickets[slot]                          made by
//	t → t+1              its owner         RUnlock of whoever has taken the slot
//	t → t+2              its next owner    a slot that a dead process held
type Hold struct {
	Word  atomic.Uint64
	Owner atomic.Uint32
	_     uint32
	// Tickets count how often each slot was given back. One belongs to whoever has taken
	// the slot; a guard carries the value that it found.
	Tickets [HoldSlots]atomic.Uint32
	// Weights are how many permits each of the last slots is in a [Semaphore]. One is written before the slot's bit is set.
	Weights [HoldSlots - PermitSlots]atomic.Uint32
}

// The parts of [Hold].Word.
const (
	HoldSlots = 24 // of each hold

	HoldSlotBits uint64 = 1<<HoldSlots - 1
	HoldOpen     uint64 = 1 << 51 // readers may come in without looking further
	HoldTagShift        = 54      // of the object, never 0: a late compare-and-swap fails on the next object in its place
	HoldTag      uint64 = (1<<10 - 1) << HoldTagShift
)

// The parts of [Hold].Word in an [RWMutex], beside those of any.
const (
	ReadTurn    uint64 = HoldOpen - 1<<HoldSlots // counts the readings: a compare-and-swap fails though the slots are again as they were
	ReadWatched uint64 = 1 << 52                 // readers leave by an atomic instruction
)

// HoldClaiming is a flag of [Hold].Owner.
const HoldClaiming uint32 = 1 << 31

// HoldLink leads to more holds. Off is set last, and not changed as long as the object is open.
type HoldLink struct {
	Off atomic.Uint64 // of the block of a HoldChunk, 0 if there is none
	Gen uint32        // its generation
	_   uint32
}

// HoldChunk is the payload of a KindHolds block.
type HoldChunk struct {
	More  HoldLink
	_     [16]byte
	Holds [8]Hold
}

// These say where the holds lie in a payload: on a cache line.
const (
	RWMutexHoldsAt = 96
	ChunkHoldsAt   = 32
)

// RWMutex is the payload of a KindRWMutex block.
//
// Mutex is what writers take, and for a moment readers whose hold is not open. Only who has it
// changes Gate, but for GateClosed. Gate says what a writer was doing when it died.
//
// The gate carries the object's tag, as the words of its holds do.
//
//	Gate, but for the tag transition            made by
//	0                     → me|GateDraining     Lock, once it has Mutex and before it shuts the holds
//	me|GateDraining       → me                  the same, when no living process has taken a slot
//	me|GateDraining       → 0                   the same, when its context has ended
//	me                    → 0                   Unlock, Downgrade
//	me                    → me|GateAbandoned    a panic under the lock
//	dead|GateDraining     → 0                   the next who has Mutex: nothing was written
//	dead                  → GateAbandoned       the next who has Mutex
//	me|GateAbandoned      → me                  Repaired
//	any                   → any|GateClosed      Close
type RWMutex struct {
	Mutex   Mutex
	Gate    atomic.Uint64
	Drained atomic.Uint32 // changed and woken when a slot is given back while the gate is draining
	_       uint32
	More    HoldLink
	_       [32]byte
	Holds   [4]Hold
}

// The parts of [RWMutex].Gate.
const (
	GateOwner     uint64 = uint64(LockOwner)
	GateAbandoned uint64 = 1 << 30
	GateDraining  uint64 = 1 << 31
	GateClosed    uint64 = 1 << 32
)
