package pool

import (
	"fmt"

	"github.com/multiproc-go/multiproc/internal/handoff"
)

// Errors of pools and tasks.
var (
	// ErrClosed is returned for a task that the pool does not take any more: by Map and Submit after Close, Cancel or Terminate, and
	// for tasks that Cancel or Terminate has dropped.
	ErrClosed = handoff.Sentinel("pool: closed")

	// ErrWorkerDied is what every [*WorkerError] is: the task's worker ended while it ran the task.
	ErrWorkerDied = handoff.Sentinel("pool: the worker died")

	// ErrTimeout is what a [*WorkerError] is, beside ErrWorkerDied, if the pool has killed the worker because of Options.TaskTimeout.
	ErrTimeout = handoff.Sentinel("pool: the task took too long")

	// ErrCanceled is returned by the Result of a future after its Cancel, unless the task had ended before.
	ErrCanceled = handoff.Sentinel("pool: the task was cancelled")

	// ErrBroken is returned for all tasks when no worker can be started any more. It wraps why.
	ErrBroken = handoff.Sentinel("pool: no worker can be started")

	// ErrInit is returned by New when a worker could not be set up, or its Options.Init failed. It wraps why.
	ErrInit = handoff.Sentinel("pool: a worker could not be set up")
)

// A WorkerError is returned for a task whose worker ended while it ran the task. No other task fails of that.
type WorkerError struct {
	Entry  string // of the task
	Worker string // its name
	Pid    int
	Tries  int // how often the task was run, this time included
	// Err tells how the worker ended: a *multiproc.SignalError, *multiproc.ExitError, *multiproc.PanicError (with the
	// task's stack) or *multiproc.ChildError (of multiproc.ErrGoexit).
	Err error

	timeout bool
}

func (e *WorkerError) Error() string {
	why := ""
	if e.timeout {
		why = " ran longer than Options.TaskTimeout, and so"
	}
	tries := ""
	if e.Tries > 1 {
		tries = fmt.Sprintf(" (try %d)", e.Tries)
	}
	return fmt.Sprintf("pool: task %s%s%s: its worker died: %v", e.Entry, tries, why, e.Err)
}

func (e *WorkerError) Unwrap() error { return e.Err }

// Is reports whether target is ErrWorkerDied, or ErrTimeout if that is why.
func (e *WorkerError) Is(target error) bool {
	return target == ErrWorkerDied || e.timeout && target == ErrTimeout
}
