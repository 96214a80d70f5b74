package handoff

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// A WireError is an error in the form in which it travels, and an error itself
// at the other end: it has the text of the original, and errors.Is finds in
// it the registered sentinels that it found in the original. It can be compared
// with ==, as errors are.
type WireError struct {
	Text  string
	Names string // of the sentinels, sorted, separated by nameSeparator
}

const nameSeparator = "\x00"

// EncodeError returns what of err can travel. That of nil is the zero WireError.
func EncodeError(err error) WireError {
	if err == nil {
		return WireError{}
	}
	var names []string
	for name, sentinel := range sentinels.snapshot() {
		if errors.Is(err, sentinel) {
			names = append(names, name)
		}
	}
	walkChain(err, func(e error) {
		switch e := e.(type) {
		case syscall.Errno:
			names = append(names, errnoPrefix+strconv.FormatUint(uint64(e), 10))
		case WireError:
			// It may name what only a child further down has registered.
			names = append(names, e.names()...)
		case *WireError:
			if e != nil {
				names = append(names, e.names()...)
			}
		}
	})
	slices.Sort(names)
	return WireError{Text: err.Error(), Names: strings.Join(slices.Compact(names), nameSeparator)}
}

// walkChain calls f for err and for all that it wraps.
func walkChain(err error, f func(error)) {
	if err == nil {
		return
	}
	f(err)
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		walkChain(wrapper.Unwrap(), f)
	case interface{ Unwrap() []error }:
		for _, e := range wrapper.Unwrap() {
			walkChain(e, f)
		}
	}
}

func (e WireError) names() []string {
	if e.Names == "" {
		return nil
	}
	return strings.Split(e.Names, nameSeparator)
}

// Error returns the text of the original.
func (e WireError) Error() string { return e.Text }

// Is reports whether errors.Is found target in the original, as far as target
// is a registered sentinel.
func (e WireError) Is(target error) bool {
	for _, name := range e.names() {
		if sentinel := sentinels.lookup(name); sentinel != nil && errors.Is(sentinel, target) {
			return true
		}
	}
	return false
}
