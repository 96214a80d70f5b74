package layout

import "sync/atomic"

// Barrier is the head of the payload of a KindBarrier block; Declared seats follow, a
// word each.
//
//	bits 0-11   Arrived: how many wait in this round
//	bits 12-23  Parties: how many a round needs
//	bit  24     Broken
//	bit  25     Acting: all have arrived, and the last one runs its action
//	bit  26     Sleepers: somebody may sleep on Bell
//	bit  27     Open: the barrier was not closed
//	bits 32-39  History: of the last eight rounds, whether they were completed; the last one lowest
//	bits 40-63  Round, from a random number on
//
//	state                transition                                    made by
//	whole                Arrived + 1                                   Wait
//	Arrived = P - 1      → Round + 1, Arrived = 0, History 1           Wait: the last to arrive, without an action
//	Arrived = P - 1      → Arrived = P, Acting                         the same, with one
//	Acting               → Round + 1, Arrived = 0, History 1           the same, when the action has succeeded
//	whole                Arrived - 1                                   a Wait whose context has ended
//	whole                → Broken, Arrived = 0                         Abort; an action that failed; a context that ended
//	                                                                   while the action runs; whoever sees a dead member
//	Broken               → whole, Round + 1, Parties = not Lost        Repair, after it has marked the seats of the dead as Lost
//	whole                Parties - 1, and perhaps the next round       Leave, before it gives the seat up
//	any                  → Broken, then whole, Round + 1               Reset, after it has made the seats of the dead Open
//	any                  → 0                                           Close
//
// Who has moved the round on or broken it changes Bell and wakes all, if Sleepers was set.
//
//	seat                 transition    made by
//	BarrierSeatOpen      → me          Join, or the first Wait of a process
//	me                   → Lost        Leave, under Lock
//	dead owner           → Lost        Repair, under Lock, while the barrier is broken
//	dead owner, Lost     → Open        Reset, under Lock, while the barrier is broken
type Barrier struct {
	State atomic.Uint64
	Bell  atomic.Uint32
	// Checked is BarrierChecked plus the epoch for which all seats were looked at.
	Checked  atomic.Uint32
	Lock     Lock   // serializes Repair, Reset and Leave
	Declared uint32 // seats; never changes
	_        uint32
}

// Where the bell, the lock and the seats lie in the payload.
const (
	BarrierBellAt  = 8
	BarrierLockAt  = 16
	BarrierSeatsAt = 32
)

// The parts of a state: the mask of a count, one of each count, and the flags.
const (
	BarrierCount    uint64 = 1<<12 - 1
	BarrierArrived  uint64 = 1 << 0
	BarrierParties  uint64 = 1 << 12
	BarrierBroken   uint64 = 1 << 24
	BarrierActing   uint64 = 1 << 25
	BarrierSleepers uint64 = 1 << 26
	BarrierOpen     uint64 = 1 << 27
	BarrierHistory  uint64 = 1 << 32
	BarrierRound    uint64 = 1 << 40

	// Values that what lies here after a Close is unlikely to have.
	BarrierChecked  uint32 = 0x85eb_ca6b
	BarrierSeatOpen uint32 = 0xc2b2_ae35
	BarrierSeatLost uint32 = 0xe654_6b64
)
