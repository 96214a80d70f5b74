package layout

import "sync/atomic"

// Lock is a robust lock.
//
//	bits 0-28  owner: the id of the process that holds it, 0 when nobody does
//	bit  29    Woken: a sleeper was woken and has not run yet, so no other needs to be
//	bit  30    Abandoned: a holder died or panicked inside, and nobody has said Repaired since
//	bit  31    Waiters: somebody may sleep on the word
//
//	word                 transition                      made by
//	0                    → me                            Lock, the fast path
//	free, any bits       → me, bits kept                 Lock; with Waiters and without Woken if the caller has slept
//	owner                → owner|Waiters, no Woken       a process that is going to sleep
//	dead owner           → me|Waiters|Abandoned          Lock, once the death is confirmed
//	me                   → 0                             Unlock, the fast path
//	me|Waiters|Woken     → Waiters|Woken, Abandoned kept Unlock: somebody is on the way
//	me|Waiters           → Waiters|Woken, Abandoned kept Unlock, which then wakes one sleeper
//	any                  → without Waiters and Woken     that Unlock, if nobody slept; it then wakes one who does by now
//	me                   → me|Abandoned                  a panic under the lock
//	me|Abandoned         → me                            Repaired
//	any                  → OwnerClosed                   Close
//
// Woken may be cleared at any time by anybody: the price is a wake too many. It is set only by one who
// wakes somebody next. Whoever goes to sleep clears it, and so knows: if it is set again, somebody was woken
// since who takes the lock, or goes to sleep, or passes the wake on, or whose death is announced to all.
type Lock struct {
	Word atomic.Uint32
	// Ticket counts releases. It belongs to the holder; a guard carries the value that
	// it found, and is stale when there is another.
	Ticket atomic.Uint32
}

const (
	LockWaiters   uint32 = 1 << 31
	LockAbandoned uint32 = 1 << 30
	LockWoken     uint32 = 1 << 29
	LockOwner     uint32 = 1<<29 - 1
	// OwnerClosed is no process: the lock was closed.
	OwnerClosed uint32 = LockOwner
)

// Mutex is the payload of a KindMutex block: a lock that its holder may give back
// by a plain store while nobody sleeps.
//
// Watch holds one of the states below in its low bits; the rest counts the times that
// it left WatchOn, so that a compare-and-swap from an old state fails.
//
//	state        transition      made by
//	WatchNone    → WatchComing   whoever is going to sleep
//	WatchComing  → WatchOn       the same or another such, after a barrier on all CPUs
//	WatchOn      → WatchNone     a holder that has seen nobody sleep for long
//	any          → WatchClosed   Close
type Mutex struct {
	Lock  Lock
	Watch atomic.Uint32
	// Calm counts the releases since somebody last slept. It belongs to the holder.
	Calm uint32
	// Checked is 1 if it is recorded which goroutine holds the lock. It never changes.
	Checked atomic.Uint32
	_       uint32
	// Holder is that goroutine: its process in the low bits, as in Lock, and its number above them. It belongs to the holder,
	// and counts only if the process is the lock's owner.
	Holder atomic.Uint64
}

// HolderShift is where the number of the goroutine begins in [Mutex].Holder.
const HolderShift = 29

// The states of [Mutex].Watch, the bits that they are in, and one of what the others count.
const (
	WatchState  uint32 = 3
	WatchNone   uint32 = 0 // nobody sleeps: the holder may store
	WatchComing uint32 = 1 // somebody will; who stores must look whether he did
	WatchOn     uint32 = 2 // everybody sees that the holder has to swap
	WatchClosed uint32 = 3 // the last holder frees the lock
	WatchEpoch  uint32 = 4
)
