package family

import (
	"errors"

	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
)

var (
	// ErrClosed is returned for a handle to an object that was closed.
	ErrClosed = lock.ErrClosed
	// ErrOrphan is returned to a child whose parent is gone.
	ErrOrphan = lease.ErrOrphan
	// ErrConfigured is returned when the family exists already.
	ErrConfigured = errors.New("multiproc: configured after first use")
	// ErrNotJoined is returned in a child that uses shared memory before
	// multiproc.Main or multiproc.Init has made it a member of the family.
	ErrNotJoined = errors.New("multiproc: shared memory used in a child process before Main or Init")

	// ErrHandle is returned for bytes or text that are no handle.
	ErrHandle = errors.New("multiproc: malformed handle")
	// ErrForeign is returned for a handle of another family.
	ErrForeign = errors.New("multiproc: handle of another family")
	// ErrKind is returned for a handle to another kind of object, or to another type.
	ErrKind = errors.New("multiproc: handle of another kind")
)
