package layout

import "sync/atomic"

// Lock is a robust lock.
//
//	bits 0-29  owner: the id of the process that holds it, 0 when nobody does
//	bit  30    Abandoned: a holder died or panicked inside, and nobody has said Repaired since
//	bit  31    Waiters: somebody may sleep on the word
//
//	word                 transition                  made by
//	0                    → me                        Lock, the fast path
//	free, any bits       → me, bits kept             Lock; with Waiters if the caller has slept
//	owner                → owner|Waiters             a process that is going to sleep
//	dead owner           → me|Waiters|Abandoned      Lock, once the death is confirmed
//	me                   → 0                         Unlock, the fast path
//	me|Waiters           → Waiters, Abandoned kept   Unlock, which then wakes one sleeper
//	Waiters              → 0, Abandoned kept         that Unlock, if nobody slept
//	me                   → me|Abandoned              a panic under the lock
//	me|Abandoned         → me                        Repaired
//	any                  → OwnerClosed               Close
type Lock struct {
	Word atomic.Uint32
	// Ticket counts acquisitions and releases. It belongs to the holder; a guard
	// carries the value it was made with.
	Ticket uint32
}

const (
	LockWaiters   uint32 = 1 << 31
	LockAbandoned uint32 = 1 << 30
	LockOwner     uint32 = 1<<30 - 1
	// OwnerClosed is no process: the lock was closed.
	OwnerClosed uint32 = LockOwner
)
