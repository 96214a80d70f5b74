package manager_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
)

// A mine is a user type that panics where nobody looks for it: in methods of what it takes and returns.
type mine struct{}

type (
	deepError  struct{ text string }
	badWrapper struct{}
	badText    struct{}
	badValue   struct{}
)

func (e *deepError) Error() string          { return e.text } // panics if e is nil
func (badWrapper) Error() string            { return "wraps" }
func (badWrapper) Unwrap() error            { panic("in Unwrap") }
func (*badText) UnmarshalText([]byte) error { panic("in UnmarshalText") }
func (badValue) PickleValue() (any, error)  { panic("in PickleValue") }
func (badValue) PyType() string             { return "bad" }
func (badValue) PyRepr() string             { return "bad" }
func (mine) NilError() error                { return (*deepError)(nil) }
func (mine) NilException() error            { return (*manager.Exception)(nil) }
func (mine) NilWrapped() error              { return errors.Join((*manager.Exception)(nil)) }
func (mine) Unwraps() error                 { return badWrapper{} }
func (mine) Argument(badText) int           { return 0 }
func (mine) Arguments(...badText) int       { return 0 }
func (mine) Result() badValue               { return badValue{} }
func (mine) Results() (int, any)            { return 1, badValue{} }
func (mine) InException() error             { return manager.NewException("ValueError", badValue{}) }
func (mine) WrongException() error          { return manager.NewException("ValueError", 1, struct{}{}) }
func (mine) Fine(n int) int                 { return n }
func newMine(where string) (mine, error) {
	switch where {
	case "nil error":
		return mine{}, (*deepError)(nil)
	case "nil exception":
		return mine{}, (*manager.Exception)(nil)
	}
	return mine{}, nil
}

// TestPanicsAroundUserTypes: none of them is the server's end, and the log has each.
func TestPanicsAroundUserTypes(t *testing.T) {
	var log record
	s := serve(t, manager.Options{Types: []manager.UserType{manager.Type("Mine", newMine)}, Logger: logTo(&log)})
	m, f := create(t, s, "Mine", ""), open(t, s)
	stacks := 0
	for _, test := range []struct {
		method string
		args   []any
		kind   string
		text   string
	}{
		{"nil_error", nil, wire.KindTraceback, "panic in Mine.nil_error"},
		{"nil_exception", nil, wire.KindTraceback, "panic in Mine.nil_exception"},
		{"nil_wrapped", nil, wire.KindTraceback, "panic in Mine.nil_wrapped"},
		{"unwraps", nil, wire.KindTraceback, "in Unwrap"},
		{"argument", []any{"text"}, wire.KindTraceback, "in UnmarshalText"},
		{"arguments", []any{"text", "text"}, wire.KindTraceback, "in UnmarshalText"},
		{"result", nil, wire.KindTraceback, "in PickleValue"},
		{"results", nil, wire.KindTraceback, "in PickleValue"},
		{"in_exception", nil, wire.KindTraceback, "in PickleValue"},
		{"wrong_exception", nil, wire.KindUnserializable, "cannot encode"},
	} {
		wantText(t, f, test.kind, test.text, m, test.method, test.args...)
		if test.kind == wire.KindTraceback {
			stacks++
		}
		want(t, f, int64(7), m, "fine", int64(7))
	}
	for _, where := range []string{"nil error", "nil exception"} {
		stacks++
		if kind, result := ask(t, s, wire.FuncCreate, "Mine", where); kind != wire.KindTraceback || !strings.Contains(result.(string), "panic in Mine") {
			t.Errorf("a constructor with a %s: %s %v", where, kind, result)
		}
		kind, _ := call(t, f, wire.ServerIdent, wire.FuncCreate, "Mine", where)
		if stacks++; kind != wire.KindTraceback {
			t.Errorf("the same on a connection for calls: %s", kind)
		}
	}
	if n := strings.Count(log.String(), "a user type has panicked"); n != stacks {
		t.Errorf("the log has %d panics of %d: %s", n, stacks, log.String())
	}
	want(t, f, int64(8), m, "fine", int64(8))
	wantWorking(t, s)
}
