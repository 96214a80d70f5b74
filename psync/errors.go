package psync

import (
	"errors"

	"github.com/multiproc-go/multiproc/internal/family"
)

var (
	// ErrAbandoned is returned by [Mutex.Do], which has then not run its function,
	// when the last holder died inside and nobody has repaired the data.
	ErrAbandoned = errors.New("psync: abandoned: a former holder died while it held the lock")

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

// A GuardError is what [Guard.Unlock] and [Guard.Repaired] panic with: the
// guard, or the one that it is a copy of, was used before.
type GuardError struct {
	Op string // "Unlock" or "Repaired"
}

func (e *GuardError) Error() string {
	return "psync: " + e.Op + " of a guard that does not hold its lock"
}
