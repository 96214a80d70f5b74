package handoff

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

var (
	errOne  = Sentinel("handoff_test: one")
	errTwo  = Sentinel("handoff_test: two")
	errLate = errors.New("late")
)

func init() { RegisterSentinel("handoff_test.errLate", errLate) }

type isTwo struct{}

func (isTwo) Error() string        { return "like two" }
func (isTwo) Is(target error) bool { return target == errTwo }

// throughWire encodes err, sends it as a value, and returns what arrives.
func throughWire(t *testing.T, err error) error {
	t.Helper()
	return roundTrip(t, EncodeError(err))
}

func TestErrorsSurvive(t *testing.T) {
	_, notExist := os.Open("/does/not/exist")
	all := []error{errOne, errTwo, errLate, io.EOF, io.ErrUnexpectedEOF, context.Canceled, context.DeadlineExceeded,
		fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrClosed, os.ErrDeadlineExceeded, errors.ErrUnsupported,
		syscall.ENOENT, syscall.EPERM, syscall.EINTR}
	for _, err := range []error{
		errOne,
		fmt.Errorf("outer: %w", errOne),
		errors.Join(errOne, fmt.Errorf("b: %w", errLate)),
		fmt.Errorf("%w and %w", errTwo, context.DeadlineExceeded),
		isTwo{},
		io.EOF, context.Canceled, os.ErrDeadlineExceeded, errors.ErrUnsupported,
		notExist,
		&os.PathError{Op: "open", Path: "/x", Err: syscall.EPERM},
		syscall.EINTR,
		errors.New("plain\xff"),
		errors.New(""),
	} {
		got := throughWire(t, err)
		again := throughWire(t, fmt.Errorf("%w", got))
		if got.Error() != err.Error() || again.Error() != err.Error() {
			t.Errorf("%q became %q, then %q", err, got, again)
		}
		for _, target := range all {
			want := errors.Is(err, target)
			if errors.Is(got, target) != want || errors.Is(again, target) != want {
				t.Errorf("errors.Is(%q, %v) is not %v any more", err, target, want)
			}
			if errors.Is(fmt.Errorf("child: %w", got), target) != want {
				t.Errorf("wrapped: errors.Is(%q, %v) is not %v", err, target, want)
			}
		}
		if got != throughWire(t, err) {
			t.Errorf("%q: not comparable", err)
		}
	}
}

// A process in the middle passes on what it does not know.
func TestUnknownNamesAreRelayed(t *testing.T) {
	far := WireError{Text: "far", Names: "only.Child\x00io.EOF"}
	near := EncodeError(errors.Join(errOne, &far))
	for _, name := range []string{"only.Child", "io.EOF", "handoff_test: one"} {
		if !strings.Contains(near.Names, name) {
			t.Errorf("%q is not in %q", name, near.Names)
		}
	}
	if EncodeError(nil) != (WireError{}) {
		t.Error("nil has an encoding")
	}
	if errors.Is(WireError{Names: "unknown\x00syscall.Errno x\x00"}, io.EOF) {
		t.Error("an unknown name is io.EOF")
	}
}

func TestSentinelMistakes(t *testing.T) {
	mustPanic(t, "same text twice", func() { Sentinel("handoff_test: one") })
	mustPanic(t, "two errors, one name", func() { RegisterSentinel("io.EOF", errOne) })
	mustPanic(t, "nil", func() { RegisterSentinel("handoff_test.nil", nil) })
	mustPanic(t, "no name", func() { RegisterSentinel("", errOne) })
	mustPanic(t, "separator", func() { RegisterSentinel("a\x00b", errOne) })
	mustPanic(t, "errno", func() { RegisterSentinel("syscall.Errno 2", errOne) })
	mustPanic(t, "uncomparable", func() { RegisterSentinel("handoff_test.slice", manyErrors{}) })
	RegisterSentinel("io.EOF", io.EOF) // again is no mistake
}

type manyErrors []error

func (manyErrors) Error() string { return "many" }

func TestLocalErrorsKeepTheirTypes(t *testing.T) {
	_, err := Encode(func() {})
	var typeErr *TypeError
	if !errors.As(fmt.Errorf("start: %w", err), &typeErr) {
		t.Errorf("%T", err)
	}
}
