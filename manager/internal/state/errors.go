package state

import (
	"errors"
	"fmt"

	"github.com/multiproc-go/multiproc/pickle"
)

// raised is an exception of Python that a method raises: the client gets it as it is.
type raised struct {
	module, class string
	args          []any
	name          string // of an AttributeError: the attribute, if Python says it
}

func (e *raised) Error() string { return e.class + pickle.Repr(&pickle.Tuple{Items: e.args}) }

// raise returns an exception of builtins with a text.
func raise(class, format string, args ...any) error {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	return &raised{"builtins", class, []any{format}, ""}
}

func typeError(format string, args ...any) error { return raise("TypeError", format, args...) }

func valueError(format string, args ...any) error { return raise("ValueError", format, args...) }

// raiseValue returns an exception whose argument is a value, as KeyError has it.
func raiseValue(class string, args ...any) error { return &raised{"builtins", class, args, ""} }

func memoryError(what string, limit int64) error {
	return raise("MemoryError", "%s would go over the server's limit of %d", what, limit)
}

// failed is what CPython's server reports as a traceback, and its client raises as RemoteError.
type failed struct{ traceback string }

func (e *failed) Error() string { return e.traceback }

func failure(class, text string) error { return &failed{traceback(class, text)} }

// traceback is what CPython's format_exc returns, without what only a program in Python has.
func traceback(class, text string) string {
	if text == "" {
		return "Traceback (most recent call last):\n" + class + "\n"
	}
	return "Traceback (most recent call last):\n" + class + ": " + text + "\n"
}

func unknownIdent(ident string) error { return failure("KeyError", pickle.Repr(ident)) }

// exception returns err as an exception of Python.
func exception(err error) *pickle.Object {
	var (
		r          *raised
		unhashable *pickle.UnhashableError
		unordered  *pickle.UnorderedError
		depth      *pickle.DepthError
		limit      *pickle.LimitError
	)
	class := "RuntimeError"
	switch {
	case errors.As(err, &r):
		o := pickle.NewException(r.module, r.class, r.args...)
		if r.class == "AttributeError" {
			state := pickle.NewDict()
			if r.name != "" {
				_ = state.Set("name", r.name) // a str is hashable
			}
			_ = state.Set("args", o.Args)
			o.State, o.HasState = state, true
		}
		return o
	case errors.As(err, &unhashable), errors.As(err, &unordered):
		class = "TypeError"
	case errors.As(err, &depth):
		class = "RecursionError"
	case errors.As(err, &limit) && limit.Budget == "Digits":
		return pickle.NewException("builtins", "ValueError",
			"Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit")
	case errors.As(err, &limit):
		class = "MemoryError"
	}
	return pickle.NewException("builtins", class, err.Error())
}

// asFailure returns err as CPython's server reports what fails outside of a method.
func asFailure(err error) error {
	if f, ok := err.(*failed); ok {
		return f
	}
	o := exception(err)
	module, class, _ := o.Class()
	if module != "builtins" {
		class = module + "." + class
	}
	switch len(o.Args.Items) {
	case 0:
		return failure(class, "")
	case 1:
		if text, ok := o.Args.Items[0].(string); ok && class != "KeyError" {
			return failure(class, text)
		}
		return failure(class, pickle.Repr(o.Args.Items[0]))
	}
	return failure(class, pickle.Repr(o.Args))
}
