package multiproc

import (
	"fmt"

	"github.com/multiproc-go/multiproc/internal/handoff"
)

// The frames on the control socket between a parent and its child, in the order
// in which they are sent. Nothing else is ever sent, and neither side waits for
// an answer: the child reads when it can, the parent's sender blocks if it must.
const (
	// Parent to child.
	kindStart    = 's' // a startMessage, with the arena's descriptor
	kindArgument = 'a' // the encoded argument, with the descriptors of its Files
	kindCancel   = 'c' // a WireError: why; at most once

	// Child to parent: first that it has come as far as Main or Init, with no data.
	kindHere = 'h'
	// Then one of these, at most once.
	kindResult  = 'r' // the encoded result, with the descriptors of its Files
	kindFailed  = 'e' // a report: the entry returned an error
	kindPanic   = 'p' // a report: the entry panicked
	kindRefused = 'x' // a report: the entry was not run
)

// report is a frame about anything but a result.
type report struct {
	Err   handoff.WireError
	Value string // of a panic
	Error bool   // of a panic: the value is Err
	Stack string // of a panic
}

// outcome is how an entry ended, in the form in which it is sent. Its kind is 0
// where nothing was sent.
type outcome struct {
	kind   byte
	here   bool // it has come as far as Main or Init
	result handoff.Payload
	lost   error // of a result: why it cannot be had
	report report
}

func failed(err error) outcome {
	return outcome{kind: kindFailed, report: report{Err: handoff.EncodeError(err)}}
}

func refused(err error) outcome {
	return outcome{kind: kindRefused, report: report{Err: handoff.EncodeError(err)}}
}

func panicked(v any, stack []byte) outcome {
	o := outcome{kind: kindPanic, report: report{Value: fmt.Sprint(v), Stack: string(stack)}}
	func() {
		defer func() { _ = recover() }() // an Error method that panics too; fmt has said so in Value
		if err, ok := v.(error); ok {
			o.report.Err, o.report.Error = handoff.EncodeError(err), true
		}
	}()
	return o
}

// code is the exit code that goes with an outcome.
func (o outcome) code() int {
	switch o.kind {
	case kindResult:
		return 0
	case kindPanic:
		return exitPanic
	}
	return exitError
}

// err is what Wait returns for an outcome; nil for a result.
func (o outcome) err(p *Process) error {
	switch o.kind {
	case kindFailed:
		return &ChildError{Name: p.name, Pid: p.pid, Err: o.report.Err}
	case kindPanic:
		e := &PanicError{Name: p.name, Pid: p.pid, Value: o.report.Value, Stack: o.report.Stack}
		if o.report.Error {
			e.Err = o.report.Err
		}
		return e
	case kindRefused:
		return &StartError{Name: p.name, Pid: p.pid, Err: o.report.Err}
	}
	return nil
}
