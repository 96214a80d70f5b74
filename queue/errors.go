package queue

import (
	"errors"
	"fmt"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
	"github.com/multiproc-go/multiproc/internal/memory"
	"github.com/multiproc-go/multiproc/internal/ring"
)

// Errors of making a queue.
var (
	// ErrLimit is returned when the family's own memory limit, or the size of its arena, is reached; by Put too.
	ErrLimit = memory.ErrLimit
	// ErrNoSpace is returned when the machine, or a memory cgroup, has no memory left; by Put too.
	ErrNoSpace = memory.ErrNoSpace
)

// Errors of using one.
var (
	// ErrClosed is returned when the queue was closed, by any process; by Put when it was drained, and by Get when it was
	// and is empty.
	ErrClosed = family.ErrClosed
	// ErrFull is returned by TryPut when there is no room.
	ErrFull = handoff.Sentinel("queue: full")
	// ErrEmpty is returned by TryGet when there is no item.
	ErrEmpty = handoff.Sentinel("queue: empty")
	// ErrTooLarge is what a [SizeError] wraps.
	ErrTooLarge = handoff.Sentinel("queue: larger than the queue's byte budget")
	// ErrNotHeld is returned by Ack, Nack, Release, Return, Commit and Abort when the item is not the caller's any more.
	ErrNotHeld = handoff.Sentinel("queue: not held any more")
	// ErrTaskDone is returned by TaskDone when it was called more often than items were put.
	ErrTaskDone = handoff.Sentinel("queue: TaskDone called more often than Put")
	// ErrCorrupt is returned when the queue's memory holds what no queue writes: a process of the family has overwritten it.
	ErrCorrupt = handoff.Sentinel("queue: its memory was overwritten")
	// ErrHandle is returned when bytes or a text are no handle, ErrForeign when they are a handle of another family, ErrKind
	// when they name another kind of object or a queue of another type.
	ErrHandle  = family.ErrHandle
	ErrForeign = family.ErrForeign
	ErrKind    = family.ErrKind
)

// A FullError tells how much memory was needed and how much there was. It wraps [ErrLimit] or [ErrNoSpace].
type FullError = memory.FullError

// A HandleError tells why bytes or a text were not taken for a handle.
type HandleError = family.HandleError

// A TypeError names the part of an item type that cannot travel.
type TypeError = handoff.TypeError

// A ValueError names the part of an item that cannot travel, although its type can.
type ValueError = handoff.ValueError

// A DecodeError tells why an item could not be decoded. Something in it is not valid here any more: a handle whose object was closed.
type DecodeError = handoff.DecodeError

// A SizeError is returned for an item that the queue can never hold. It wraps [ErrTooLarge].
type SizeError struct {
	Bytes  int64 // of the encoded item
	Budget int64 // Options.Bytes
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%v: %d bytes, and the budget is %d", ErrTooLarge, e.Bytes, e.Budget)
}

func (e *SizeError) Unwrap() error { return ErrTooLarge }

// fail gives an error of the mechanism the name under which it is known here.
func fail(op string, err error) error {
	for from, to := range map[error]error{
		ring.ErrDrained: ErrClosed, ring.ErrFull: ErrFull, ring.ErrEmpty: ErrEmpty, ring.ErrNotHeld: ErrNotHeld, ring.ErrCorrupt: ErrCorrupt,
	} {
		if errors.Is(err, from) {
			return to
		}
	}
	if _, ok := errors.AsType[*FullError](err); ok {
		return fmt.Errorf("queue: %s: %w", op, err)
	}
	return err
}
