package psync

import (
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// A ReentrantGuard is one locking of a ReentrantMutex. It is good for one Unlock, when all that were made after it are unlocked; that of a copy counts.
type ReentrantGuard struct {
	m             *ReentrantMutex
	g             Guard
	serial, outer uint32 // its own, and that of the guard below it
}

// Unlock undoes the Lock that the guard is of; the last one gives the lock back. It panics with a [*GuardError] if the guard was
// used, or is not the latest; with the same limit as [Guard.Unlock].
func (g ReentrantGuard) Unlock() {
	if !g.holds("Unlock") {
		return
	}
	x := g.m.x
	if x.Depth.Load() == 1 {
		x.Owner.Store(0) // while it is ours: the next holder may be of this process
		crashpoint.At("reentrant.unlock")
		g.g.Unlock()
		return
	}
	x.Serial = g.outer
	lock.StoreRelease(&x.Depth, x.Depth.Load()-1)
}

// Abandoned reports whether a former holder died inside and nobody has called
// Repaired since: what the lock protects may be half-written.
func (g ReentrantGuard) Abandoned() bool { return g.g.Abandoned() }

// Repaired says that what the lock protects is whole again.
func (g ReentrantGuard) Repaired() {
	if g.holds("Repaired") {
		g.g.Repaired()
	}
}

// Depth is how often the lock is locked, by this guard's owner.
func (g ReentrantGuard) Depth() int {
	if !g.holds("Depth") {
		return 0
	}
	return int(g.m.x.Depth.Load())
}

// holds panics if the guard was used, or is not the latest for an Unlock. It returns false if there is nothing to be done, as that of a [Guard].
func (g ReentrantGuard) holds(op string) bool {
	if !g.g.holds(op) {
		return false
	}
	if op == "Unlock" && g.m.x.Serial != g.serial {
		panic(&GuardError{op})
	}
	return true
}
