package shm

import (
	"fmt"
	"reflect"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
	"github.com/multiproc-go/multiproc/internal/memory"
)

// Errors of making an object.
var (
	// ErrType is returned for a T that cannot lie in shared memory.
	ErrType = handoff.Sentinel("shm: type cannot be shared")
	// ErrLimit is returned when the family's own memory limit, or the size of its
	// arena, is reached.
	ErrLimit = memory.ErrLimit
	// ErrNoSpace is returned when the machine, or a memory cgroup, has no memory left.
	ErrNoSpace = memory.ErrNoSpace
)

// Errors of using one.
var (
	// ErrClosed is returned when the object was closed, by any process.
	ErrClosed = family.ErrClosed
	// ErrAbandoned is returned by [Array.Update], which has then not run its
	// function, when a process died inside a former one.
	ErrAbandoned = handoff.Sentinel("shm: abandoned: a process died while it updated the array")
	// ErrHandle is returned when bytes or a text are no handle, ErrForeign when
	// they are a handle of another family, ErrKind when they name another type.
	ErrHandle  = family.ErrHandle
	ErrForeign = family.ErrForeign
	ErrKind    = family.ErrKind
)

// A FullError tells how much memory was needed and how much there was. It wraps
// [ErrLimit] or [ErrNoSpace].
type FullError = memory.FullError

// A HandleError tells why bytes or a text were not taken for a handle.
type HandleError = family.HandleError

// A TypeError names the part of a type that cannot be shared. It wraps [ErrType].
type TypeError struct {
	Type   reflect.Type
	Path   string // "record.Names[]"
	Reason string
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("shm: %s cannot be shared: %s %s", e.Type, e.Path, e.Reason)
}

func (e *TypeError) Unwrap() error { return ErrType }

// A ClosedError is what a method without an error result panics with when it is
// used after Close. It wraps [ErrClosed].
type ClosedError struct {
	Op string
}

func (e *ClosedError) Error() string { return "shm: " + e.Op + " after Close" }

func (e *ClosedError) Unwrap() error { return ErrClosed }
