package layout

import "sync/atomic"

// Semaphore is the payload of a KindSemaphore block.
//
// Its permits lie in words of one form: that of Pool, which is nobody's, and those of the [Hold]s, one or more for each process
// that ever had a permit. The record of a permit is the permit: the sum over all words changes by Wait and Post only.
//
//	bits 0-23   slots: who has set one holds one permit, or for the last four as many as its weight says.
//	            Of Pool, if Bound is not 0: permits that Wait took and nobody has posted
//	bits 24-50  free permits
//	bit  51     HoldOpen: the owner may take and give back here without looking any further
//	bits 52-53  Turn, changed by each move
//	bits 54-63  the tag of the object
//
//	word                        transition                 made by
//	open, free n                free n-1, a slot           Acquire, the fast path
//	open, a slot                free n+1                   Release, the fast path
//	shut, a slot                free n+1                   Release, which then looks whether somebody waits
//	free n                      free n-k, Turn + 1         whoever has Books and moves permits
//	free n                      free n+k, Turn + 1         the same, the second half
//	free n                      free n-w, a slot, open     AcquireN, which has Books; open if nobody waits
//	slots of a dead owner       free                       whoever has Books and looks for permits
//	open                        shut                       whoever has Books and finds too few; Close
//	Pool: free n                free n-1                   Wait
//	Pool: free n                free n+1                   Post
//
// Who waits has Queue. Freed is what it sleeps on; its flags are changed, but for SemaphoreAsleep, by who has Queue.
type Semaphore struct {
	Queue Mutex // of those who wait; its holder is the next to be served
	Books Lock  // who has it moves permits, gives holds to new owners and shuts them
	Bound uint32
	Freed atomic.Uint32
	Move  SemaphoreMove
	More  HoldLink
	_     [8]byte
	Pool  Hold
	Holds [4]Hold
}

// SemaphoreMove is the redo record of a move from one word to another, which belongs to who has Books. Words are numbered: Pool is
// 0, then come the holds in their order. A move that was pending when its maker died is half done if From's Turn
// is not what the record says, and To's is.
type SemaphoreMove struct {
	Pending  atomic.Uint32
	Count    atomic.Uint32
	From, To atomic.Uint32
	Turns    atomic.Uint32 // From's, and above it To's
	_        uint32
}

// Where Books, Freed and the words lie in the payload.
const (
	SemaphoreBooksAt = 32
	SemaphoreFreedAt = 44
	SemaphorePoolAt  = 96
	SemaphoreHoldsAt = 224
)

// The parts of a word of a [Semaphore], beside those of any [Hold].
const (
	PermitSlots            = 20 // of the slots, those that are one permit each
	PermitSlotBits         = uint64(1)<<PermitSlots - 1
	PermitShift            = HoldSlots
	Permit          uint64 = 1 << PermitShift // one that is free
	PermitBits      uint64 = (1<<27 - 1) << PermitShift
	PermitTurnShift        = 52
	PermitTurnBits         = 2
	PermitTurns     uint64 = (1<<PermitTurnBits - 1) << PermitTurnShift

	// MostPermits is how many can be acquired at a time, and posted without anybody's taking them. A word has room for
	// five times as many, since four can be held and as many free.
	MostPermits = 1<<24 - 1
)

// The parts of [Semaphore].Freed. The rest counts what was given back while somebody waited.
const (
	SemaphoreAsleep   uint32 = 1 << 0 // the first in the queue sleeps
	SemaphoreWaiting  uint32 = 1 << 1 // it is to be told
	SemaphoreReserved uint32 = 1 << 2 // it has waited for long: nobody else takes permits
	SemaphoreFreed    uint32 = 1 << 3
)
