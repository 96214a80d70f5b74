package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/handoff"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// Exceptions of Python that programs look for: errors.Is finds them in an [*Exception], and also
// after that has been the error of an entry. Python's own classes that are derived from them count, as in its except:
// RecursionError as RuntimeError, UnicodeDecodeError as ValueError.
var (
	// ErrKey is KeyError: a dict does not have the key.
	ErrKey = handoff.Sentinel("manager: KeyError")
	// ErrIndex is IndexError: a list or an array is shorter.
	ErrIndex = handoff.Sentinel("manager: IndexError")
	// ErrValue is ValueError: what was looked for is not there, or an argument makes no sense.
	ErrValue = handoff.Sentinel("manager: ValueError")
	// ErrType is TypeError: an argument is of the wrong type, or cannot be a key.
	ErrType = handoff.Sentinel("manager: TypeError")
	// ErrAttribute is AttributeError: a Namespace does not have the name.
	ErrAttribute = handoff.Sentinel("manager: AttributeError")
	// ErrStopIteration is StopIteration: an iterator has come to its end.
	ErrStopIteration = handoff.Sentinel("manager: StopIteration")
	// ErrRuntime is RuntimeError: as of a lock that is not held, or a dict that changes
	// under an iterator. Errors of user types in Go are RuntimeErrors too.
	ErrRuntime = handoff.Sentinel("manager: RuntimeError")
	// ErrMemory is MemoryError: the server's limits are reached.
	ErrMemory = handoff.Sentinel("manager: MemoryError")
	// ErrEmpty is queue.Empty.
	ErrEmpty = handoff.Sentinel("manager: queue.Empty")
	// ErrFull is queue.Full.
	ErrFull = handoff.Sentinel("manager: queue.Full")
	// ErrShutDown is queue.ShutDown.
	ErrShutDown = handoff.Sentinel("manager: queue.ShutDown")
	// ErrBrokenBarrier is threading.BrokenBarrierError.
	ErrBrokenBarrier = handoff.Sentinel("manager: threading.BrokenBarrierError")
)

// Other errors of clients.
var (
	// ErrGone is returned, with the cause, when the server cannot be reached, or has died during the call.
	ErrGone = handoff.Sentinel("manager: the server is gone")
	// ErrNoObject is returned, in a [*RemoteError], when the server does not have the object
	// any more, or never had it.
	ErrNoObject = handoff.Sentinel("manager: there is no such object in the server")
	// ErrHandle is returned when bytes, or another proxy, do not name an object of the wanted type.
	ErrHandle = handoff.Sentinel("manager: not a proxy of this type")
	// ErrUnsupported is returned for what a server of CPython cannot do. It is also errors.ErrUnsupported.
	ErrUnsupported = registered("manager.ErrUnsupported", handoff.Because("manager: the server is CPython's", errors.ErrUnsupported))

	errNoObject = fmt.Errorf("%w: it is the zero value", ErrHandle)
)

// registered makes an error one that errors.Is knows in other processes, too.
func registered(name string, err error) error {
	handoff.RegisterSentinel(name, err)
	return err
}

// Is reports whether target is the sentinel of the exception's class.
func (e *Exception) Is(target error) bool { return target != nil && target == e.sentinel() }

func (e *Exception) sentinel() error {
	switch e.Module {
	case builtins:
		switch e.Name {
		case "KeyError":
			return ErrKey
		case "IndexError":
			return ErrIndex
		case "ValueError", "UnicodeError", "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeTranslateError":
			return ErrValue
		case "TypeError":
			return ErrType
		case "AttributeError":
			return ErrAttribute
		case "StopIteration":
			return ErrStopIteration
		case "RuntimeError", "RecursionError", "NotImplementedError":
			return ErrRuntime
		case "MemoryError":
			return ErrMemory
		}
	case "queue", "_queue": // the C class and Python's are the same
		switch e.Name {
		case "Empty":
			return ErrEmpty
		case "Full":
			return ErrFull
		case "ShutDown":
			return ErrShutDown
		}
	case "threading":
		if e.Name == "BrokenBarrierError" {
			return ErrBrokenBarrier
		}
	}
	return nil
}

