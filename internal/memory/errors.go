package memory

import (
	"errors"
	"fmt"
)

var (
	// ErrLimit is returned when an allocation would pass the arena's own limit.
	ErrLimit = errors.New("multiproc: shared memory limit reached")
	// ErrNoSpace is returned when the system, or a memory cgroup of this
	// process, has too little memory left.
	ErrNoSpace = errors.New("multiproc: no memory left for shared memory")
	// ErrForeign is returned when an object is not an arena of this layout or family.
	ErrForeign = errors.New("multiproc: not an arena of this family")
)

// FullError tells what an allocation needed and what there was.
type FullError struct {
	Need uint64 // bytes
	Have uint64 // bytes still to be had
	Err  error  // ErrLimit, or ErrNoSpace, or both with the system's error
}

func (e *FullError) Error() string {
	return fmt.Sprintf("%v: need %d bytes, have %d", e.Err, e.Need, e.Have)
}

func (e *FullError) Unwrap() error { return e.Err }

// noSpace is the system's refusal.
type noSpace struct{ err error }

func (e noSpace) Error() string   { return ErrNoSpace.Error() + ": " + e.err.Error() }
func (e noSpace) Unwrap() []error { return []error{ErrNoSpace, e.err} }

// OpenError tells why an object was refused as an arena.
type OpenError struct {
	Reason string
}

func (e *OpenError) Error() string { return ErrForeign.Error() + ": " + e.Reason }

func (e *OpenError) Unwrap() error { return ErrForeign }
