package handoff

import (
	"fmt"
	"reflect"
	"strings"
)

// A TypeError is returned when values of a type cannot be handed to another
// process without losing something.
type TypeError struct {
	Type   reflect.Type // what stands at Path
	Path   string       // from the checked type to the cause, as job.Hooks[].Fn
	Reason string       // why, and what to do instead
}

// Error implements error.
func (e *TypeError) Error() string {
	if e.Type == nil {
		return "multiproc: cannot hand over an untyped nil: " + e.Reason
	}
	name := e.Type.String()
	if e.Path == name || strings.HasSuffix(name, "."+e.Path) {
		return fmt.Sprintf("multiproc: cannot hand over %s: %s", name, e.Reason)
	}
	return fmt.Sprintf("multiproc: cannot hand over %s (%s): %s", e.Path, name, e.Reason)
}

// A ValueError is returned when a type may travel but this value of it may not.
type ValueError struct {
	Type   reflect.Type // what stands at Path
	Path   string       // from the encoded value to the cause, as job.Steps[3].When
	Reason string       // why
	Err    error        // what a type's own encoding method returned, or nil
}

// Error implements error.
func (e *ValueError) Error() string {
	reason := e.Reason
	if e.Err != nil {
		reason = e.Err.Error()
	}
	return fmt.Sprintf("multiproc: cannot hand over %s (%s): %s", e.Path, e.Type, reason)
}

// Unwrap returns the cause, if there is one.
func (e *ValueError) Unwrap() error { return e.Err }

// A DecodeError is returned when bytes are not the encoding of a value of the
// wanted type: truncated, foreign, or from a program whose types differ.
type DecodeError struct {
	Type reflect.Type // the wanted type
	Err  error        // what was wrong
}

// Error implements error.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("multiproc: received bytes are not a %s: %v", e.Type, e.Err)
}

// Unwrap returns what was wrong.
func (e *DecodeError) Unwrap() error { return e.Err }

// Because is fmt.Errorf("text: %w", err) for package variables, which are made anew at the
// start of each child: the first use of fmt costs more than to join the family.
func Because(text string, err error) error { return &because{text, err} }

type because struct {
	text string
	err  error
}

func (e *because) Error() string { return e.text + ": " + e.err.Error() }
func (e *because) Unwrap() error { return e.err }
