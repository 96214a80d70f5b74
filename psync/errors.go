package psync

import (
	"github.com/multiproc-go/multiproc/internal/barrier"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
	"github.com/multiproc-go/multiproc/internal/sema"
)

var (
	// ErrAbandoned is returned by [Mutex.Do], those of an [RWMutex] and a [ReentrantMutex], and [Cond.When], which have then not run
	// their function, and by [Cond.WaitFor], when a former holder died inside and nobody has repaired the data.
	ErrAbandoned = handoff.Sentinel("psync: abandoned: a former holder died while it held the lock")

	// ErrDeadlock is returned by Lock of a [Mutex] that was made with [MutexOptions].Deadlock, when goroutines have waited
	// for each other, and would do so for ever. The lock is not held; what else the caller holds it should unlock.
	ErrDeadlock = handoff.Sentinel("psync: deadlock: the holder of the lock waits for the caller")

	// ErrClosed is returned when the object was closed, by any process.
	ErrClosed = family.ErrClosed

	// ErrBroken is returned when a round of a [Barrier] was not completed: a member has died, an action has failed, or
	// somebody has called Abort or Reset.
	ErrBroken = registered("psync: broken barrier", barrier.ErrBroken)

	// ErrFull is returned when every seat of a [Barrier] is taken, and ErrNoSeat when a process leaves one at
	// which it has none.
	ErrFull   = registered("psync: barrier full", barrier.ErrFull)
	ErrNoSeat = registered("psync: no seat", barrier.ErrNoSeat)

	// ErrBound is returned by a Post of a permit too many, and by an AcquireN of more than a bounded [Semaphore] has.
	ErrBound = registered("psync: bound of a semaphore", sema.ErrBound)

	// ErrHandle is returned when bytes or a text are no handle, ErrForeign when
	// they are a handle of another family, ErrKind when they name another kind of object.
	ErrHandle  = family.ErrHandle
	ErrForeign = family.ErrForeign
	ErrKind    = family.ErrKind
)

// registered makes an error one that errors.Is knows in other processes, too.
func registered(name string, err error) error {
	handoff.RegisterSentinel(name, err)
	return err
}

// A HandleError tells why bytes or a text were not taken for a handle.
type HandleError = family.HandleError

// A GuardError is what the methods of a [Guard], [ReadGuard], [WriteGuard], [ReentrantGuard] or [Permit], and those of a [Cond] that take a Guard, panic
// with: it, or the guard that it is a copy of, was unlocked before, or given to [Cond.Wait], which makes
// another of it; or it is the zero Guard, or that of another lock.
type GuardError struct {
	Op string // "Unlock", "Downgrade", "Release", "Repaired", "Abandoned", "Depth" or "Wait"
}

func (e *GuardError) Error() string {
	return "psync: " + e.Op + " of a guard that does not hold its lock"
}
