package multiproc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
)

// Errors of declaring and starting.
var (
	// ErrNotInitialized is returned by Start when this process has called
	// neither [Main] nor [Init]: a child, which runs the same program, would
	// not find its entry but do the parent's work over again.
	ErrNotInitialized = handoff.Sentinel("multiproc: neither Main nor Init has been called")

	// ErrNoHandler is returned by Start for an entry of [Declare] that
	// [Entry.Handle] gave no function to.
	ErrNoHandler = handoff.Sentinel("multiproc: the entry was declared without a handler")

	// ErrUnknownEntry is returned by Wait when the child, although the same
	// program, did not declare the entry that it was started in.
	ErrUnknownEntry = handoff.Sentinel("multiproc: the child does not know the entry")

	// ErrUnsupported is returned for what the mode or the system cannot do. It
	// is also [errors.ErrUnsupported].
	ErrUnsupported = registered("multiproc.ErrUnsupported", handoff.Because("multiproc", errors.ErrUnsupported))
)

// Why a child's context ended, by [context.Cause]. One that ended because its
// parent cancelled it has a cause that is [context.Canceled] and whatever
// registered errors the cause in the parent was.
var (
	// ErrTerminated is the cause after [Process.Terminate] or a SIGTERM.
	ErrTerminated = handoff.Sentinel("multiproc: terminated")

	// ErrParentDied is the cause after the death of the parent or of any other
	// ancestor. The child has its grace time left.
	ErrParentDied = handoff.Sentinel("multiproc: the parent died")

	// ErrCPULimit is the cause when [Limits].CPU is used up. A second of
	// processor time later the kernel kills the process.
	ErrCPULimit = handoff.Sentinel("multiproc: processor time used up")
)

// Errors of the end of a child.
var (
	// ErrOrphan is returned by Wait when the child gave up while it was being
	// set up, since its parent seemed dead.
	ErrOrphan = registered("multiproc.ErrOrphan", family.ErrOrphan)

	// ErrNoMain is the Err of an [ExitError] when the child exited before it came as
	// far as [Main] or [Init]: main returned before, or an init function exited.
	ErrNoMain = handoff.Sentinel("multiproc: it exited before it came to Main or Init")

	// ErrGoexit is returned by Wait, in a [ChildError], when the entry called
	// [runtime.Goexit] (as testing's FailNow does) in place of returning.
	ErrGoexit = handoff.Sentinel("multiproc: the entry called runtime.Goexit")
)

// Errors that declarations panic with, in a [DeclarationError].
var (
	errNoName   = errors.New("an entry needs a name")
	errNoFunc   = errors.New("the function is nil")
	errDeclared = errors.New("already declared")
	errHandled  = errors.New("already has a function")
	errLate     = errors.New("after Main or Init: children would not know it; declare entries in package variables or init functions")
)

// errLeaving is why a process that ends also ends its children.
var errLeaving = handoff.Because("multiproc: the parent is leaving", context.Canceled)

// Sentinel returns a new error that errors.Is still finds after it has crossed
// from a child to its parent, however wrapped. Declare it in a package variable;
// text identifies it and must be unique in the program.
func Sentinel(text string) error { return handoff.Sentinel(text) }

// RegisterSentinel does for an existing error value what [Sentinel] does for a
// new one. The context package's errors, the common ones of io and os, and
// [syscall.Errno] values need no registration.
func RegisterSentinel(name string, err error) { handoff.RegisterSentinel(name, err) }

func registered(name string, err error) error {
	handoff.RegisterSentinel(name, err)
	return err
}

// DeclarationError is what a wrong declaration panics with: one of an entry
// without a name, with a type that cannot travel, or made twice.
type DeclarationError struct {
	Name  string // of the entry
	Where string // file:line of the declaration
	First string // file:line of the first one, for one made twice
	Err   error
}

func (e *DeclarationError) Error() string {
	text := fmt.Sprintf("multiproc: entry %q, declared at %s: %v", e.Name, e.Where, e.Err)
	if e.First != "" {
		text += " at " + e.First
	}
	return text
}

