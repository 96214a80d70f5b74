package psync

import (
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
)

var (
	// ErrAbandoned is returned by [Mutex.Do] and those of an [RWMutex], which have then not run their function,
	// when the last holder died inside and nobody has repaired the data.
	ErrAbandoned = handoff.Sentinel("psync: abandoned: a former holder died while it held the lock")

	// ErrClosed is returned when the lock was closed, by any process.
	ErrClosed = family.ErrClosed

	// ErrHandle is returned when bytes or a text are no handle, ErrForeign when
	// they are a handle of another family, ErrKind when they name another kind of object.
	ErrHandle  = family.ErrHandle
	ErrForeign = family.ErrForeign
	ErrKind    = family.ErrKind
)

// A HandleError tells why bytes or a text were not taken for a handle.
type HandleError = family.HandleError

// A GuardError is what the methods of a [Guard], [ReadGuard] or [WriteGuard] panic with: it, or the guard that
// it is a copy of, was unlocked before; or it is the zero Guard.
type GuardError struct {
	Op string // "Unlock", "Downgrade", "Repaired" or "Abandoned"
}

func (e *GuardError) Error() string {
	return "psync: " + e.Op + " of a guard that does not hold its lock"
}
