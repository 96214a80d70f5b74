package pickle

import (
	"errors"
	"fmt"
	"strings"
)

// What is wrong with a pickle, in a DecodeError; io.ErrUnexpectedEOF is one more.
var (
	// ErrSyntax is returned for data that breaks the rules of the format.
	ErrSyntax = errors.New("pickle: malformed")
	// ErrUnsupported is returned for what is valid and has no meaning here: buffers outside of the pickle.
	ErrUnsupported = errors.New("pickle: not supported")
)

// DecodeError is returned for data that cannot be decoded.
type DecodeError struct {
	Offset int64 // of the opcode from the beginning of the message
	Op     byte  // or 0, if there is none
	Err    error
}

func (e *DecodeError) Error() string {
	op := ""
	if e.Op != 0 {
		op = opName(e.Op) + " "
	}
	return fmt.Sprintf("pickle: %sat byte %d: %s", op, e.Offset, strings.TrimPrefix(e.Err.Error(), "pickle: "))
}

func (e *DecodeError) Unwrap() error { return e.Err }

// syntaxError is an ErrSyntax with a reason.
type syntaxError string

func (e syntaxError) Error() string { return string(e) }

func (e syntaxError) Is(target error) bool { return target == ErrSyntax }

// EncodeError is returned for a value that cannot be pickled.
type EncodeError struct {
	Type   string // of the value: Python's name, or the Go type
	Reason string
	Field  string // for Marshal: the way to it, names of fields and keys, joined by dots
}

func (e *EncodeError) Error() string {
	where := ""
	if e.Field != "" {
		where = " at " + e.Field
	}
	return "pickle: cannot encode " + e.Type + where + ": " + e.Reason
}

// LimitError is returned when one of Limits is exceeded.
type LimitError struct {
	Budget string // the field of Limits
	Limit  int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("pickle: over the limit of %d for %s", e.Limit, e.Budget)
}

// UnhashableError is returned for a key that Python does not hash. Its text is that of Python's TypeError.
type UnhashableError struct{ Type string }

func (e *UnhashableError) Error() string { return "unhashable type: '" + e.Type + "'" }

// UnorderedError is returned for values that Python does not order. Its text is that of Python's TypeError.
type UnorderedError struct{ Op, Left, Right string }

func (e *UnorderedError) Error() string {
	return fmt.Sprintf("'%s' not supported between instances of '%s' and '%s'", e.Op, e.Left, e.Right)
}

// DepthError is returned for values that are nested too deeply, or in themselves. Its text is that of Python's
// RecursionError.
type DepthError struct{ During string }

func (e *DepthError) Error() string { return "maximum recursion depth exceeded " + e.During }

// UnmarshalTypeError is returned by Unmarshal for a Python value that does not fit the Go type.
type UnmarshalTypeError struct {
	Value string // Python's type, or the value
	Type  string // the Go type
	Field string // the way to it: names of fields and keys, joined by dots
}

func (e *UnmarshalTypeError) Error() string {
	where := ""
	if e.Field != "" {
		where = " at " + e.Field
	}
	return "pickle: cannot unmarshal " + e.Value + " into Go " + e.Type + where
}