func (e *DeclarationError) Unwrap() error { return e.Err }

// StartError is returned when a child could not be started, by Start, or could
// not be set up, by Wait: the entry has not run.
type StartError struct {
	Name string // of the process
	Pid  int    // 0 if there never was one
	Err  error
}

func (e *StartError) Error() string {
	return fmt.Sprintf("multiproc: start %s: %v", who(e.Name, e.Pid), e.Err)
}

func (e *StartError) Unwrap() error { return e.Err }

// ProcessError is returned by operations on a started process. Err is
// [os.ErrProcessDone] when it has ended.
type ProcessError struct {
	Op   string // "signal", "terminate", "kill", or "wait for" where the kernel does not tell of the end
	Name string
	Pid  int
	Err  error
}

func (e *ProcessError) Error() string {
	return fmt.Sprintf("multiproc: %s %s: %v", e.Op, who(e.Name, e.Pid), e.Err)
}

func (e *ProcessError) Unwrap() error { return e.Err }

// ChildError is returned when the entry returned an error. Err has its text, and
// is every registered error that the original was.
type ChildError struct {
	Name string
	Pid  int
	Err  error
}

func (e *ChildError) Error() string { return fmt.Sprintf("%s: %v", who(e.Name, e.Pid), e.Err) }

func (e *ChildError) Unwrap() error { return e.Err }

// PanicError is returned when the entry panicked. A panic in another goroutine
// of a child process is not caught: it prints its trace and is an [ExitError]
// with code 2.
type PanicError struct {
	Name  string
	Pid   int
	Value string // as the fmt package prints it
	Stack string // of the goroutine that panicked
	Err   error  // if the value was an error: it, as in a ChildError
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("%s: panic: %s\n\n%s", who(e.Name, e.Pid), e.Value, e.Stack)
}

func (e *PanicError) Unwrap() error { return e.Err }

// ExitError is returned when the process exited by itself and either did so
// before its entry returned (as by [os.Exit], whatever the code), or with a code
// that is not 0 although its entry returned without an error.
type ExitError struct {
	Name string
	Pid  int
	Code int
	Err  error // why its end had been asked for, if it had; or ErrNoMain
}

func (e *ExitError) Error() string {
	if e.Err == ErrNoMain {
		return fmt.Sprintf("%s: exited with code %d before it came to Main or Init", who(e.Name, e.Pid), e.Code)
	}
	return fmt.Sprintf("%s: exited with code %d%s", who(e.Name, e.Pid), e.Code, because(e.Err))
}

func (e *ExitError) Unwrap() error { return e.Err }

// SignalError is returned when a signal killed the process.
type SignalError struct {
	Name       string
	Pid        int
	Signal     os.Signal
	CoreDumped bool
	Err        error // why its end had been asked for, if it had
}

func (e *SignalError) Error() string {
	core := ""
	if e.CoreDumped {
		core = " (core dumped)"
	}
	return fmt.Sprintf("%s: killed by signal: %v%s%s", who(e.Name, e.Pid), e.Signal, core, because(e.Err))
}

func (e *SignalError) Unwrap() error { return e.Err }

// InterruptError is the cause of the context that [Main] gives when a signal
// ended it. For SIGTERM it is also [ErrTerminated].
type InterruptError struct {
	Signal os.Signal
}

func (e *InterruptError) Error() string { return fmt.Sprintf("multiproc: signal: %v", e.Signal) }

func (e *InterruptError) Is(target error) bool {
	return target == context.Canceled || target == ErrTerminated && e.Signal == syscall.SIGTERM
}

// cancelError is why a child's context ended when its parent said so.
type cancelError struct {
	err error // the cause in the parent
}

func (e *cancelError) Error() string        { return "multiproc: cancelled by the parent: " + e.err.Error() }
func (e *cancelError) Unwrap() error        { return e.err }
func (e *cancelError) Is(target error) bool { return target == context.Canceled }

func who(name string, pid int) string {
	if pid == 0 {
		return name
	}
	return fmt.Sprintf("%s (pid %d)", name, pid)
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ", after: " + err.Error()
}