// exceptionOf is the error that a reply of kind #ERROR tells.
func exceptionOf(result any) error {
	o, ok := result.(*pickle.Object)
	if ok {
		module, name, named := o.Class()
		if named {
			e := &Exception{Module: module, Name: name}
			if o.Args != nil {
				e.Args = o.Args.Items
			}
			return e
		}
	}
	// Python raises whatever comes; an exception of a module with its own way of pickling, say.
	return &Exception{Module: "", Name: pickle.TypeName(result), Args: []any{result}}
}

// remoteError is the error of a reply in which the server refuses a call.
func remoteError(kind, text, ident string) error {
	e := &RemoteError{Kind: kind, Text: text}
	if kind != wire.KindTraceback || ident == "" {
		return e
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if strings.TrimSpace(lines[len(lines)-1]) == "KeyError: '"+ident+"'" {
		return &noObjectError{e}
	}
	return e
}

// noObjectError is a RemoteError about an ident that the server does not know.
type noObjectError struct{ remote *RemoteError }

func (e *noObjectError) Error() string   { return ErrNoObject.Error() + ": " + e.remote.Error() }
func (e *noObjectError) Unwrap() []error { return []error{ErrNoObject, e.remote} }

// goneError is why the server cannot be reached.
type goneError struct{ err error }

func (e *goneError) Error() string   { return ErrGone.Error() + ": " + e.err.Error() }
func (e *goneError) Unwrap() []error { return []error{ErrGone, e.err} }

func isGone(err error) bool { return errors.Is(err, ErrGone) || errors.Is(err, ErrClosed) }

// A CallError is returned when a call has failed between this process and the server, or
// could not be made. What the server itself says against a call is an [*Exception] or a [*RemoteError].
type CallError struct {
	Type   string // of the object: "dict"; or "server"
	Method string
	Server string // where it is, as FormatAddress writes it
	// Sent tells that the request was on its way: the call may have happened.
	Sent bool
	// Err is the error of the context, ErrClosed, ErrGone with its cause, ErrAuthentication, an error of
	// package pickle, …
	Err error
}

func (e *CallError) Error() string {
	object := e.Type
	if object != "" {
		object += "."
	}
	text := fmt.Sprintf("manager: %s%s at %s: %s", object, e.Method, e.Server, strings.TrimPrefix(e.Err.Error(), "manager: "))
	if e.Sent {
		text += " (the call may have happened)"
	}
	return text
}

func (e *CallError) Unwrap() error { return e.Err }

// failed makes the error of a call that has come to no reply.
func (s *session) failed(ctx context.Context, typeid, method string, err error) error {
	var inner *CallError
	if errors.As(err, &inner) {
		return err // of another call that this one needed
	}
	e := &CallError{Type: typeid, Method: method, Server: s.place(), Sent: !errors.Is(err, errUnsent)}
	switch {
	case s.links.isClosed():
		e.Err = ErrClosed
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		e.Err = ctx.Err()
	case hangup(err) && !errors.Is(err, ErrGone): // as it is, if the server could not even be dialed
		e.Err = &goneError{cause(err)}
	default:
		e.Err = cause(err)
	}
	return e
}

// cause takes off what was only of use on the way.
func cause(err error) error {
	var h harmless
	if errors.As(err, &h) {
		err = h.error
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok && errors.Is(err, errUnsent) {
		return many.Unwrap()[0]
	}
	return err
}

// hangup reports whether err is how the end of the other end shows.
func hangup(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, conn.ErrInterrupted} {
		if errors.Is(err, end) {
			return true
		}
	}
	// A reset, a broken pipe; over a network also that it has timed out, or that there is no route any more.
	var number syscall.Errno
	return errors.As(err, &number)
}
